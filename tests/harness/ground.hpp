// A Database over a disk in memory, with an Interceptor between, as the harnesses stand on.
#pragma once

#include "access.hpp"
#include "engine/engine.hpp"
#include "holdfast/database.hpp"
#include "vfs/interceptor.hpp"
#include "vfs/memory_disk.hpp"

#include <memory>
#include <string>

namespace holdfast::test {

// The name of the database on the disk; its log has "-wal" after it.
inline const std::string kDiskPath = "/app.holdfast";

// Disk and interceptor must outlive the database.
inline Database open_on(vfs::MemoryDisk& disk,
                        const OpenOptions& options = {},
                        vfs::Interceptor* interceptor = nullptr) {
  auto engine = std::make_shared<engine::Engine>(
      kDiskPath, options, vfs::ShimOptions{.base = disk.vfs(), .interceptor = interceptor});
  return engine::Access::database(engine::Opening::make(std::move(engine)));
}

}  // namespace holdfast::test
