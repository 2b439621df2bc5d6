#include "support/files.hpp"

#include "support/store.hpp"

#include <malloc.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bench {

namespace {

int check(int result, const std::filesystem::path& path) {
  if (result < 0) fail(path.string() + ": " + std::strerror(errno));
  return result;
}

void write_all(int handle, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(handle, bytes.data(), bytes.size());
    if (written < 0) check(-1, path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::size_t status_bytes(const std::string& key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.rfind(key, 0) == 0) return std::stoul(line.substr(key.size() + 1)) * 1024;
  return 0;
}

}  // namespace

LineFile::LineFile(const std::filesystem::path& path)
    : handle_(check(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), path)) {}

LineFile::~LineFile() {
  close(handle_);
}

void LineFile::append(std::string_view line) {
  write_all(handle_, line, "line file");
}

void LineFile::sync() {
  check(fdatasync(handle_), "line file");
}

void append_line(const std::filesystem::path& path, std::string_view line) {
  const int handle =
      check(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), path);
  write_all(handle, line, path);
  check(close(handle), path);
}

void save_file(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path fresh = path.string() + ".new";
  const int handle =
      check(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), fresh);
  write_all(handle, bytes, fresh);
  check(fsync(handle), fresh);
  check(close(handle), fresh);
  check(rename(fresh.c_str(), path.c_str()), path);
  const int folder =
      check(open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
  check(fsync(folder), path);
  close(folder);
}

std::string load_file(const std::filesystem::path& path) {
  const int handle = check(open(path.c_str(), O_RDONLY | O_CLOEXEC), path);
  struct stat status {};
  check(fstat(handle, &status), path);
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = read(handle, bytes.data() + done, bytes.size() - done);
    if (count <= 0) check(-1, path);
    done += static_cast<std::size_t>(count);
  }
  close(handle);
  return bytes;
}

std::size_t bytes_on_disk(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) {
    struct stat status {};
    check(stat(path.c_str(), &status), path);
    return static_cast<std::size_t>(status.st_blocks) * 512;
  }
  std::size_t sum = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    if (entry.is_regular_file()) sum += bytes_on_disk(entry.path());
  return sum;
}

void forget_peak_memory() {
  malloc_trim(0);  // what was freed before must not hide what is taken now
  std::ofstream("/proc/self/clear_refs") << "5";
}

std::size_t resident_bytes() {
  return status_bytes("VmRSS:");
}

std::size_t peak_resident_bytes() {
  return status_bytes("VmHWM:");
}

}  // namespace bench
