#include "cli/progress_bar.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <unistd.h>

namespace holdfast::cli {

namespace {

constexpr auto kInterval = std::chrono::milliseconds(100);
// Short work shows no bar at all.
constexpr auto kPatience = std::chrono::milliseconds(300);
constexpr std::size_t kWidth = 40;
constexpr const char* kWipeLine = "\r\x1b[K";

}  // namespace

ProgressBar::ProgressBar(std::string what, bool quiet)
    : what_(std::move(what)),
      visible_(!quiet && ::isatty(STDERR_FILENO) == 1),
      next_draw_(std::chrono::steady_clock::now() + kPatience) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputs(kWipeLine, stderr);
}

std::function<bool(std::uint64_t, std::uint64_t)> ProgressBar::function() {
  return [this](std::uint64_t done, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (visible_ && now >= next_draw_) {
      next_draw_ = now + kInterval;
      draw(done, total);
    }
    return !Interrupt::raised();
  };
}

void ProgressBar::draw(std::uint64_t done, std::uint64_t total) {
  // Totals are estimates where others write meanwhile: never beyond the end.
  const double share =
      total == 0 ? 0.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto filled = static_cast<std::size_t>(share * kWidth);
  const std::string bar = std::string(filled, '#') + std::string(kWidth - filled, '.');
  std::fprintf(stderr, "%s%s [%s] %3.0f %%", kWipeLine, what_.c_str(), bar.c_str(), share * 100);
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace holdfast::cli
