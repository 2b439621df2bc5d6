// The seam at which tests see, change and refuse what reaches the disk.
//
// An Interceptor sits directly above the base VFS, below everything that the Shim decides: calls
// that the poison refuses never reach it, and the locks that the WAL-reset guard adds do.
//
// Shape:   one Call per call of a VFS method; `before` decides, `after` sees what came of it.
// Errors:  neither function may throw: they run inside SQLite's C callbacks, where an exception
//          ends the process.
// Threads: called on whichever thread SQLite runs, at the same time on several; an Interceptor
//          guards its own state. It must not use a connection that goes through its own Shim.
// Source:  https://sqlite.org/c3ref/io_methods.html
#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast::vfs {

// Which of the files of one database a call concerns. `other` is a second database that went
// through the same Shim (the target of VACUUM INTO): it is passed on, not watched or poisoned.
enum class FileKind { database, wal, shm, journal, temporary, other };

const char* to_string(FileKind kind) noexcept;

enum class Operation {
  open,
  close,
  remove,  // a file is deleted; flags != 0 asks for a sync of the folder too
  read,
  write,
  truncate,
  sync,
  file_size,
  lock,
  unlock,
  shm_map,
  shm_lock,
  shm_unmap,
};

// What is about to be asked of the base VFS. Fields without meaning for an operation are zero.
struct Call {
  Operation operation = Operation::open;
  FileKind file = FileKind::other;
  const char* path = nullptr;       // nullptr: a temporary file without a name
  const void* handle = nullptr;     // tells open files apart; nullptr for `remove`
  std::int64_t offset = 0;          // read, write; shm_map: number of the region
  std::int64_t bytes = 0;           // read, write; truncate: the new size; shm_map: region size
  const std::byte* data = nullptr;  // write: what is to be written
  std::byte* buffer = nullptr;      // read: filled when `after` runs, which may change it
  int flags = 0;                    // as SQLite gave them: open, sync, shm_lock; delete flags
  int lock_level = 0;               // lock, unlock: SQLITE_LOCK_*
  int first_slot = 0;               // shm_lock: 0 writer, 1 checkpoint, 2 recover, 3..7 readers
  int slots = 0;                    // shm_lock: how many from first_slot on
};

// What shall become of a Call. `close` and `shm_unmap` are carried out whatever the verdict, since
// skipping them would leak; only their result can be changed. `open` and `shm_map` cannot be lied
// about: skipped with SQLITE_OK they fail. An unlock that is skipped leaves its lock held, and SQLite
// may wait 10 s for it.
struct Verdict {
  enum class Action {
    proceed,  // do it
    skip,     // do not do it, and return `result`
    partial,  // read or write only the first `bytes` bytes, and return `result`
  };

  Action action = Action::proceed;
  int result = 0;          // an SQLite result code; 0 is SQLITE_OK
  std::int64_t bytes = 0;  // partial: how many; file_size when skipped: the size to report

  static Verdict proceed() noexcept { return {}; }
  static Verdict fail(int code) noexcept { return {Action::skip, code, 0}; }
  // Says that it is done, and does nothing: the disk whose sync lies. A read gives zeros.
  static Verdict lie() noexcept { return {Action::skip, 0, 0}; }
  // Torn. The rest of a short read is zeros, as SQLite requires of SQLITE_IOERR_SHORT_READ.
  static Verdict partial(std::int64_t bytes, int result) noexcept {
    return {Action::partial, result, bytes};
  }
};

class Interceptor {
 public:
  Interceptor() = default;
  Interceptor(const Interceptor&) = delete;
  Interceptor& operator=(const Interceptor&) = delete;
  virtual ~Interceptor() = default;

  virtual Verdict before(const Call& call) = 0;

  // Returns the result that SQLite shall see, normally the one given. Turning success into failure
  // here models an operation that took effect and was reported as failed; a sync that is made to
  // fail here poisons like one that failed. Do not turn a failed `open` or `shm_map` into success.
  virtual int after(const Call& call, int result) {
    static_cast<void>(call);
    return result;
  }
};

}  // namespace holdfast::vfs
