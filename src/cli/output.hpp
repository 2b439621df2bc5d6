// Standard output, for results. Messages go to standard error (log.hpp).
//
// Errors   OutputClosed: the reader has gone (`| head`), which is no failure: the command stops at
//          once and says nothing. Anything else that refuses the bytes is Error(io).
// Threads  one
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace holdfast::cli {

class OutputClosed : public std::exception {
 public:
  const char* what() const noexcept override { return "the reader of the output has gone"; }
};

class Output {
 public:
  explicit Output(int descriptor) : descriptor_(descriptor) {}

  // Buffered; what the buffer holds is lost unless flush() is called.
  void write(std::string_view text);
  void line(std::string_view text);
  void flush();

  bool is_terminal() const;

 private:
  int descriptor_;
  std::string buffer_;
};

}  // namespace holdfast::cli
