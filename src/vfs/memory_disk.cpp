#include "vfs/memory_disk.hpp"

#include "vfs/memory_file.hpp"

#include <sqlite3.h>

#include <cstdio>
#include <mutex>
#include <new>
#include <utility>

namespace holdfast::vfs {

// The directory: names and the VFS that leads to them.
class MemoryDiskState {
 public:
  MemoryDiskState();

  // nullptr and an SQLite code if it cannot be opened so.
  std::pair<std::shared_ptr<MemoryFile>, int> open(const char* name, int flags);
  std::shared_ptr<MemoryFile> find(const std::string& name) const;
  bool remove(const char* name);
  MemoryDisk::Image snapshot() const;
  void restore(const MemoryDisk::Image& image);

  const std::shared_ptr<MemoryCapacity> capacity = std::make_shared<MemoryCapacity>();
  sqlite3_vfs* const platform;  // for time and randomness
  sqlite3_vfs vfs{};

 private:
  using Files = std::map<std::string, std::shared_ptr<MemoryFile>>;

  std::shared_ptr<MemoryFile> make_file() const { return std::make_shared<MemoryFile>(capacity); }

  mutable std::mutex mutex_;
  Files files_;
};

namespace {

// SQLite's default for the sector of a disk that can be trusted not to tear others.
constexpr int kSectorBytes = 4096;
constexpr int kLongestNameBytes = 1024;

struct MemoryHandle : sqlite3_file {
  std::shared_ptr<MemoryFile> file;
  MemoryDiskState* disk = nullptr;
  const char* name_to_remove = nullptr;  // SQLITE_OPEN_DELETEONCLOSE
  bool read_only = false;
  bool keeps_wal = false;  // SQLITE_FCNTL_PERSIST_WAL
  int level = SQLITE_LOCK_NONE;
  MemoryWalIndex::Share share;
};
static_assert(alignof(MemoryHandle) <= 8);  // what SQLite aligns the allocation to

MemoryHandle& handle_of(sqlite3_file* file) {
  return *static_cast<MemoryHandle*>(file);
}

int file_close(sqlite3_file* file) noexcept {
  MemoryHandle& handle = handle_of(file);
  handle.file->wal_index.detach(handle.share);
  handle.file->lock.unlock(handle.level, SQLITE_LOCK_NONE);
  int result = SQLITE_OK;
  if (handle.name_to_remove != nullptr) {
    try {
      handle.disk->remove(handle.name_to_remove);
    } catch (const std::bad_alloc&) {
      result = SQLITE_IOERR_NOMEM;
    }
  }
  handle.~MemoryHandle();
  return result;
}

int file_read(sqlite3_file* file, void* out, int bytes, sqlite3_int64 offset) noexcept {
  return handle_of(file).file->contents.read(static_cast<std::byte*>(out),
                                             static_cast<std::uint64_t>(bytes),
                                             static_cast<std::uint64_t>(offset));
}

int file_write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) noexcept {
  MemoryHandle& handle = handle_of(file);
  if (handle.read_only) return SQLITE_READONLY;
  return handle.file->contents.write(static_cast<const std::byte*>(data),
                                     static_cast<std::uint64_t>(bytes),
                                     static_cast<std::uint64_t>(offset));
}

int file_truncate(sqlite3_file* file, sqlite3_int64 size) noexcept {
  MemoryHandle& handle = handle_of(file);
  if (handle.read_only) return SQLITE_READONLY;
  return handle.file->contents.resize(static_cast<std::uint64_t>(size));
}

int file_sync(sqlite3_file*, int) noexcept {
  return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) noexcept {
  *size = static_cast<sqlite3_int64>(handle_of(file).file->contents.size());
  return SQLITE_OK;
}

int file_lock(sqlite3_file* file, int level) noexcept {
  MemoryHandle& handle = handle_of(file);
  return handle.file->lock.lock(handle.level, level);
}

int file_unlock(sqlite3_file* file, int level) noexcept {
  MemoryHandle& handle = handle_of(file);
  handle.file->lock.unlock(handle.level, level);
  return SQLITE_OK;
}

int file_check_reserved_lock(sqlite3_file* file, int* reserved) noexcept {
  *reserved = handle_of(file).file->lock.reserved() ? 1 : 0;
  return SQLITE_OK;
}

int file_control(sqlite3_file* file, int operation, void* argument) noexcept {
  MemoryHandle& handle = handle_of(file);
  switch (operation) {
    case SQLITE_FCNTL_PERSIST_WAL: {
      int& keeps = *static_cast<int*>(argument);
      if (keeps >= 0) handle.keeps_wal = keeps != 0;
      keeps = handle.keeps_wal ? 1 : 0;
      return SQLITE_OK;
    }
    case SQLITE_FCNTL_LOCKSTATE:
      *static_cast<int*>(argument) = handle.level;
      return SQLITE_OK;
    default:
      return SQLITE_NOTFOUND;
  }
}

int file_sector_size(sqlite3_file*) noexcept {
  return kSectorBytes;
}

// What the unix VFS claims, so that a WAL is written here exactly as on a disk.
int file_device_characteristics(sqlite3_file*) noexcept {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

int file_shm_map(
    sqlite3_file* file, int region, int bytes, int extend, volatile void** out) noexcept {
  MemoryHandle& handle = handle_of(file);
  return handle.file->wal_index.map(handle.share, region, bytes, extend != 0, out);
}

int file_shm_lock(sqlite3_file* file, int first_slot, int slots, int flags) noexcept {
  MemoryHandle& handle = handle_of(file);
  return handle.file->wal_index.lock(handle.share, first_slot, slots, flags);
}

void file_shm_barrier(sqlite3_file* file) noexcept {
  handle_of(file).file->wal_index.barrier();
}

int file_shm_unmap(sqlite3_file* file, int) noexcept {
  MemoryHandle& handle = handle_of(file);
  handle.file->wal_index.detach(handle.share);
  return SQLITE_OK;
}

constexpr sqlite3_io_methods memory_methods() {
  sqlite3_io_methods methods{};
  methods.iVersion = 2;
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
  methods.xShmMap = file_shm_map;
  methods.xShmLock = file_shm_lock;
  methods.xShmBarrier = file_shm_barrier;
  methods.xShmUnmap = file_shm_unmap;
  return methods;
}

constexpr sqlite3_io_methods kMethods = memory_methods();

MemoryDiskState& state_of(sqlite3_vfs* vfs) {
  return *static_cast<MemoryDiskState*>(vfs->pAppData);
}

sqlite3_vfs* platform_of(sqlite3_vfs* vfs) {
  return state_of(vfs).platform;
}

int vfs_open(sqlite3_vfs* vfs,
             sqlite3_filename name,
             sqlite3_file* file,
             int flags,
             int* out_flags) noexcept {
  file->pMethods = nullptr;
  MemoryDiskState& disk = state_of(vfs);
  try {
    auto [opened, result] = disk.open(name, flags);
    if (opened == nullptr) return result;
    auto& handle = *new (file) MemoryHandle{};
    handle.file = std::move(opened);
    handle.disk = &disk;
    handle.read_only = (flags & SQLITE_OPEN_READONLY) != 0;
    if ((flags & SQLITE_OPEN_DELETEONCLOSE) != 0) handle.name_to_remove = name;
    handle.pMethods = &kMethods;
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  }
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs* vfs, const char* name, int) noexcept {
  try {
    return state_of(vfs).remove(name) ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
  } catch (const std::bad_alloc&) {
    return SQLITE_IOERR_NOMEM;
  }
}

// As in the unix VFS an empty file does not "exist": SQLite asks this of journals, and an empty one
// has nothing to roll back.
int vfs_access(sqlite3_vfs* vfs, const char* name, int flags, int* answer) noexcept {
  try {
    const std::shared_ptr<MemoryFile> file = state_of(vfs).find(name);
    const bool counts = flags != SQLITE_ACCESS_EXISTS || (file && file->contents.size() > 0);
    *answer = file != nullptr && counts ? 1 : 0;
    return SQLITE_OK;
  } catch (const std::bad_alloc&) {
    return SQLITE_IOERR_NOMEM;
  }
}

int vfs_full_pathname(sqlite3_vfs*, const char* name, int bytes, char* out) noexcept {
  const int length = std::snprintf(out, static_cast<std::size_t>(bytes), "%s", name);
  return length >= 0 && length < bytes ? SQLITE_OK : SQLITE_CANTOPEN;
}

void* vfs_dl_open(sqlite3_vfs*, const char*) noexcept {
  return nullptr;
}

void vfs_dl_error(sqlite3_vfs*, int bytes, char* message) noexcept {
  std::snprintf(message, static_cast<std::size_t>(bytes), "no libraries on a disk in memory");
}

using Symbol = void (*)();

Symbol vfs_dl_sym(sqlite3_vfs*, void*, const char*) noexcept {
  return nullptr;
}

void vfs_dl_close(sqlite3_vfs*, void*) noexcept {}

int vfs_randomness(sqlite3_vfs* vfs, int bytes, char* out) noexcept {
  return platform_of(vfs)->xRandomness(platform_of(vfs), bytes, out);
}

int vfs_sleep(sqlite3_vfs* vfs, int microseconds) noexcept {
  return platform_of(vfs)->xSleep(platform_of(vfs), microseconds);
}

int vfs_current_time(sqlite3_vfs* vfs, double* days) noexcept {
  return platform_of(vfs)->xCurrentTime(platform_of(vfs), days);
}

int vfs_last_error(sqlite3_vfs*, int, char*) noexcept {
  return 0;
}

}  // namespace

MemoryDiskState::MemoryDiskState() : platform(sqlite3_vfs_find(nullptr)) {
  vfs.iVersion = 1;
  vfs.szOsFile = static_cast<int>(sizeof(MemoryHandle));
  vfs.mxPathname = kLongestNameBytes;
  vfs.zName = "holdfast-memory";
  vfs.pAppData = this;
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
}

std::pair<std::shared_ptr<MemoryFile>, int> MemoryDiskState::open(const char* name, int flags) {
  if (name == nullptr) return {make_file(), SQLITE_OK};
  const bool may_create = (flags & SQLITE_OPEN_CREATE) != 0;
  const bool must_create = may_create && (flags & SQLITE_OPEN_EXCLUSIVE) != 0;
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(name);
  if (found != files_.end()) {
    if (must_create) return {nullptr, SQLITE_CANTOPEN};
    return {found->second, SQLITE_OK};
  }
  if (!may_create) return {nullptr, SQLITE_CANTOPEN};
  return {files_.emplace(name, make_file()).first->second, SQLITE_OK};
}

std::shared_ptr<MemoryFile> MemoryDiskState::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(name);
  return found == files_.end() ? nullptr : found->second;
}

bool MemoryDiskState::remove(const char* name) {
  const std::string key(name);
  const std::lock_guard lock(mutex_);
  return files_.erase(key) > 0;
}

MemoryDisk::Image MemoryDiskState::snapshot() const {
  const std::lock_guard lock(mutex_);
  MemoryDisk::Image image;
  for (const auto& [name, file] : files_)
    image.emplace(name, file->contents.copy());
  return image;
}

void MemoryDiskState::restore(const MemoryDisk::Image& image) {
  Files made;
  for (const auto& [name, bytes] : image) {
    made.emplace(name, make_file()).first->second->contents.load(bytes);
  }
  const std::lock_guard lock(mutex_);
  files_.swap(made);
}

MemoryDisk::MemoryDisk() : state_(std::make_unique<MemoryDiskState>()) {}

MemoryDisk::~MemoryDisk() = default;

sqlite3_vfs* MemoryDisk::vfs() const noexcept {
  return &state_->vfs;
}

MemoryDisk::Image MemoryDisk::snapshot() const {
  return state_->snapshot();
}

void MemoryDisk::restore(const Image& image) {
  state_->restore(image);
}

void MemoryDisk::set_capacity_bytes(std::optional<std::uint64_t> capacity_bytes) noexcept {
  state_->capacity->set_limit(capacity_bytes);
}

std::uint64_t MemoryDisk::used_bytes() const noexcept {
  return state_->capacity->used();
}

}  // namespace holdfast::vfs
