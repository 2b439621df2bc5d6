// What opening a database needs to know of the platform: paths, kinds of file, kinds of file system.
//
// The one place in holdfast that opens a descriptor on a database file: the new file, before SQLite
// knows it. All else is done by path, since close() on any descriptor of a database drops this
// process's locks on it.
//
// Shape:   plain structs.
// Errors:  expected outcomes are values with the errno of the call that failed (0: none). Only
//          std::bad_alloc is thrown.
// Threads: free functions over their arguments and the process's working directory; safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::vfs {

enum class LastComponent { missing, regular, symlink, directory, other };

// A path with its folder resolved and its last component as given.
struct ResolvedPath {
  int error = 0;       // errno; not 0: the folder cannot be resolved, and nothing below is valid
  std::string path;    // absolute, so that SQLite never takes it for a URI
  std::string folder;  // absolute, without symbolic links
  LastComponent kind = LastComponent::missing;
  std::uint64_t hard_links = 0;  // 0 if missing. More than one: two names, two -wal files, no locks
  bool folder_writable = false;  // for this process, as it would open it
  bool file_writable = false;    // false if missing
};

// An empty path and one with a zero byte are EINVAL. A path that ends in a slash, in "." or in ".."
// is a directory.
ResolvedPath resolve(const std::string& path);

enum class CreateOutcome { created, existed, failed };

struct CreateResult {
  CreateOutcome outcome = CreateOutcome::failed;
  int error = 0;  // failed: errno
};

// An empty file with mode 0600, and its name synced into the folder. Where only that sync failed,
// the outcome is `failed` and the empty file stays: another process may have opened it already.
CreateResult create_database_file(const std::string& path);

enum class FileSystemKind {
  local,
  network,  // NFS, SMB, AFS, ...: locks and shared memory do not hold between machines
  fuse,     // whatever a user-space program makes of it
  p9,       // 9p: the folders that virtual machines share with their host
  unknown,  // could not be asked
};

// Of the file system that `folder` is on.
FileSystemKind file_system_of(const std::string& folder) noexcept;

// By the number that Linux's statfs gives, and by the name that macOS and BSD give.
FileSystemKind file_system_from_magic(std::uint64_t magic) noexcept;
FileSystemKind file_system_from_name(std::string_view name) noexcept;

}  // namespace holdfast::vfs
