#include "engine/wal_governor.hpp"

#include "defect.hpp"
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
// The same for a log of ordinary length: the next chance comes soon.
constexpr auto kFinishPatience = std::chrono::milliseconds(2);
// What may be left to move in the writers' turn, as a part of the threshold: 1 MiB of 16.
constexpr std::uint64_t kFinishPart = 16;
// Writers that fill the log faster than it is moved are made to wait when it has so many thresholds.
constexpr std::uint64_t kOutrun = 4;

}  // namespace

WalGovernor::WalGovernor(const OpenOptions& options,
                         std::uint64_t page_bytes,
                         const vfs::Shim& shim,
                         std::function<std::string()> oldest_reader,
                         Checkpointer::Connect connect)
    : options_(options),
      frame_bytes_(page_bytes + kFrameHeaderBytes),
      shim_(shim),
      oldest_reader_(std::move(oldest_reader)),
      checkpointer_(std::move(connect)) {}

void WalGovernor::stop() noexcept {
  checkpointer_.stop();
}

std::uint64_t WalGovernor::wal_bytes() const noexcept {
  const auto position = shim_.wal_index_position();
  return position ? position->frames * frame_bytes_ : 0;
}

void WalGovernor::check_before_write(Connection& connection) {
  if (wal_bytes() < options_.wal_hard_limit_bytes || planted("hard_limit_ignored")) return;
  checkpointer_.wait();
  if (restart(connection, kRestartPatience)) return;
  throw Error(ErrorCode::full,
              "the write-ahead log is beyond its hard limit and cannot be recycled while " +
                  oldest_reader_() + " pins it",
              {.expected = options_.wal_hard_limit_bytes, .actual = wal_bytes()});
}

void WalGovernor::after_commit(Connection& connection) noexcept {
  const auto position = shim_.wal_index_position();
  if (!position) return;
  const std::uint64_t threshold = options_.wal_checkpoint_bytes;
  const std::uint64_t total = position->frames * frame_bytes_;
  // Another process may have moved frames since the first of both figures was read.
  const auto backfilled = std::min(position->frames, position->backfilled_frames);
  const std::uint64_t waiting = total - backfilled * frame_bytes_;
  if (total < last_attempt_bytes_) last_attempt_bytes_ = 0;  // the log has begun anew
  const bool outrun = total >= std::min(kOutrun * threshold, options_.wal_soft_limit_bytes);
  if (!collect_first_phase(outrun)) return;
  if (total < threshold) finishing_ = false;  // it has begun anew
  if (!finishing_ && waiting < threshold) return;
  const std::uint64_t patience = last_attempt_bytes_ == 0 ? 0 : threshold / 4;
  if (total < last_attempt_bytes_ + patience) return;
  if (total >= options_.wal_soft_limit_bytes) {
    if (!restart(connection, kRestartPatience)) warn_once();
  } else if (finishing_ && (outrun || waiting <= threshold / kFinishPart)) {
    restart(connection, kFinishPatience);
  } else {
    checkpointer_.request();
  }
}

// False: it is under way, and writers need not wait for it.
bool WalGovernor::collect_first_phase(bool outrun) noexcept {
  if (checkpointer_.under_way()) {
    if (!outrun) return false;
    checkpointer_.wait();
  }
  if (const auto complete = checkpointer_.take_finished()) note_attempt(*complete);
  return true;
}

// True: the next write begins the log anew.
bool WalGovernor::restart(Connection& connection, std::chrono::milliseconds patience) noexcept {
  connection.set_deadline(std::chrono::steady_clock::now() + patience);
  const bool complete = run_checkpoint(connection, SQLITE_CHECKPOINT_RESTART);
  note_attempt(complete);
  return complete;
}

void WalGovernor::note_attempt(bool complete) noexcept {
  checkpoints_.fetch_add(1, std::memory_order_relaxed);
  finishing_ = complete;
  if (complete) {
    last_attempt_bytes_ = 0;
    warned_ = false;
  } else {
    pinned_.fetch_add(1, std::memory_order_relaxed);
    last_attempt_bytes_ = wal_bytes();
  }
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
