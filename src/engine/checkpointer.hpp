// Moves the write-ahead log into the file beside the writers, on a connection of its own.
//
// It makes passive checkpoints and nothing else: they take no lock that a writer or a reader would wait
// for (vfs/wal_salt_check.hpp says why that is safe). The work is done in the thread that crossed the
// threshold, once it has given up its turn to write and released those who waited for it.
//
// Errors   none: what a checkpoint could not do is in its result, and the log keeps what it has
// Threads  request, take_finished, wait: the leader of the write queue; run_requested: who led, after
//          that; stop: whoever shuts the engine down
#pragma once

#include "engine/connection.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

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
  ~Checkpointer() = default;

  // Asks for one. REQUIRES: the caller calls run_requested() before long, whatever happens.
  void request() noexcept;
  // Runs what was requested, if that is not being done already.
  void run_requested() noexcept;

  bool under_way() const;
  // Whether the last one moved all of the log; each is told once.
  std::optional<bool> take_finished() noexcept;
  void wait() noexcept;
  // Waits for the one that is under way, and closes the connection.
  void stop() noexcept;

 private:
  enum class State : std::uint8_t { idle, requested, running };

  const Connect connect_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::idle;
  std::optional<bool> finished_;
  std::unique_ptr<Connection> connection_;  // of whoever is running
};

}  // namespace holdfast::engine
