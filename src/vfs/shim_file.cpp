#include "defect.hpp"
#include "vfs/shim_state.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <span>

namespace holdfast::vfs {

namespace {

bool refuses_writes(const ShimFile& ours) {
  return ours.shim->is_poisoned() && is_durable(ours.kind) && !planted("poisoned_file_written");
}

// The database that this WAL belongs to.
ShimFile* database_of(const ShimFile& wal) {
  auto* database = static_cast<ShimFile*>(sqlite3_database_file_object(wal.path));
  return database != nullptr && database->pMethods != nullptr ? database : nullptr;
}

int file_close(sqlite3_file* file) noexcept {
  ShimFile& ours = shim_file(file);
  // Before the file is closed: afterwards SQLite may delete the WAL, which is then no loss.
  if (ours.kind == FileKind::wal) {
    ours.shim->files.closed(FileKind::wal);
    if (ShimFile* database = database_of(ours)) database->wal = nullptr;
  }
  const int result = intercepted_release(
      *ours.shim,
      [&] { return call_on(Operation::close, ours); },
      [&] { return ours.base()->pMethods->xClose(ours.base()); });
  ours.~ShimFile();
  return result;
}

int read_partly(ShimFile& ours, void* buffer, const Call& call, const Verdict& verdict) {
  const auto wanted = static_cast<std::size_t>(call.bytes);
  const auto kept = static_cast<std::size_t>(std::clamp<std::int64_t>(
      verdict.action == Verdict::Action::partial ? verdict.bytes : 0, 0, call.bytes));
  std::memset(buffer, 0, wanted);
  if (kept == 0) return verdict.result;
  sqlite3_file* base = ours.base();
  const int done = base->pMethods->xRead(base, buffer, static_cast<int>(kept), call.offset);
  return done == SQLITE_OK ? verdict.result : done;
}

int intercepted_read(ShimFile& ours, void* buffer, int bytes, sqlite3_int64 offset) {
  Call call = call_on(Operation::read, ours);
  call.offset = offset;
  call.bytes = bytes;
  call.buffer = static_cast<std::byte*>(buffer);
  Interceptor& interceptor = *ours.shim->interceptor;
  const Verdict verdict = interceptor.before(call);
  const int result = verdict.action == Verdict::Action::proceed
                         ? ours.base()->pMethods->xRead(ours.base(), buffer, bytes, offset)
                         : read_partly(ours, buffer, call, verdict);
  return interceptor.after(call, result);
}

int read_once(ShimFile& ours, void* buffer, int bytes, sqlite3_int64 offset) {
  const int flushed = flush_wal(ours);
  if (flushed != SQLITE_OK) return flushed;
  if (ours.shim->interceptor != nullptr) return intercepted_read(ours, buffer, bytes, offset);
  return ours.base()->pMethods->xRead(ours.base(), buffer, bytes, offset);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) noexcept;

// SQLite takes what a short read leaves out for zeros. That is right beyond the end of the file; within it,
// a page would lose its rows in silence.
int read_fully(ShimFile& ours, void* buffer, int bytes, sqlite3_int64 offset) {
  int result = read_once(ours, buffer, bytes, offset);
  if (result != SQLITE_IOERR_SHORT_READ) return result;
  sqlite3_int64 size = 0;
  const int sized = file_size(&ours, &size);
  if (sized != SQLITE_OK) return sized;
  if (offset + bytes > size || planted("short_read_believed")) return result;
  result = read_once(ours, buffer, bytes, offset);  // somebody may just have made it longer
  return result == SQLITE_IOERR_SHORT_READ ? SQLITE_IOERR_READ : result;
}

sqlite3_file* base_database_of(const ShimFile& wal) {
  ShimFile* database = database_of(wal);
  return database != nullptr ? database->base() : nullptr;
}

bool accepts(ShimFile& ours, std::span<const std::byte> bytes, sqlite3_int64 offset) {
  SealedPages& seals = ours.shim->seals;
  switch (ours.kind) {
    case FileKind::database:
      seals.note_database(bytes, offset);
      return seals.accepts_database_page(bytes, offset, *ours.base());
    case FileKind::wal:
      return seals.accepts_wal_page(bytes, offset, *ours.base(), base_database_of(ours));
    case FileKind::shm:
    case FileKind::journal:
    case FileKind::temporary:
    case FileKind::other:
      return true;
  }
  return true;
}

int file_read(sqlite3_file* file, void* buffer, int bytes, sqlite3_int64 offset) noexcept {
  ShimFile& ours = shim_file(file);
  const int result = read_fully(ours, buffer, bytes, offset);
  if (result != SQLITE_OK) return result;
  const std::span read(static_cast<const std::byte*>(buffer), static_cast<std::size_t>(bytes));
  if (planted("page_seal_not_compared")) return SQLITE_OK;
  return accepts(ours, read, offset) ? SQLITE_OK : SQLITE_CORRUPT;
}

// SQLite hands out its cached page, or a header that it has just put together.
void seal(ShimFile& ours, const void* data, int bytes, sqlite3_int64 offset) {
  const std::span written(const_cast<std::byte*>(static_cast<const std::byte*>(data)),
                          static_cast<std::size_t>(bytes));
  SealedPages& seals = ours.shim->seals;
  if (ours.kind == FileKind::wal) {
    seals.seal_wal_write(written, offset, ours.wal_frame, *ours.base());
  } else if (ours.kind == FileKind::database) {
    seals.note_database(written, offset);
    if (ours.in_checkpoint) {
      seals.mend_checkpointed_page(written, offset);
    } else {
      seals.seal_database_page(written, offset);
    }
  }
}

int intercepted_write(ShimFile& ours, const void* data, int bytes, sqlite3_int64 offset) {
  Call call = call_on(Operation::write, ours);
  call.offset = offset;
  call.bytes = bytes;
  call.data = static_cast<const std::byte*>(data);
  Interceptor& interceptor = *ours.shim->interceptor;
  const Verdict verdict = interceptor.before(call);
  std::int64_t kept = 0;
  switch (verdict.action) {
    case Verdict::Action::proceed:
      kept = bytes;
      break;
    case Verdict::Action::partial:
      kept = std::clamp<std::int64_t>(verdict.bytes, 0, bytes);
      break;
    case Verdict::Action::skip:
      break;
  }
  int result = SQLITE_OK;
  if (kept > 0) {
    result = ours.base()->pMethods->xWrite(ours.base(), data, static_cast<int>(kept), offset);
  }
  const bool altered = verdict.action != Verdict::Action::proceed;
  return interceptor.after(call, altered && result == SQLITE_OK ? verdict.result : result);
}

int write_once(ShimFile& ours, const void* data, int bytes, sqlite3_int64 offset) {
  return ours.shim->interceptor != nullptr
             ? intercepted_write(ours, data, bytes, offset)
             : ours.base()->pMethods->xWrite(ours.base(), data, bytes, offset);
}

int write_through(ShimFile& ours, const void* data, int bytes, sqlite3_int64 offset) {
  const int result = write_once(ours, data, bytes, offset);
  if (result != SQLITE_OK) return result;
  const auto written = static_cast<std::uint64_t>(bytes);
  if (ours.kind == FileKind::wal) {
    ours.shim->wal_bytes.fetch_add(written, std::memory_order_relaxed);
  } else if (ours.kind == FileKind::database) {
    ours.shim->database_bytes.fetch_add(written, std::memory_order_relaxed);
  }
  return SQLITE_OK;
}

int write_to_wal(ShimFile& ours, const void* data, int bytes, sqlite3_int64 offset) {
  const auto size = static_cast<std::size_t>(bytes);
  if (!ours.gather.goes_on_at(offset, size)) {
    const int flushed = flush_wal(ours);
    if (flushed != SQLITE_OK) return flushed;
  }
  seal(ours, data, bytes, offset);
  switch (ours.gather.add({static_cast<const std::byte*>(data), size}, offset)) {
    case WalGather::Next::wait:
      return SQLITE_OK;
    case WalGather::Next::flush:
      return flush_wal(ours);
    case WalGather::Next::write:
      break;
  }
  return write_through(ours, data, bytes, offset);
}

int file_write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) noexcept {
  ShimFile& ours = shim_file(file);
  if (refuses_writes(ours)) return SQLITE_IOERR_FSYNC;
  if (ours.kind == FileKind::wal) return write_to_wal(ours, data, bytes, offset);
  seal(ours, data, bytes, offset);
  return write_through(ours, data, bytes, offset);
}

int file_truncate(sqlite3_file* file, sqlite3_int64 size) noexcept {
  ShimFile& ours = shim_file(file);
  if (refuses_writes(ours)) return SQLITE_IOERR_FSYNC;
  ours.gather.cut(size);
  return intercepted(
      *ours.shim,
      [&] {
        Call call = call_on(Operation::truncate, ours);
        call.bytes = size;
        return call;
      },
      [&] { return ours.base()->pMethods->xTruncate(ours.base(), size); });
}

int file_sync(sqlite3_file* file, int flags) noexcept {
  using Clock = std::chrono::steady_clock;
  ShimFile& ours = shim_file(file);
  if (refuses_writes(ours)) return SQLITE_IOERR_FSYNC;
  const int flushed = flush_wal(ours);
  if (flushed != SQLITE_OK) return flushed;
  if (ours.kind == FileKind::wal && planted("log_sync_skipped")) return SQLITE_OK;
  if (ours.kind == FileKind::database && planted("database_sync_skipped")) return SQLITE_OK;
  const auto start = Clock::now();
  const int result = intercepted(
      *ours.shim,
      [&] {
        Call call = call_on(Operation::sync, ours);
        call.flags = flags;
        return call;
      },
      [&] { return ours.base()->pMethods->xSync(ours.base(), flags); });
  if (!is_durable(ours.kind)) return result;
  if (result != SQLITE_OK && !planted("failed_sync_forgotten")) ours.shim->poison();
  const auto spent = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start);
  ours.shim->syncs.fetch_add(1, std::memory_order_relaxed);
  ours.shim->sync_ns.fetch_add(static_cast<std::uint64_t>(spent.count()),
                               std::memory_order_relaxed);
  return result;
}

int intercepted_file_size(ShimFile& ours, sqlite3_int64* size) {
  const Call call = call_on(Operation::file_size, ours);
  Interceptor& interceptor = *ours.shim->interceptor;
  const Verdict verdict = interceptor.before(call);
  int result = verdict.result;
  if (verdict.action == Verdict::Action::proceed) {
    result = ours.base()->pMethods->xFileSize(ours.base(), size);
  } else {
    *size = verdict.bytes;
  }
  return interceptor.after(call, result);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) noexcept {
  ShimFile& ours = shim_file(file);
  const int flushed = flush_wal(ours);
  if (flushed != SQLITE_OK) return flushed;
  if (ours.shim->interceptor != nullptr) return intercepted_file_size(ours, size);
  return ours.base()->pMethods->xFileSize(ours.base(), size);
}

Call lock_call(Operation operation, const ShimFile& ours, int level) {
  Call call = call_on(operation, ours);
  call.lock_level = level;
  return call;
}

int file_lock(sqlite3_file* file, int level) noexcept {
  ShimFile& ours = shim_file(file);
  return intercepted(
      *ours.shim,
      [&] { return lock_call(Operation::lock, ours, level); },
      [&] { return ours.base()->pMethods->xLock(ours.base(), level); });
}

int file_unlock(sqlite3_file* file, int level) noexcept {
  ShimFile& ours = shim_file(file);
  return intercepted(
      *ours.shim,
      [&] { return lock_call(Operation::unlock, ours, level); },
      [&] { return ours.base()->pMethods->xUnlock(ours.base(), level); });
}

int file_check_reserved_lock(sqlite3_file* file, int* reserved) noexcept {
  sqlite3_file* base = shim_file(file).base();
  return base->pMethods->xCheckReservedLock(base, reserved);
}

int name_layers(ShimFile& ours, void* argument) {
  auto** name = static_cast<char**>(argument);
  sqlite3_file* base = ours.base();
  const int result = base->pMethods->xFileControl(base, SQLITE_FCNTL_VFSNAME, argument);
  const char* below = result == SQLITE_OK && *name != nullptr ? *name : ours.shim->base->zName;
  char* layers = sqlite3_mprintf("%s/%s", ours.shim->name.c_str(), below);
  if (result == SQLITE_OK) sqlite3_free(*name);
  *name = layers;
  return SQLITE_OK;
}

int file_control(sqlite3_file* file, int operation, void* argument) noexcept {
  ShimFile& ours = shim_file(file);
  switch (operation) {
    case SQLITE_FCNTL_MMAP_SIZE:
      // No mapping, whatever a pragma or the host's configuration asks for.
      *static_cast<sqlite3_int64*>(argument) = 0;
      return SQLITE_OK;
    case SQLITE_FCNTL_SIZE_HINT:
      if (refuses_writes(ours)) return SQLITE_IOERR_FSYNC;  // it may grow the file
      break;
    case SQLITE_FCNTL_CKPT_START:
    case SQLITE_FCNTL_CKPT_DONE:
      ours.in_checkpoint = operation == SQLITE_FCNTL_CKPT_START;
      break;
    case SQLITE_FCNTL_VFSNAME:
      return name_layers(ours, argument);
    default:
      break;
  }
  return ours.base()->pMethods->xFileControl(ours.base(), operation, argument);
}

int file_sector_size(sqlite3_file* file) noexcept {
  sqlite3_file* base = shim_file(file).base();
  return base->pMethods->xSectorSize(base);
}

int file_device_characteristics(sqlite3_file* file) noexcept {
  sqlite3_file* base = shim_file(file).base();
  // Batches of atomic writes commit, and sync, inside xFileControl, past the poison and the seam.
  return base->pMethods->xDeviceCharacteristics(base) & ~SQLITE_IOCAP_BATCH_ATOMIC;
}

constexpr sqlite3_io_methods methods_of_version(int version) {
  sqlite3_io_methods methods{};
  methods.iVersion = version;
  methods.xClose = file_close;
  methods.xRead = file_read;
  methods.xWrite = file_write;
  methods.xTruncate = file_truncate;
  methods.xSync = file_sync;
  methods.xFileSize = file_size;
  methods.xLock = file_lock;
  methods.xUnlock = file_unlock;
  methods.xCheckReservedLock = file_check_reserved_lock;
  methods.xFileControl = file_control;
  methods.xSectorSize = file_sector_size;
  methods.xDeviceCharacteristics = file_device_characteristics;
  if (version >= 2) {
    methods.xShmMap = shim_shm_map;
    methods.xShmLock = shim_shm_lock;
    methods.xShmBarrier = shim_shm_barrier;
    methods.xShmUnmap = shim_shm_unmap;
  }
  return methods;
}

constexpr sqlite3_io_methods kWithoutWal = methods_of_version(1);
constexpr sqlite3_io_methods kWithWal = methods_of_version(2);

}  // namespace

namespace {

// Only the writer gets here, so that nothing behind its frames counts. What fails is no loss: the sync tells.
void grow_log(ShimFile& wal, std::int64_t end) {
  sqlite3_file* base = wal.base();
  sqlite3_int64 file_bytes = 0;
  if (!wal.gather.may_grow(end) || base->pMethods->xFileSize(base, &file_bytes) != SQLITE_OK)
    return;
  constexpr std::size_t kPieceBytes = 64ULL << 10;
  auto zeros = wal.gather.zeros_behind(end, file_bytes);
  for (std::int64_t at = end; !zeros.empty(); at += static_cast<std::int64_t>(kPieceBytes)) {
    const auto piece = zeros.first(std::min(zeros.size(), kPieceBytes));
    if (write_once(wal, piece.data(), static_cast<int>(piece.size()), at) != SQLITE_OK) return;
    zeros = zeros.subspan(piece.size());
  }
}

}  // namespace

int flush_wal(ShimFile& wal) noexcept {
  const auto waiting = wal.gather.waiting();
  if (waiting.empty()) return SQLITE_OK;
  const std::int64_t end = wal.gather.offset() + static_cast<std::int64_t>(waiting.size());
  const int result =
      refuses_writes(wal)
          ? SQLITE_IOERR_FSYNC
          : write_through(
                wal, waiting.data(), static_cast<int>(waiting.size()), wal.gather.offset());
  wal.gather.clear();
  if (result == SQLITE_OK) grow_log(wal, end);
  return result;
}

const sqlite3_io_methods* shim_file_methods(int base_version) noexcept {
  return base_version >= 2 ? &kWithWal : &kWithoutWal;
}

}  // namespace holdfast::vfs
