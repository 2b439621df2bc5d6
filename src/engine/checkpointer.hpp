// Moves the write-ahead log into the file beside the writers, in a thread and on a connection of its own.
//
// The thread begins with the first request. It makes passive checkpoints and nothing else: they take no
// lock that a writer or a reader would wait for (vfs/wal_salt_check.hpp says why that is safe).
//
// Errors   none: what a checkpoint could not do is in its result, and the log keeps what it has
// Threads  request, finished, wait: the leader of the write queue; stop: whoever shuts the engine down
#pragma once

#include "engine/connection.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace holdfast::engine {

// True: all that was in the log when it began is in the file, and what else the mode asks for is done. Another
// checkpoint that is under way is waited for until the connection's deadline.
bool run_checkpoint(Connection& connection, int mode) noexcept;

class Checkpointer {
 public:
  using Connect = std::function<std::unique_ptr<Connection>()>;

  explicit Checkpointer(Connect connect) : connect_(std::move(connect)) {}
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;
  ~Checkpointer() { stop(); }

  // Begins one. False: it cannot (no thread to be had), and the caller may do it himself.
  bool request() noexcept;
  bool under_way() const;
  // Whether the last one moved all of the log; each is told once.
  std::optional<bool> take_finished() noexcept;
  void wait() noexcept;
  // Waits for the one that is under way, and closes the connection.
  void stop() noexcept;

 private:
  void serve() noexcept;

  const Connect connect_;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool requested_ = false;  // until it is done
  bool stopping_ = false;
  std::optional<bool> finished_;
};

}  // namespace holdfast::engine
