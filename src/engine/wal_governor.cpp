#include "engine/wal_governor.hpp"

#include "holdfast/error.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace holdfast::engine {

namespace {

constexpr std::uint64_t kFrameHeaderBytes = 24;
// How long a checkpoint of an over-long log waits for readers to go, so that the log can begin anew.
constexpr auto kRestartPatience = std::chrono::milliseconds(20);

}  // namespace

WalGovernor::WalGovernor(const OpenOptions& options,
                         std::uint64_t page_bytes,
                         const vfs::Shim& shim,
                         std::function<std::string()> oldest_reader)
    : options_(options),
      frame_bytes_(page_bytes + kFrameHeaderBytes),
      shim_(shim),
      oldest_reader_(std::move(oldest_reader)) {}

std::uint64_t WalGovernor::wal_bytes() const noexcept {
  const auto position = shim_.wal_index_position();
  return position ? position->frames * frame_bytes_ : 0;
}

void WalGovernor::check_before_write(Connection& connection) {
  if (wal_bytes() < options_.wal_hard_limit_bytes) return;
  if (restart(connection)) return;
  throw Error(ErrorCode::full,
              "the write-ahead log is beyond its hard limit and cannot be recycled while " +
                  oldest_reader_() + " pins it",
              {.expected = options_.wal_hard_limit_bytes, .actual = wal_bytes()});
}

void WalGovernor::after_commit(Connection& connection) noexcept {
  const auto position = shim_.wal_index_position();
  if (!position) return;
  const std::uint64_t total = position->frames * frame_bytes_;
  // Another process may have moved frames since the first of both figures was read.
  const auto backfilled = std::min(position->frames, position->backfilled_frames);
  const std::uint64_t waiting = total - backfilled * frame_bytes_;
  if (total < last_attempt_bytes_) last_attempt_bytes_ = 0;  // the log has begun anew
  const std::uint64_t patience = last_attempt_bytes_ == 0 ? 0 : options_.wal_checkpoint_bytes / 4;
  if (waiting < options_.wal_checkpoint_bytes) return;
  if (total < last_attempt_bytes_ + patience) return;
  if (total < options_.wal_soft_limit_bytes) {
    checkpoint(connection, SQLITE_CHECKPOINT_PASSIVE);
  } else if (!restart(connection)) {
    warn_once();
  }
}

// True: the next write begins the log anew.
bool WalGovernor::restart(Connection& connection) {
  return checkpoint(connection, SQLITE_CHECKPOINT_RESTART);
}

// True: all of the log is in the file.
bool WalGovernor::checkpoint(Connection& connection, int mode) {
  connection.set_deadline(std::chrono::steady_clock::now() + kRestartPatience);
  int frames = 0;
  int moved = 0;
  const int result = sqlite3_wal_checkpoint_v2(connection.handle(), nullptr, mode, &frames, &moved);
  checkpoints_.fetch_add(1, std::memory_order_relaxed);
  if (result == SQLITE_OK && moved == frames) {
    last_attempt_bytes_ = 0;
    warned_ = false;
    return true;
  }
  pinned_.fetch_add(1, std::memory_order_relaxed);
  last_attempt_bytes_ = wal_bytes();
  return false;
}

void WalGovernor::warn_once() noexcept {
  if (warned_ || !options_.log) return;
  warned_ = true;
  try {
    options_.log(LogLevel::warning,
                 "the write-ahead log has grown to " + std::to_string(wal_bytes()) + " bytes; " +
                     oldest_reader_() + " pins it");
  } catch (...) {
    return;  // neither the host's function nor want of memory may undo what is committed
  }
}

}  // namespace holdfast::engine
