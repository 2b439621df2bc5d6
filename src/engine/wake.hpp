// Wakes one waiting thread, once.
//
// A condition variable would do, but makes the woken one take the mutex that its waker still holds: with
// sixteen waiters of one group that is thirty more switches of threads. And whoever was woken may destroy
// it at once, while post() has not returned yet: from then on post() uses its address only, as a number.
//
// What was written before post() is seen behind the wait.
//
// Threads  one waits, another posts
// Source   futex(2)
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace holdfast::engine {

class Wake {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void post() noexcept;
  void wait() noexcept { wait_for_post(std::nullopt); }
  // False: the time has come, and nobody has posted.
  bool wait_until(Time time) noexcept { return wait_for_post(time); }

 private:
  bool wait_for_post(std::optional<Time> until) noexcept;

  std::atomic<std::uint32_t> posted_ = 0;
};

}  // namespace holdfast::engine
