// The folder that an export writes: nothing in it is ever replaced, and nothing is written outside.
//
// Shape    all paths are claimed first, then it is made sure that none is taken on the disk, then the files are
//          written, each under a name of its own until it is whole and synced.
// Errors   already_exists, full, read_only, io, invalid_argument
// Threads  one
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace holdfast::interchange {

// A file on its way; without finish() it leaves nothing behind.
class OutputFile {
 public:
  OutputFile(std::string temporary_path, std::string final_path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::string_view bytes);
  void finish();
  std::uint64_t bytes() const { return bytes_; }

 private:
  void flush();

  std::string temporary_path_;
  std::string final_path_;
  int descriptor_ = -1;
  std::string buffer_;
  std::uint64_t bytes_ = 0;
};

class OutputFolder {
 public:
  explicit OutputFolder(std::string root) : root_(std::move(root)) {}

  // Takes a relative path for a file to come. False: it is not one that can be written safely (it would
  // lead out of the folder), or this export has taken it, or a part of it, for something else.
  bool claim(const std::string& path);
  // Takes the path, or else the first free one beside it: name~2.jsonl, name~3.jsonl, ...
  std::string claim_near(const std::string& path);

  // already_exists: one of the claimed paths is on the disk. Otherwise makes the folder.
  void open();
  // REQUIRES: open(), and the path was claimed.
  OutputFile create(const std::string& path);
  // Makes the names durable, too.
  void sync() const;

 private:
  void require_vacant(const std::string& path) const;

  std::string root_;
  std::set<std::string> files_;
  std::set<std::string> folders_;  // of these files, relative
  std::set<std::string> made_;     // those that files were written to, and theirs
  std::uint64_t created_ = 0;
};

// Any id as one component of a path: "/", control characters, a leading dot and the like as %XX, and a
// long one cut, with a digest of the whole.
std::string safe_component(std::string_view id);
// The same for an id that may be a path itself: its "/" stay.
std::string safe_path(std::string_view id);

}  // namespace holdfast::interchange
