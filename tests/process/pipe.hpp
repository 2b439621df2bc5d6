// Messages from child processes to their parent, which is the ledger: what a child said before it was killed
// arrives, and arrives whole.
//
//   Pipe<Message> pipe;                 // before the fork
//   ... in a child:  pipe.send_only();  pipe.send(message);
//   ... the parent:  pipe.receive_only();  while (auto message = pipe.receive(1000)) ...
//
// A child whose parent has gone ends by SIGPIPE at its next message.
#pragma once

#include <array>
#include <climits>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <poll.h>
#include <unistd.h>

namespace holdfast::test {

template <class Message>
class Pipe {
  static_assert(std::is_trivially_copyable_v<Message>);
  static_assert(sizeof(Message) <= _POSIX_PIPE_BUF, "a write of one message is atomic");

 public:
  Pipe() {
    if (pipe(ends_.data()) != 0) throw std::runtime_error("no pipe");
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    send_only();
    receive_only();
  }

  void send_only() { shut(ends_[0]); }
  void receive_only() { shut(ends_[1]); }

  void send(const Message& message) const {
    constexpr int kNoReader = 96;
    if (write(ends_[1], &message, sizeof message) != sizeof message) _exit(kNoReader);
  }
  // nullopt: nothing came in time, or nobody is left who could send.
  std::optional<Message> receive(int timeout_ms) const {
    pollfd waiting{ends_[0], POLLIN, 0};
    if (poll(&waiting, 1, timeout_ms) != 1) return std::nullopt;
    Message message{};
    if (read(ends_[0], &message, sizeof message) != sizeof message) return std::nullopt;
    return message;
  }

 private:
  static void shut(int& end) {
    if (end >= 0) close(std::exchange(end, -1));
  }

  std::array<int, 2> ends_{};
};

}  // namespace holdfast::test
