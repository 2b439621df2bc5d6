#include "vfs/watched_files.hpp"

#include "defect.hpp"

#include <sqlite3.h>

namespace holdfast::vfs {

namespace {

constexpr std::size_t index_of(FileKind kind) {
  return static_cast<std::size_t>(kind);
}
constexpr std::size_t kDatabase = index_of(FileKind::database);
constexpr std::size_t kWal = index_of(FileKind::wal);
constexpr std::size_t kShm = index_of(FileKind::shm);

// The path was looked at after the base had opened it. Where it can be known, make sure that what
// was opened is what the path led to, and not a file that was replaced in between.
bool is_open_here(const FileIdentity& identity) {
  const DescriptorScan scan = find_descriptors(identity);
  return !scan.possible || !scan.descriptors.empty();
}

}  // namespace

FileKind WatchedFiles::kind_of_open(const char* path, int open_flags) const {
  constexpr int kWatchable = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;
  if (path == nullptr) return FileKind::temporary;
  if ((open_flags & kWatchable) == 0) {
    return (open_flags & SQLITE_OPEN_SUPER_JOURNAL) != 0 ? FileKind::other : FileKind::temporary;
  }
  {
    const std::lock_guard lock(mutex_);
    const bool first = files_[kDatabase].path.empty();
    if (first && (open_flags & SQLITE_OPEN_MAIN_DB) != 0) return FileKind::database;
  }
  return kind_of_path(path);
}

FileKind WatchedFiles::kind_of_path(const char* path) const {
  const std::lock_guard lock(mutex_);
  if (files_[kDatabase].path.empty()) return FileKind::other;
  for (const FileKind kind : {FileKind::database, FileKind::wal, FileKind::shm}) {
    if (files_[index_of(kind)].path == path) return kind;
  }
  return journal_path_ == path ? FileKind::journal : FileKind::other;
}

bool WatchedFiles::database_opened(const char* path, sqlite3_file& file) {
  const std::lock_guard lock(mutex_);
  Watched& database = files_[kDatabase];
  if (database.path.empty()) {
    const std::string name(path);
    journal_path_ = name + "-journal";
    files_[kWal].path = name + "-wal";
    files_[kShm].path = name + "-shm";
    database.path = name;  // last: an exception above leaves all unset
  }
  int moved = 0;
  base_has_inodes_ =
      file.pMethods->xFileControl(&file, SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK;
  if (!base_has_inodes_) return true;
  const std::optional<FileIdentity> now = identity_of(database.path);
  if (!now) return refuse(FileKind::database, true);
  if (!database.identity) database.identity = now;
  // Asked again, after the identity was taken: the handle, the path and the record now agree.
  moved = 0;
  file.pMethods->xFileControl(&file, SQLITE_FCNTL_HAS_MOVED, &moved);
  if (moved != 0 || database.identity != now) return refuse(FileKind::database, false);
  return true;
}

bool WatchedFiles::opened(FileKind kind) {
  const std::lock_guard lock(mutex_);
  Watched& file = files_[index_of(kind)];
  if (base_has_inodes_) {
    const std::optional<FileIdentity> now = identity_of(file.path);
    if (file.handles == 0) {
      // A base may keep its wal-index in private memory ("unix-excl"): then there is none to watch.
      if (!now && kind != FileKind::shm) return refuse(kind, true);
      if (now && !is_open_here(*now)) return refuse(kind, false);
      file.identity = now;
    } else if (file.identity != now) {
      return refuse(kind, !now);
    }
  }
  ++file.handles;
  return true;
}

void WatchedFiles::closed(FileKind kind) noexcept {
  const std::lock_guard lock(mutex_);
  Watched& file = files_[index_of(kind)];
  if (--file.handles == 0) file.identity.reset();
}

std::optional<ReplacedFile> WatchedFiles::replaced() const noexcept {
  const std::lock_guard lock(mutex_);
  if (noted_) return noted_;
  for (const FileKind kind : {FileKind::database, FileKind::wal, FileKind::shm}) {
    const Watched& file = files_[index_of(kind)];
    if (!file.identity) continue;
    const std::optional<FileIdentity> now = identity_of(file.path);
    if (now != file.identity && !planted("replaced_file_ignored"))
      return ReplacedFile{.file = kind, .missing = !now};
  }
  return std::nullopt;
}

bool WatchedFiles::refuse(FileKind kind, bool missing) noexcept {
  noted_ = ReplacedFile{.file = kind, .missing = missing};
  return false;
}

}  // namespace holdfast::vfs
