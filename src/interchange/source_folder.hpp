// The folder that an import reads: which regular files lie in it, and their bytes.
//
// Shape    paths are relative to the folder, with "/" between components, in byte order. What is not a
//          regular file is never opened, and symbolic links are never followed: a folder that somebody
//          else made must not make us read what lies outside of it.
// Errors   not_found, invalid_argument, io for the folder itself; within it, findings
#pragma once

#include "holdfast/interchange.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::interchange {

struct SourceFile {
  std::string path = {};
  std::uint64_t bytes = 0;
  std::int64_t modified_us = 0;
};

struct SourceFolder {
  std::string root = {};  // as the operating system takes it
  std::string name = {};  // its own last component
  std::vector<SourceFile> files = {};

  const SourceFile* find(std::string_view path) const;
  std::string absolute(const SourceFile& file) const { return root + "/" + file.path; }
};

// `source` is a folder, or one file, which then is the only one of its folder.
SourceFolder walk(const std::string& source, std::vector<ImportFinding>& findings);

// A file that could not be read, or not to its end.
class Unreadable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A regular file, open for reading; it throws Unreadable.
class InputFile {
 public:
  explicit InputFile(const std::string& absolute_path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  // How many bytes it put into the buffer; 0 at the end.
  std::size_t read(char* buffer, std::size_t size);

 private:
  int descriptor_ = -1;
};

// The whole file; it throws Unreadable, also where there are more than `limit` bytes.
std::string read_whole(const std::string& absolute_path, std::uint64_t limit);

// The parts of a relative path: up to the last "/", and after it.
std::string_view folder_of(std::string_view path);
std::string_view name_of(std::string_view path);

bool is_utf8(std::string_view text);

}  // namespace holdfast::interchange
