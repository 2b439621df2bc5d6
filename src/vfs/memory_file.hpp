// One file of a MemoryDisk: its bytes, its file lock and its wal-index. Internal to the MemoryDisk.
//
// Shape:   bytes in blocks of 64 KiB; a block never written is absent and reads as zeros. The
//          wal-index is a list of regions that stay where they are until the last handle lets go;
//          then they vanish, as the unix VFS starts a -shm anew that nobody has open.
// Units:   bytes.
// Errors:  SQLite's result codes; without memory SQLITE_IOERR_NOMEM.
// Threads: every class guards itself. What belongs to a handle (the level, the masks) is changed
//          under the guard of the file that it belongs to.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <vector>

namespace holdfast::vfs {

// How many bytes the files of a disk may have together. Outlives the disk while a file is open.
class MemoryCapacity {
 public:
  bool take(std::uint64_t bytes) noexcept;    // false: nothing taken, the disk is full
  void charge(std::uint64_t bytes) noexcept;  // whatever the limit
  void give_back(std::uint64_t bytes) noexcept;
  void set_limit(std::optional<std::uint64_t> bytes) noexcept;
  std::uint64_t used() const noexcept;

 private:
  mutable std::mutex mutex_;
  std::uint64_t used_ = 0;
  std::uint64_t limit_ = UINT64_MAX;
};

class MemoryContents {
 public:
  explicit MemoryContents(std::shared_ptr<MemoryCapacity> capacity) noexcept;
  ~MemoryContents();
  MemoryContents(const MemoryContents&) = delete;
  MemoryContents& operator=(const MemoryContents&) = delete;

  // SQLITE_IOERR_SHORT_READ beyond the end, with zeros for what is not there.
  int read(std::byte* out, std::uint64_t bytes, std::uint64_t offset) const noexcept;

  // All or nothing.
  int write(const std::byte* data, std::uint64_t bytes, std::uint64_t offset) noexcept;

  int resize(std::uint64_t size) noexcept;

  // Fills an empty file, whatever the capacity. May throw std::bad_alloc.
  void load(const std::vector<std::byte>& bytes);

  std::uint64_t size() const noexcept;
  std::vector<std::byte> copy() const;

 private:
  static constexpr std::uint64_t kBlockBytes = 65536;
  using Block = std::unique_ptr<std::array<std::byte, kBlockBytes>>;

  template <typename Visit>
  static void for_each_piece(std::uint64_t bytes, std::uint64_t offset, const Visit& visit);

  void copy_out(std::byte* out, std::uint64_t bytes, std::uint64_t offset) const noexcept;
  void copy_in(const std::byte* data, std::uint64_t bytes, std::uint64_t offset) noexcept;
  void allocate(std::uint64_t bytes, std::uint64_t offset);
  void cut(std::uint64_t size) noexcept;

  const std::shared_ptr<MemoryCapacity> capacity_;

  mutable std::shared_mutex mutex_;  // guards what follows
  std::vector<Block> blocks_;
  std::uint64_t size_ = 0;  // bytes from here to the end of the last block are zero
};

// The five-level lock of a database file.
class MemoryFileLock {
 public:
  // `held` is the level of the handle that asks, and is changed.
  int lock(int& held, int level) noexcept;
  void unlock(int& held, int level) noexcept;
  bool reserved() const noexcept;

 private:
  mutable std::mutex mutex_;
  int level_ = 0;        // the highest that any handle holds
  unsigned shared_ = 0;  // handles that hold SQLITE_LOCK_SHARED or more
};

class MemoryWalIndex {
 public:
  static constexpr int kSlots = 8;

  // What one handle has of it.
  struct Share {
    bool attached = false;
    unsigned shared_mask = 0;
    unsigned exclusive_mask = 0;
  };

  int map(Share& share, int region, int bytes, bool extend, volatile void** out) noexcept;
  int lock(Share& share, int first_slot, int slots, int flags) noexcept;
  void barrier() noexcept;
  void detach(Share& share) noexcept;

 private:
  int lock_shared(Share& share, unsigned mask) noexcept;
  int lock_exclusive(Share& share, unsigned mask) noexcept;
  void unlock(Share& share, unsigned mask) noexcept;

  std::mutex mutex_;
  std::vector<std::vector<std::byte>> regions_;  // each keeps its place when this one grows
  unsigned attached_ = 0;
  std::array<int, kSlots> holders_{};  // -1: exclusively; else how many share the slot
};

struct MemoryFile {
  explicit MemoryFile(std::shared_ptr<MemoryCapacity> capacity) noexcept
      : contents(std::move(capacity)) {}

  MemoryContents contents;
  MemoryFileLock lock;
  MemoryWalIndex wal_index;
};

}  // namespace holdfast::vfs
