#include "vfs/shim.hpp"

#include "vfs/shim_state.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <utility>

namespace holdfast::vfs {

namespace {

ShimState& state_of(sqlite3_vfs* vfs) {
  return *static_cast<ShimState*>(vfs->pAppData);
}

sqlite3_vfs* base_of(sqlite3_vfs* vfs) {
  return state_of(vfs).base;
}

// A host's default, or a large SIZE_HINT, can make the unix VFS map a file without being asked.
void forbid_mapping(sqlite3_file& base) {
  sqlite3_int64 none = 0;
  base.pMethods->xFileControl(&base, SQLITE_FCNTL_MMAP_SIZE, &none);
}

// True if the file that the base has opened is the one that it ought to be.
bool note_opened(ShimFile& ours) {
  switch (ours.kind) {
    case FileKind::database:
      return ours.shim->files.database_opened(ours.path, *ours.base());
    case FileKind::wal:
      if (!ours.shim->files.opened(FileKind::wal)) return false;
      // SQLite opens a WAL for a database that is open.
      shim_file(sqlite3_database_file_object(ours.path)).wal = &ours;
      return true;
    case FileKind::shm:
    case FileKind::journal:
    case FileKind::temporary:
    case FileKind::other:
      return true;
  }
  return true;
}

int base_open(ShimFile& ours, int flags, int* out_flags) {
  sqlite3_vfs* base = ours.shim->base;
  ours.base()->pMethods = nullptr;
  bool done = false;
  const int result = intercepted(
      *ours.shim,
      [&] {
        Call call = call_on(Operation::open, ours);
        call.flags = flags;
        return call;
      },
      [&] {
        done = true;
        return base->xOpen(base, ours.path, ours.base(), flags, out_flags);
      });
  return result == SQLITE_OK && !done ? SQLITE_CANTOPEN : result;
}

int open_checked(ShimFile& ours, int flags, int* out_flags) {
  ours.kind = ours.shim->files.kind_of_open(ours.path, flags);
  const int result = base_open(ours, flags, out_flags);
  if (result != SQLITE_OK) return result;
  forbid_mapping(*ours.base());
  return note_opened(ours) ? SQLITE_OK : SQLITE_CANTOPEN;
}

int vfs_open(sqlite3_vfs* vfs,
             sqlite3_filename path,
             sqlite3_file* file,
             int flags,
             int* out_flags) noexcept {
  auto& ours = *new (file) ShimFile{};
  ours.shim = &state_of(vfs);
  ours.path = path;
  ours.base()->pMethods = nullptr;
  int result = SQLITE_NOMEM;
  try {
    result = open_checked(ours, flags, out_flags);
  } catch (const std::bad_alloc&) {
    result = SQLITE_NOMEM;
  }
  const sqlite3_io_methods* base_methods = ours.base()->pMethods;
  if (result == SQLITE_OK) {
    ours.pMethods = shim_file_methods(base_methods->iVersion);
    return SQLITE_OK;
  }
  if (base_methods != nullptr) base_methods->xClose(ours.base());
  ours.~ShimFile();
  file->pMethods = nullptr;  // so that SQLite does not call xClose
  return result;
}

int vfs_delete(sqlite3_vfs* vfs, const char* path, int sync_folder) noexcept {
  ShimState& shim = state_of(vfs);
  const FileKind kind = shim.files.kind_of_path(path);
  if (is_durable(kind) && shim.is_poisoned()) return SQLITE_IOERR_DELETE;
  const int result = intercepted(
      shim,
      [&] {
        Call call;
        call.operation = Operation::remove;
        call.file = kind;
        call.path = path;
        call.flags = sync_folder;
        return call;
      },
      [&] { return shim.base->xDelete(shim.base, path, sync_folder); });
  if (is_durable(kind) && result == SQLITE_IOERR_DIR_FSYNC) shim.poison();
  return result;
}

int vfs_access(sqlite3_vfs* vfs, const char* path, int flags, int* answer) noexcept {
  return base_of(vfs)->xAccess(base_of(vfs), path, flags, answer);
}

int vfs_full_pathname(sqlite3_vfs* vfs, const char* path, int bytes, char* out) noexcept {
  return base_of(vfs)->xFullPathname(base_of(vfs), path, bytes, out);
}

void* vfs_dl_open(sqlite3_vfs* vfs, const char* path) noexcept {
  return base_of(vfs)->xDlOpen(base_of(vfs), path);
}

void vfs_dl_error(sqlite3_vfs* vfs, int bytes, char* message) noexcept {
  base_of(vfs)->xDlError(base_of(vfs), bytes, message);
}

using Symbol = void (*)();

Symbol vfs_dl_sym(sqlite3_vfs* vfs, void* library, const char* symbol) noexcept {
  return base_of(vfs)->xDlSym(base_of(vfs), library, symbol);
}

void vfs_dl_close(sqlite3_vfs* vfs, void* library) noexcept {
  base_of(vfs)->xDlClose(base_of(vfs), library);
}

int vfs_randomness(sqlite3_vfs* vfs, int bytes, char* out) noexcept {
  return base_of(vfs)->xRandomness(base_of(vfs), bytes, out);
}

int vfs_sleep(sqlite3_vfs* vfs, int microseconds) noexcept {
  return base_of(vfs)->xSleep(base_of(vfs), microseconds);
}

int vfs_current_time(sqlite3_vfs* vfs, double* days) noexcept {
  return base_of(vfs)->xCurrentTime(base_of(vfs), days);
}

int vfs_last_error(sqlite3_vfs* vfs, int bytes, char* message) noexcept {
  return base_of(vfs)->xGetLastError(base_of(vfs), bytes, message);
}

int vfs_current_time_int64(sqlite3_vfs* vfs, sqlite3_int64* milliseconds) noexcept {
  return base_of(vfs)->xCurrentTimeInt64(base_of(vfs), milliseconds);
}

// Without the system-call functions of version 3: they would change the base for everybody.
sqlite3_vfs vfs_over(const sqlite3_vfs& base) {
  sqlite3_vfs vfs{};
  vfs.iVersion = std::min(base.iVersion, 2);
  vfs.szOsFile = static_cast<int>(kBaseFileOffset) + base.szOsFile;
  vfs.mxPathname = base.mxPathname;
  vfs.xOpen = vfs_open;
  vfs.xDelete = vfs_delete;
  vfs.xAccess = vfs_access;
  vfs.xFullPathname = vfs_full_pathname;
  vfs.xDlOpen = vfs_dl_open;
  vfs.xDlError = vfs_dl_error;
  vfs.xDlSym = vfs_dl_sym;
  vfs.xDlClose = vfs_dl_close;
  vfs.xRandomness = vfs_randomness;
  vfs.xSleep = vfs_sleep;
  vfs.xCurrentTime = vfs_current_time;
  vfs.xGetLastError = vfs_last_error;
  vfs.xCurrentTimeInt64 = vfs_current_time_int64;
  return vfs;
}

sqlite3_vfs* base_or_default(sqlite3_vfs* base) {
  sqlite3_vfs* chosen = base != nullptr ? base : sqlite3_vfs_find(nullptr);
  if (chosen == nullptr) throw std::runtime_error("SQLite has no default VFS");
  return chosen;
}

// The address, because a counter of ours would meet the counter of another copy of this library in
// the same process, and SQLite would hand one the other's VFS.
std::string unique_name(const void* living) {
  return "holdfast-" + std::to_string(reinterpret_cast<std::uintptr_t>(living));
}

}  // namespace

ShimState::ShimState(const ShimOptions& options)
    : base(base_or_default(options.base)),
      interceptor(options.interceptor),
      wal_reset_cure(options.wal_reset_cure.value_or(wal_reset_affected(sqlite3_libversion_number())
                                                         ? WalResetCure::salt_check
                                                         : WalResetCure::none)),
      name(unique_name(this)),
      vfs(vfs_over(*base)) {
  vfs.zName = name.c_str();
  vfs.pAppData = this;
  const int result = sqlite3_vfs_register(&vfs, 0);
  if (result == SQLITE_NOMEM) throw std::bad_alloc();
  if (result != SQLITE_OK) throw std::runtime_error("SQLite refused to register a VFS");
}

ShimState::~ShimState() {
  sqlite3_vfs_unregister(&vfs);
}

void ShimState::note_recovery(WalRecovery found) noexcept {
  const std::scoped_lock lock(recovery_mutex_);
  if (!recovery_ || recovery_->found.tail <= found.found.tail) recovery_ = std::move(found);
}

std::optional<WalRecovery> ShimState::last_recovery() const {
  const std::scoped_lock lock(recovery_mutex_);
  return recovery_;
}

Shim::Shim(const ShimOptions& options) : state_(std::make_unique<ShimState>(options)) {}

Shim::~Shim() = default;

const std::string& Shim::name() const noexcept {
  return state_->name;
}

WalResetCure Shim::wal_reset_cure() const noexcept {
  return state_->wal_reset_cure;
}

bool Shim::poisoned() const noexcept {
  return state_->is_poisoned();
}

void Shim::poison() noexcept {
  state_->poison();
}

std::optional<ReplacedFile> Shim::replaced() const noexcept {
  return state_->files.replaced();
}

std::optional<WalIndexPosition> Shim::wal_index_position() const noexcept {
  return state_->wal_index.position();
}

bool Shim::still_at(const WalIndexPosition& position) const noexcept {
  return state_->wal_index.is_at(position);
}

void Shim::protect(ProtectedTrees trees) {
  state_->seals.protect(std::move(trees));
}

std::optional<WalRecovery> Shim::recovery() const {
  return state_->last_recovery();
}

Counters Shim::counters() const noexcept {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  return {.syncs = state_->syncs.load(kRelaxed),
          .sync_ns = state_->sync_ns.load(kRelaxed),
          .database_bytes = state_->database_bytes.load(kRelaxed),
          .wal_bytes = state_->wal_bytes.load(kRelaxed),
          .damaged_pages = state_->seals.refused()};
}

}  // namespace holdfast::vfs
