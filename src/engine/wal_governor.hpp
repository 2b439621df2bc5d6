// When the write-ahead log is moved into the file, and how large it may grow.
//
// The log is recycled, not truncated: overwriting blocks that were written once costs half of appending
// fresh ones. It is moved by size, in two phases, so that no writer waits for long:
//
//   1  a passive checkpoint beside the writers (checkpointer.hpp), by the thread that crossed the
//      threshold, after its turn
//   2  once little is left, the leader moves that, with the writer lock, so that the next write begins
//      the log anew
//
// Writers that fill the log faster than it is moved wait for the first phase. A reader that stays pins the
// log: it grows, with a warning at the soft limit, until writes are refused at the hard one. From the soft
// limit on a checkpoint waits a little for readers, so that the log can begin anew.
//
// Threads  by the leader of the write queue only, but for after_turn(), wal_bytes(), the counters, and stop()
#pragma once

#include "engine/checkpointer.hpp"
#include "engine/connection.hpp"
#include "holdfast/options.hpp"
#include "vfs/shim.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace holdfast::engine {

class WalGovernor {
 public:
  // `oldest_reader` names who may pin the log, for the warning.
  WalGovernor(const OpenOptions& options,
              std::uint64_t page_bytes,
              const vfs::Shim& shim,
              std::function<std::string()> oldest_reader,
              Checkpointer::Connect connect);

  // full: the log is beyond its hard limit, and a checkpoint could not shrink it.
  void check_before_write(Connection& connection);
  // Moves a small rest of the log, or asks for the first phase, if it has grown enough. Never throws: the
  // commit is done.
  void after_commit(Connection& connection) noexcept;
  // The first phase, if it was asked for. By who led, once he does no more.
  void after_turn() noexcept { checkpointer_.run_requested(); }

  // The checkpointer closes its connection. Nobody leads any more.
  void stop() noexcept;

  std::uint64_t wal_bytes() const noexcept;
  std::uint64_t checkpoints() const { return checkpoints_.load(std::memory_order_relaxed); }
  std::uint64_t pinned() const { return pinned_.load(std::memory_order_relaxed); }

 private:
  bool collect_first_phase(bool outrun) noexcept;
  bool restart(Connection& connection, std::chrono::milliseconds patience) noexcept;
  void note_attempt(bool complete) noexcept;
  void warn_once() noexcept;

  const OpenOptions& options_;
  const std::uint64_t frame_bytes_;
  const vfs::Shim& shim_;
  std::function<std::string()> oldest_reader_;
  Checkpointer checkpointer_;
  // How long the log was when a checkpoint was last kept from finishing: it is tried again not at every
  // commit, but when the log has grown by a quarter of the threshold. 0: it was not.
  std::uint64_t last_attempt_bytes_ = 0;
  // What was in the log is in the file, but for what came later, and the log has not begun anew.
  bool finishing_ = false;
  bool warned_ = false;
  std::atomic<std::uint64_t> checkpoints_{0};
  std::atomic<std::uint64_t> pinned_{0};
};

}  // namespace holdfast::engine
