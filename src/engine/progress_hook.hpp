// Lets long work of SQLite be given up: asks a function now and then while a statement runs.
//
// Shape    while the object lives, on this one connection; a statement that is given up throws
// Errors   an exception of the function gives the statement up, and is thrown by rethrow()
// Threads  those of the connection
#pragma once

#include "engine/connection.hpp"

#include <exception>
#include <functional>

namespace holdfast::engine {

class ProgressHook {
 public:
  // False: give it up.
  ProgressHook(Connection& connection, std::function<bool()> go_on);
  ProgressHook(const ProgressHook&) = delete;
  ProgressHook& operator=(const ProgressHook&) = delete;
  ~ProgressHook();

  bool gave_up() const { return gave_up_; }
  // What the function threw, if it did.
  void rethrow() const;

 private:
  static int on_progress(void* self) noexcept;

  Connection& connection_;
  std::function<bool()> go_on_;
  std::exception_ptr error_;
  bool gave_up_ = false;
};

}  // namespace holdfast::engine
