#include "harness/fault.hpp"

#include <sqlite3.h>

namespace holdfast::test {

using vfs::Operation;
using vfs::Verdict;

namespace {

// What SQLite's own VFS returns if the system call under it fails; 0: the call cannot fail.
int error_of(const vfs::Call& call) {
  switch (call.operation) {
    case Operation::open:
      return SQLITE_CANTOPEN;
    case Operation::remove:
      return SQLITE_IOERR_DELETE;
    case Operation::read:
      return SQLITE_IOERR_READ;
    case Operation::write:
      return SQLITE_IOERR_WRITE;
    case Operation::truncate:
      return SQLITE_IOERR_TRUNCATE;
    case Operation::sync:
      return SQLITE_IOERR_FSYNC;
    case Operation::file_size:
      return SQLITE_IOERR_FSTAT;
    case Operation::shm_map:
      return SQLITE_IOERR_SHMMAP;
    case Operation::lock:
      return SQLITE_IOERR_LOCK;
    case Operation::shm_lock:
      return (call.flags & SQLITE_SHM_LOCK) != 0 ? SQLITE_IOERR_SHMLOCK : 0;
    default:
      return 0;
  }
}

bool is_lock(const vfs::Call& call) {
  return call.operation == Operation::lock || call.operation == Operation::shm_lock;
}

bool concerns(FaultKind kind, const vfs::Call& call) {
  const bool writes = call.operation == Operation::write;
  switch (kind) {
    case FaultKind::io_error:
      return error_of(call) != 0 && !is_lock(call);
    case FaultKind::full:
      return writes || call.operation == Operation::shm_map;
    case FaultKind::short_read:
      return call.operation == Operation::read && call.bytes > 1;
    case FaultKind::short_write:
      return writes && call.bytes > 1;
    case FaultKind::lying_sync:
      return call.operation == Operation::sync;
    case FaultKind::lock_error:
      return is_lock(call) && error_of(call) != 0;
  }
  return false;
}

}  // namespace

const char* to_string(FaultKind kind) {
  switch (kind) {
    case FaultKind::io_error:
      return "EIO";
    case FaultKind::full:
      return "ENOSPC";
    case FaultKind::short_read:
      return "short read";
    case FaultKind::short_write:
      return "short write";
    case FaultKind::lying_sync:
      return "lying sync";
    case FaultKind::lock_error:
      return "lock error";
  }
  return "unknown";
}

void Fault::arm(FaultKind kind, std::uint64_t nth, bool sticky) {
  armed_ = true;
  kind_ = kind;
  nth_ = nth;
  calls_ = 0;
  sticky_ = sticky;
  fired_ = false;
  failed_sync_ = false;
}

bool Fault::disarm() {
  armed_ = false;
  return fired_;
}

Verdict Fault::before(const vfs::Call& call) {
  after_all_ = 0;
  if (!armed_ || !concerns(kind_, call)) return Verdict::proceed();
  ++calls_;
  if (sticky_ ? calls_ < nth_ : calls_ != nth_) return Verdict::proceed();
  fired_ = true;
  if (call.operation == Operation::sync && kind_ == FaultKind::io_error) failed_sync_ = true;
  if (kind_ == FaultKind::io_error && nth_ % 2 == 0) {
    const bool changes = call.operation == Operation::write || call.operation == Operation::sync ||
                         call.operation == Operation::truncate;
    if (changes) {
      after_all_ = error_of(call);
      return Verdict::proceed();
    }
  }
  return verdict_for(call);
}

int Fault::after(const vfs::Call& call, int result) {
  static_cast<void>(call);
  return after_all_ != 0 ? after_all_ : result;
}

Verdict Fault::verdict_for(const vfs::Call& call) const {
  switch (kind_) {
    case FaultKind::io_error:
    case FaultKind::lock_error:
      return Verdict::fail(error_of(call));
    case FaultKind::full:
      return Verdict::fail(call.operation == Operation::write ? SQLITE_FULL : SQLITE_IOERR_SHMSIZE);
    case FaultKind::short_read:
      return Verdict::partial(call.bytes / 2, SQLITE_IOERR_SHORT_READ);
    case FaultKind::short_write:
      return Verdict::partial(call.bytes / 2, nth_ % 2 == 0 ? SQLITE_IOERR_WRITE : SQLITE_FULL);
    case FaultKind::lying_sync:
      return Verdict::lie();
  }
  return Verdict::proceed();
}

}  // namespace holdfast::test
