// Wakes one waiting thread, once.
//
// A condition variable would do, but makes the woken one take the mutex that its waker still holds: with
// sixteen waiters of one group that is thirty more switches of threads. And whoever was woken may destroy
// it at once, while post() has not returned yet; POSIX allows that of a semaphore.
//
// Threads  one waits, another posts
#pragma once

#include <semaphore.h>

#include <chrono>

namespace holdfast::engine {

class Wake {
 public:
  Wake() noexcept { sem_init(&semaphore_, 0, 0); }
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;
  ~Wake() { sem_destroy(&semaphore_); }

  void post() noexcept { sem_post(&semaphore_); }

  void wait() noexcept {
    while (sem_wait(&semaphore_) != 0) {
      // A signal handler has run.
    }
  }

  // False: the time has come, and nobody has posted.
  bool wait_until(std::chrono::steady_clock::time_point time) noexcept;

 private:
  sem_t semaphore_{};
};

}  // namespace holdfast::engine
