#include "engine/wake.hpp"

#include <cerrno>
#include <cstdint>
#include <ctime>

namespace holdfast::engine {

bool Wake::wait_until(std::chrono::steady_clock::time_point time) noexcept {
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  constexpr std::int64_t kSecond = 1'000'000'000;
  const timespec until{.tv_sec = static_cast<std::time_t>(since.count() / kSecond),
                       .tv_nsec = static_cast<long>(since.count() % kSecond)};
  while (sem_clockwait(&semaphore_, CLOCK_MONOTONIC, &until) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

}  // namespace holdfast::engine
