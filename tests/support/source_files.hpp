// Folders of files for tests of import and export: written from, and read back as, a map of relative
// paths to bytes.
#pragma once

#include "support/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>

namespace holdfast::test {

using Files = std::map<std::string, std::string>;

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path.string());
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void write_files(const std::string& folder, const Files& files) {
  for (const auto& [path, bytes] : files) {
    write_file(std::filesystem::path(folder) / path, bytes);
  }
}

// Every regular file below the folder; of a folder that is not there, none.
inline Files read_files(const std::string& folder) {
  Files files;
  if (!std::filesystem::exists(folder)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files[std::filesystem::relative(entry.path(), folder).string()] = read_file(entry.path());
  }
  return files;
}

// A folder with these files in it. Its own name, which becomes the session of files at its top, is
// "source".
class SourceFiles {
 public:
  explicit SourceFiles(const Files& files) { add(files); }

  void add(const Files& files) {
    std::filesystem::create_directories(path());
    write_files(path(), files);
  }
  [[nodiscard]] std::string path() const { return folder_.file("source"); }
  [[nodiscard]] std::string file(const std::string& name) const { return path() + "/" + name; }

 private:
  TemporaryFolder folder_;
};

}  // namespace holdfast::test
