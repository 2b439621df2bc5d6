#include "harness/recovered.hpp"

#include "harness/dump.hpp"
#include "harness/ground.hpp"
#include "vfs/shim.hpp"

#include <sqlite3.h>

#include <stdexcept>
#include <string>

namespace holdfast::test {

std::uint64_t digest_of(const vfs::MemoryDisk::Image& image) {
  std::uint64_t digest = 0;
  for (const auto& [name, bytes] : image)
    digest = digest * 31 + test::digest_of(name) + test::digest_of(as_text(bytes));
  return digest;
}

vfs::MemoryDisk::Image recovered(const vfs::MemoryDisk::Image& image) {
  vfs::MemoryDisk disk;
  disk.restore(image);
  const vfs::Shim shim({.base = disk.vfs()});
  sqlite3* handle = nullptr;
  const int opened = sqlite3_open_v2(
      kDiskPath.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, shim.name().c_str());
  const int read = opened == SQLITE_OK
                       ? sqlite3_exec(handle, "PRAGMA user_version", nullptr, nullptr, nullptr)
                       : opened;
  sqlite3_close_v2(handle);
  if (read != SQLITE_OK) throw std::runtime_error(std::string("recovery: ") + sqlite3_errstr(read));
  return disk.snapshot();
}

}  // namespace holdfast::test
