#include "vfs/file_identity.hpp"

#include <charconv>
#include <cstring>
#include <memory>
#include <dirent.h>
#include <sys/stat.h>

namespace holdfast::vfs {

namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

FileIdentity identity_from(const struct stat& status) {
  return {.device = static_cast<std::uint64_t>(status.st_dev),
          .inode = static_cast<std::uint64_t>(status.st_ino)};
}

std::optional<int> descriptor_number(const char* name) {
  int number = 0;
  const char* end = name + std::strlen(name);
  const auto [stop, error] = std::from_chars(name, end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

}  // namespace

std::optional<FileIdentity> identity_of(const std::string& path) noexcept {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return std::nullopt;
  return identity_from(status);
}

DescriptorScan find_descriptors(const FileIdentity& identity) {
  DescriptorScan scan;
  const std::unique_ptr<DIR, CloseFolder> folder(opendir("/proc/self/fd"));
  if (folder == nullptr) return scan;
  scan.possible = true;
  while (const dirent* entry = readdir(folder.get())) {
    const std::optional<int> number = descriptor_number(entry->d_name);
    // Through the folder, not by the number: another thread may close or reuse that number meanwhile.
    struct stat status {};
    if (!number || fstatat(dirfd(folder.get()), entry->d_name, &status, 0) != 0) continue;
    if (identity_from(status) == identity) scan.descriptors.push_back(*number);
  }
  return scan;
}

}  // namespace holdfast::vfs
