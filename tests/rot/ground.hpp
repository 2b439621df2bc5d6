// A database on a disk in memory, made of the bytes of its files: cheap enough to open a hundred thousand
// damaged ones.
#pragma once

#include "harness/ground.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace holdfast::test {

inline const std::string kDiskWal = kDiskPath + "-wal";

// With the same times and ids in every run: they come from counters.
class Ground {
 public:
  Ground() : now_us_(std::make_shared<std::int64_t>(kBeginUs)) {
    options.page_bytes = 512;
    options.busy_timeout_ms = 1000;
    options.clock = [now = now_us_] { return *now += 1000; };
    options.random = [state = std::make_shared<std::uint64_t>(1)] {
      return *state = *state * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
    };
  }
  explicit Ground(const vfs::MemoryDisk::Image& image) : Ground() { disk.restore(image); }

  Database open(vfs::Interceptor* interceptor = nullptr) {
    return open_on(disk, options, interceptor);
  }
  // A moment after all others, however often the clock was asked.
  void next_day() { *now_us_ = kBeginUs + 86'400'000'000; }

  vfs::MemoryDisk disk;
  OpenOptions options;

 private:
  static constexpr std::int64_t kBeginUs = 1'767'225'600'000'000;
  std::shared_ptr<std::int64_t> now_us_;
};

}  // namespace holdfast::test
