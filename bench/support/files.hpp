// What programs do with plain files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace bench {

// A file that lines are appended to, kept open.
class LineFile {
 public:
  explicit LineFile(const std::filesystem::path& path);
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;
  void append(std::string_view line);  // the line feed comes from the caller
  void sync();                         // fdatasync

 private:
  int handle_;
};

// Opens, appends, closes: the way of programs that keep no file open.
void append_line(const std::filesystem::path& path, std::string_view line);

// Durable replacement: a new file, fsync, rename over the old one, fsync of the folder.
void save_file(const std::filesystem::path& path, std::string_view bytes);

std::string load_file(const std::filesystem::path& path);

// Bytes that a file or everything in a folder takes on the disk.
std::size_t bytes_on_disk(const std::filesystem::path& path);

// Memory of this process: now, and the highest since it was last forgotten.
void forget_peak_memory();
std::size_t resident_bytes();
std::size_t peak_resident_bytes();

}  // namespace bench
