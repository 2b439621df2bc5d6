#include "support/store.hpp"

#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

namespace bench {

namespace {

class MapStore : public Store {
 public:
  void write(std::span<const PairView> batch) override {
    const std::unique_lock lock(mutex_);
    for (const PairView& pair : batch) {
      if (removes(pair)) {
        map_.erase(std::string(pair.first));
      } else {
        map_[std::string(pair.first)] = pair.second;
      }
    }
  }

  std::optional<std::string> get(std::string_view key) override {
    const std::shared_lock lock(mutex_);
    const auto found = map_.find(std::string(key));
    if (found == map_.end()) return std::nullopt;
    return found->second;
  }

  // A hash map has no order: all of it is looked at.
  std::vector<Pair> scan(std::string_view prefix) override {
    std::vector<Pair> found;
    const std::shared_lock lock(mutex_);
    for (const auto& [key, value] : map_)
      if (key.starts_with(prefix)) found.emplace_back(key, value);
    std::sort(found.begin(), found.end());
    return found;
  }

  void set_sync(bool /*sync*/) override {}

 private:
  std::shared_mutex mutex_;
  std::unordered_map<std::string, std::string> map_;
};

}  // namespace

std::unique_ptr<Store> open_map() {
  return std::make_unique<MapStore>();
}

}  // namespace bench
