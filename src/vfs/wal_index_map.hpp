// The mapped wal-index headers of a Shim's connections, readable while connections come and go.
//
// Shape:   one entry per connection that has region 0 mapped; readers use any one of them. In the
//          unix VFS all are the same memory, mapped until the last connection of the process
//          lets go.
// Errors:  `publish` may throw std::bad_alloc.
// Threads: safe. `position` takes no lock: it counts itself as a reader, and `withdraw` waits until
//          no reader is left that may have seen the pointer. A reader that comes after finds
//          either another pointer or none, and in that case does not count itself.
#pragma once

#include "vfs/wal_index.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace holdfast::vfs {

class WalIndexMap {
 public:
  void publish(const void* handle, const volatile void* region);

  // Afterwards the memory may be unmapped. A handle that was never published is no error.
  void withdraw(const void* handle) noexcept;

  std::optional<WalIndexPosition> position() const noexcept;

  // REQUIRES: a handle that is published is not withdrawn during the call.
  bool is_at(const WalIndexPosition& position) const noexcept {
    const volatile void* region = current_.load(std::memory_order_acquire);
    return region != nullptr && wal_index_is_at(region, position);
  }

 private:
  struct Mapping {
    const void* handle;
    const volatile void* region;
  };

  std::mutex mutex_;
  std::vector<Mapping> mappings_;
  std::atomic<const volatile void*> current_ = nullptr;
  mutable std::atomic<std::uint32_t> readers_ = 0;
};

}  // namespace holdfast::vfs
