#include "engine/checkpointer.hpp"

#include <sqlite3.h>

#include <chrono>
#include <thread>

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

void Checkpointer::request() noexcept {
  const std::scoped_lock lock(mutex_);
  if (state_ != State::idle) return;
  finished_.reset();
  state_ = State::requested;
}

void Checkpointer::run_requested() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    if (state_ != State::requested) return;
    state_ = State::running;
  }
  bool done = false;
  try {
    if (!connection_) connection_ = connect_();
    done = run_checkpoint(*connection_, SQLITE_CHECKPOINT_PASSIVE);
  } catch (...) {
    // No connection to be had now: as a checkpoint that a reader kept from finishing.
  }
  const std::scoped_lock lock(mutex_);
  finished_ = done;
  state_ = State::idle;
  changed_.notify_all();
}

bool Checkpointer::under_way() const {
  const std::scoped_lock lock(mutex_);
  return state_ != State::idle;
}

std::optional<bool> Checkpointer::take_finished() noexcept {
  const std::scoped_lock lock(mutex_);
  return std::exchange(finished_, std::nullopt);
}

void Checkpointer::wait() noexcept {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return state_ == State::idle; });
}

void Checkpointer::stop() noexcept {
  wait();
  connection_.reset();
}

}  // namespace holdfast::engine
