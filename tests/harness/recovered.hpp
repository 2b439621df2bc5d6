// What SQLite makes of an image, through the shim: recovered, and everything moved into the file, as the last
// connection does that closes. Two images that are the same then hold the same database.
//
// Errors   std::runtime_error: SQLite cannot
#pragma once

#include "vfs/memory_disk.hpp"

#include <cstdint>

namespace holdfast::test {

vfs::MemoryDisk::Image recovered(const vfs::MemoryDisk::Image& image);

std::uint64_t digest_of(const vfs::MemoryDisk::Image& image);

}  // namespace holdfast::test
