// A bar on standard error for long work; nothing where that is no terminal.
//
//   ProgressBar bar("verify", console.quiet);
//   verify(db, {.progress = bar.function()});
//
// Threads  one
#pragma once

#include "cli/interrupt.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace holdfast::cli {

class ProgressBar {
 public:
  // Ctrl-C stops the work by way of the progress function, while the bar lives.
  ProgressBar(std::string what, bool quiet);
  // Wipes the bar: what stays on the screen is the result.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // For the library's progress options; refers to this bar.
  std::function<bool(std::uint64_t, std::uint64_t)> function();

 private:
  void draw(std::uint64_t done, std::uint64_t total);

  std::string what_;
  bool visible_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_draw_;
  Interrupt interrupt_;
};

}  // namespace holdfast::cli
