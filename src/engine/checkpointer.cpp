#include "engine/checkpointer.hpp"

#include "engine/quiet_thread.hpp"

#include <sqlite3.h>

#include <chrono>
#include <utility>

namespace holdfast::engine {

bool run_checkpoint(Connection& connection, int mode) noexcept {
  constexpr auto kPoll = std::chrono::microseconds(100);
  for (;;) {
    int frames = -1;
    int moved = -1;
    const int result =
        sqlite3_wal_checkpoint_v2(connection.handle(), nullptr, mode, &frames, &moved);
    // Without a figure it was the checkpoint lock, for which SQLite asks no busy handler.
    const bool locked_out = (result & 0xff) == SQLITE_BUSY && frames < 0;
    if (!locked_out || connection.deadline_passed()) return result == SQLITE_OK && moved == frames;
    std::this_thread::sleep_for(kPoll);
  }
}

bool Checkpointer::request() noexcept {
  const std::scoped_lock lock(mutex_);
  if (!thread_.joinable()) {
    try {
      thread_ = start_quiet_thread([this] { serve(); });
    } catch (...) {
      return false;
    }
  }
  finished_.reset();
  requested_ = true;
  changed_.notify_all();
  return true;
}

bool Checkpointer::under_way() const {
  const std::scoped_lock lock(mutex_);
  return requested_;
}

std::optional<bool> Checkpointer::take_finished() noexcept {
  const std::scoped_lock lock(mutex_);
  return std::exchange(finished_, std::nullopt);
}

void Checkpointer::wait() noexcept {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !requested_; });
}

void Checkpointer::stop() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    if (!thread_.joinable()) return;
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Checkpointer::serve() noexcept {
  std::unique_ptr<Connection> connection;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return requested_ || stopping_; });
    if (stopping_) return;
    lock.unlock();
    bool done = false;
    try {
      if (!connection) connection = connect_();
      done = run_checkpoint(*connection, SQLITE_CHECKPOINT_PASSIVE);
    } catch (...) {
      // No connection to be had now: as a checkpoint that a reader kept from finishing.
    }
    lock.lock();
    finished_ = done;
    requested_ = false;
    changed_.notify_all();
  }
}

}  // namespace holdfast::engine
