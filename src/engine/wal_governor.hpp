// When the write-ahead log is moved into the file, and how large it may grow.
//
// The log is recycled, not truncated: overwriting blocks that were written once costs half of appending
// fresh ones. It is checkpointed by size, outside the commit, by the thread that crossed the threshold once
// its waiters are released. That thread still leads the write queue, so checkpointer and writers of this
// process never race (and a hot checkpoint loop cannot starve the writer); other processes are kept
// apart by the shim's guard. A reader that stays pins the log: it grows, with a warning at the soft
// limit, until writes are refused at the hard one. From the soft limit on a checkpoint waits a little
// for readers, so that the log can begin anew.
//
// Threads  by the leader of the write queue only, but for wal_bytes() and the counters
#pragma once

#include "engine/connection.hpp"
#include "holdfast/options.hpp"
#include "vfs/shim.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace holdfast::engine {

class WalGovernor {
 public:
  // `oldest_reader` names who may pin the log, for the warning.
  WalGovernor(const OpenOptions& options,
              std::uint64_t page_bytes,
              const vfs::Shim& shim,
              std::function<std::string()> oldest_reader);

  // full: the log is beyond its hard limit, and a checkpoint could not shrink it.
  void check_before_write(Connection& connection);
  // Checkpoints if the log has grown enough. Never throws: the commit is done.
  void after_commit(Connection& connection) noexcept;

  std::uint64_t wal_bytes() const noexcept;
  std::uint64_t checkpoints() const { return checkpoints_.load(std::memory_order_relaxed); }
  std::uint64_t pinned() const { return pinned_.load(std::memory_order_relaxed); }

 private:
  bool restart(Connection& connection);
  bool checkpoint(Connection& connection, int mode);
  void warn_once() noexcept;

  const OpenOptions& options_;
  const std::uint64_t frame_bytes_;
  const vfs::Shim& shim_;
  std::function<std::string()> oldest_reader_;
  // How long the log was when a checkpoint was last kept from finishing: it is tried again not at every
  // commit, but when the log has grown by a quarter of the threshold. 0: it was not.
  std::uint64_t last_attempt_bytes_ = 0;
  bool warned_ = false;
  std::atomic<std::uint64_t> checkpoints_{0};
  std::atomic<std::uint64_t> pinned_{0};
};

}  // namespace holdfast::engine
