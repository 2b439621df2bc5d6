// A disk in memory: an sqlite3_vfs over named byte arrays, with WAL support.
//
// Databases in memory run on it, and so do the crash tests: the same engine code as on a real
// disk, shared memory and locks included. It is meant as the base of a Shim and is not registered
// with SQLite by itself. It must outlive the Shim and every connection. Nothing is ever lost on it;
// loss of power is modelled by an Interceptor that keeps what was synced, and `restore`.
//
// Shape:   files by name, a name being any string, taken as it is. Contents are fixed blocks, so
//          that growing copies nothing. File locks and the eight wal-index slots are counted per
//          open handle, as between processes on a real file. A deleted file lives on in its open
//          handles.
// Units:   bytes.
// Errors:  beyond the capacity SQLITE_FULL, and nothing of that write is kept; without memory
//          SQLITE_IOERR_NOMEM. The C++ functions throw std::bad_alloc.
// Threads: all functions from any thread; connections on different threads share files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct sqlite3_vfs;

namespace holdfast::vfs {

class MemoryDiskState;

class MemoryDisk {
 public:
  using Image = std::map<std::string, std::vector<std::byte>>;

  MemoryDisk();
  ~MemoryDisk();
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  // For ShimOptions::base.
  [[nodiscard]] sqlite3_vfs* vfs() const noexcept;

  // Every named file as it is now. Each file is of one instant; two files are only if nobody writes.
  [[nodiscard]] Image snapshot() const;

  // The disk then holds exactly these files. Open handles keep the file that they have, which no
  // name leads to any more.
  void restore(const Image& image);

  // Over the sum of all file sizes, deleted files that are still open included, shared memory not.
  // std::nullopt: no limit. A capacity below what is used lets nothing grow and keeps what is there.
  void set_capacity_bytes(std::optional<std::uint64_t> capacity_bytes) noexcept;

  [[nodiscard]] std::uint64_t used_bytes() const noexcept;

 private:
  std::unique_ptr<MemoryDiskState> state_;
};

}  // namespace holdfast::vfs
