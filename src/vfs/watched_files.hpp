// The three files of the Shim's database, and whether they are still the ones that were opened.
//
// A commit into an unlinked -wal is acknowledged and lost; SQLite itself notices only a database
// file that moved, and only now and then.
//
// Shape:   the database's path is that of the first main database opened. Its identity is kept for
//          good; those of -wal and -shm from the first handle to the last, because the last connection
//          to close deletes both, and the next one makes new ones. While one of ours is open no
//          other process can delete them by way of SQLite.
// Errors:  `opened` answers false for a file that is not the recorded one. May throw std::bad_alloc,
//          but not `replaced`.
// Threads: safe.
#pragma once

#include "vfs/file_identity.hpp"
#include "vfs/interceptor.hpp"
#include "vfs/shim.hpp"

#include <array>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>

struct sqlite3_file;

namespace holdfast::vfs {

class WatchedFiles {
 public:
  // What a file is that SQLite opens with these flags. `path` may be nullptr.
  FileKind kind_of_open(const char* path, int open_flags) const;

  // What a file is that SQLite deletes.
  FileKind kind_of_path(const char* path) const;

  // The base has opened the database: `file` is its handle. The first call sets the paths.
  bool database_opened(const char* path, sqlite3_file& file);

  // The base has opened or mapped the -wal or the -shm.
  bool opened(FileKind kind);
  void closed(FileKind kind) noexcept;

  std::optional<ReplacedFile> replaced() const noexcept;

 private:
  struct Watched {
    std::string path;
    std::optional<FileIdentity> identity = std::nullopt;
    std::size_t handles = 0;
  };

  bool refuse(FileKind kind, bool missing) noexcept;

  mutable std::mutex mutex_;
  std::array<Watched, 3> files_;  // database, wal, shm: in the order of FileKind
  std::string journal_path_;
  bool base_has_inodes_ = false;
  std::optional<ReplacedFile> noted_;
};

}  // namespace holdfast::vfs
