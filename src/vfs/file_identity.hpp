// Which file a path leads to: its device and inode.
//
// Never opens anything: close() of any descriptor on a file drops every POSIX lock that this
// process has on it, SQLite's included. Everything here is lstat, and fstat of descriptors that
// are open already.
//
// Shape:   two numbers; equal numbers are the same file for as long as somebody keeps it open
//          (afterwards the file system may give the inode to a new file).
// Errors:  a path that cannot be looked at has no identity: std::nullopt.
// Threads: free functions over their arguments; safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::vfs {

struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// Of the last component itself: a symbolic link has its own identity, so that a database that was
// replaced by a link to itself counts as replaced.
std::optional<FileIdentity> identity_of(const std::string& path) noexcept;

// This process's open descriptors on one file, whoever opened them: us, the host, another library.
struct DescriptorScan {
  bool possible = false;  // false: no /proc here, so `descriptors` says nothing
  std::vector<int> descriptors;
};

// Costs one fstat per open descriptor of the process: for opening a database, not for a hot path.
// May throw std::bad_alloc.
DescriptorScan find_descriptors(const FileIdentity& identity);

}  // namespace holdfast::vfs
