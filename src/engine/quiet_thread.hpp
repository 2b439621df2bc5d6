// A thread of ours that takes no signal of the host: those are for the host's threads.
#pragma once

#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

namespace holdfast::engine {

// May throw std::system_error, as std::thread does.
template <class Function>
std::thread start_quiet_thread(Function&& function) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread(std::forward<Function>(function));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

}  // namespace holdfast::engine
