// Tells the caller's progress function how far the work is, and remembers its wish to stop.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

namespace holdfast::interchange {

class ProgressMeter {
 public:
  using Function = std::function<bool(std::uint64_t done, std::uint64_t total)>;

  ProgressMeter(Function function, std::uint64_t total)
      : function_(std::move(function)), total_(total) {}

  // Tells at once, so that a display can begin with 0.
  void add(std::uint64_t work) {
    done_ += work;
    if (function_ && !function_(done_, total_)) stopped_ = true;
  }
  bool stopped() const { return stopped_; }

 private:
  Function function_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  bool stopped_ = false;
};

}  // namespace holdfast::interchange
