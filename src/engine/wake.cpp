#include "engine/wake.hpp"

#include <cerrno>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace holdfast::engine {

namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

// The clock is the monotonic one, the time a point of it.
timespec as_timespec(Wake::Time time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t since =
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  return {.tv_sec = static_cast<std::time_t>(since / kSecond),
          .tv_nsec = static_cast<long>(since % kSecond)};
}

}  // namespace

void Wake::post() noexcept {
  void* const address = &posted_;
  posted_.store(1, std::memory_order_release);
  syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

bool Wake::wait_for_post(std::optional<Time> until) noexcept {
  timespec time{};
  if (until) time = as_timespec(*until);
  while (posted_.load(std::memory_order_acquire) == 0) {
    const long result = syscall(SYS_futex,
                                &posted_,
                                FUTEX_WAIT_BITSET_PRIVATE,
                                0,
                                until ? &time : nullptr,
                                nullptr,
                                FUTEX_BITSET_MATCH_ANY);
    if (result != 0 && errno == ETIMEDOUT) return posted_.load(std::memory_order_acquire) != 0;
  }
  return true;
}

}  // namespace holdfast::engine
