// What a Ticket waits for.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <sys/types.h>

namespace holdfast::engine {

class TicketState {
 public:
  TicketState();
  void finish(std::exception_ptr error);
  // Throws how it ended; forked in a child that inherited it: nobody there will finish it.
  void wait();
  bool done();

 private:
  const pid_t process_;
  std::mutex mutex_;
  std::condition_variable finished_;
  bool done_ = false;
  std::exception_ptr error_;
};

}  // namespace holdfast::engine
