#include "vfs/wal_index_map.hpp"

#include <thread>

namespace holdfast::vfs {

void WalIndexMap::publish(const void* handle, const volatile void* region) {
  const std::lock_guard lock(mutex_);
  for (const Mapping& mapping : mappings_) {
    if (mapping.handle == handle) return;
  }
  mappings_.push_back({handle, region});
  if (mappings_.size() == 1) current_.store(region);
}

void WalIndexMap::withdraw(const void* handle) noexcept {
  const std::lock_guard lock(mutex_);
  const auto before = mappings_.size();
  std::erase_if(mappings_, [&](const Mapping& mapping) { return mapping.handle == handle; });
  if (mappings_.size() == before) return;
  const volatile void* next = mappings_.empty() ? nullptr : mappings_.front().region;
  if (current_.exchange(next) == next) return;
  while (readers_.load() != 0)
    std::this_thread::yield();
}

std::optional<WalIndexPosition> WalIndexMap::position() const noexcept {
  // All in the one order of sequentially consistent operations: either this reader is counted
  // before `withdraw` looks, or it loads what `withdraw` has stored.
  if (current_.load() == nullptr) return std::nullopt;
  readers_.fetch_add(1);
  const volatile void* region = current_.load();
  std::optional<WalIndexPosition> position;
  if (region != nullptr) position = read_wal_index(region);
  readers_.fetch_sub(1);
  return position;
}

}  // namespace holdfast::vfs
