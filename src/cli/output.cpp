#include "cli/output.hpp"

#include "holdfast/error.hpp"

#include <cerrno>
#include <cstddef>
#include <unistd.h>

namespace holdfast::cli {

namespace {
constexpr std::size_t kBufferBytes = 64UL * 1024;
}

void Output::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) flush();
}

void Output::line(std::string_view text) {
  write(text);
  write("\n");
}

void Output::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const auto written = ::write(descriptor_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    buffer_.clear();
    // SIGPIPE is ignored (main.cpp), so that a reader that goes does not end an import half-way.
    if (errno == EPIPE) throw OutputClosed();
    throw Error(ErrorCode::io, "standard output cannot be written");
  }
  buffer_.clear();
}

bool Output::is_terminal() const {
  return ::isatty(descriptor_) == 1;
}

}  // namespace holdfast::cli
