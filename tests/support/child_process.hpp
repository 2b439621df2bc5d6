// Work in another process, forked before the test opens a database: connections, locks and SQLite's
// own state must not be carried across a fork.
//
// The child sleeps until `start`, does its work and ends with what the work returns (0 to 99), or
// with 100 if it throws. No assertion of Catch2 may run in it. One that was started and not waited for is
// killed at the end.
#pragma once

#include <array>
#include <csignal>
#include <functional>
#include <stdexcept>
#include <utility>
#include <sys/wait.h>
#include <unistd.h>

namespace holdfast::test {

class ChildProcess {
 public:
  explicit ChildProcess(const std::function<int()>& work) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
    id_ = fork();
    if (id_ < 0) throw std::runtime_error("no process");
    if (id_ == 0) {
      close(ends[1]);
      char signal = 0;
      // Nothing to read: the parent is gone, and so is the reason for the work.
      _exit(read(ends[0], &signal, 1) == 1 ? run(work) : 0);
    }
    close(ends[0]);
    start_ = ends[1];
  }
  ~ChildProcess() {
    if (start_ >= 0) close(start_);
    if (id_ <= 0) return;
    if (start_ < 0) ::kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Lets it run.
  void start() {
    const char signal = 1;
    if (write(start_, &signal, 1) != 1) throw std::runtime_error("the child is gone");
    close(std::exchange(start_, -1));
  }
  // Waits for its end: what the work returned, -1 if it was killed, 128 and more if it crashed.
  int wait() {
    int status = 0;
    if (waitpid(id_, &status, 0) != id_) throw std::runtime_error("the child cannot be waited for");
    id_ = -1;
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    return WTERMSIG(status) == SIGKILL ? -1 : 128 + WTERMSIG(status);
  }
  void signal(int number) const { ::kill(id_, number); }
  int run_to_end() {
    start();
    return wait();
  }
  // As a crash of the program ends it: nothing in it runs any more. Other than -1: it had ended by itself.
  int kill() {
    ::kill(id_, SIGKILL);
    return wait();
  }

 private:
  static int run(const std::function<int()>& work) {
    constexpr int kThrew = 100;
    try {
      return work();
    } catch (...) {
      return kThrew;
    }
  }

  pid_t id_ = -1;
  int start_ = -1;
};

}  // namespace holdfast::test
