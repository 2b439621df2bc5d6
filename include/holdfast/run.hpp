// Run histories: an event log per run, and snapshots that spare its replay.
//
// Shape    events are any bytes and have sequence numbers without gaps, from 1 (or from `first_seq`); a
//          snapshot is the state after the event at_seq. Snapshots only speed things up: without them,
//          a replay from the first event gives the same state. A run is there as long as it has
//          events or snapshots.
// Units    times in microseconds since the epoch
// Errors   conflict (expected_head; a first append beside foreign snapshots), invalid_argument
//          (at_seq beyond the head), too_large (2^32-1 events of a run, or numbers beyond 2^63-1),
//          corrupt (detail.id: the run; detail.actual: the sequence number), those of every write
// Threads  any; appends of several threads and processes have neither gaps nor duplicates
// Source   schema/0003_log.sql, schema/0006_run.sql, src/run/, src/log/, docs/stores/runs.md
#pragma once

#include "holdfast/bytes.hpp"
#include "holdfast/export.hpp"
#include "holdfast/id.hpp"
#include "holdfast/limits.hpp"
#include "holdfast/log_entry.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdfast {

namespace engine {
class Link;
}

struct RunAppendOptions {
  // The head before the call (0: no events yet), else `conflict` and nothing is appended.
  std::optional<std::uint64_t> expected_head = std::nullopt;
  // Where a new run's log begins, if not at 1. A run that has events: must be head + 1, else conflict.
  // A run that has snapshots but no events: must be the highest at_seq + 1, else conflict.
  std::optional<std::uint64_t> first_seq = std::nullopt;
};

struct Snapshot {
  std::string run = {};
  std::uint64_t at_seq = 0;  // the last event that went into it; 0 = before the first
  Bytes state = {};
};

struct SnapshotInfo {
  std::uint64_t at_seq = 0;
  std::int64_t created_at_us = 0;
  std::uint64_t raw_bytes = 0;
};

struct SnapshotListOptions {
  std::size_t limit = kNoLimit;
  std::optional<std::uint64_t> before = std::nullopt;  // only those with a lower at_seq
};

struct SnapshotRecovery {
  std::optional<Snapshot> chosen = std::nullopt;  // none: replay from the first event
  std::vector<std::uint64_t> damaged = {};        // at_seq of those passed over, newest first
  bool incomplete =
      false;  // what says which snapshots there are is damaged, or one of them is gone:
              // there may have been a newer one
};

struct RunInfo {
  std::string id = {};
  std::uint64_t first_seq = 1;  // of the first event; 1 if there is none
  std::uint64_t head = 0;       // of the last event; 0 if there is none
  std::uint64_t snapshots = 0;
  std::int64_t created_at_us = 0;
};

class HOLDFAST_API RunStore {
 public:
  using EventVisitor = std::function<void(const LogEntry&)>;

  // Appends and returns the new head. An empty list returns the head as it is, checks the options,
  // and makes no run.
  std::uint64_t append(const IdRef& run,
                       const PayloadList& events,
                       const RunAppendOptions& options = {});
  // The sequence number of the last event; 0 if there is none.
  std::uint64_t head(const IdRef& run) const;
  // At most `limit` events from `from` on, inclusive, ascending.
  std::vector<LogEntry> scan(const IdRef& run,
                             std::uint64_t from = 0,
                             std::size_t limit = kNoLimit) const;
  // The same through a visitor, up to the head of the moment of the call: paged, nothing is held while
  // it runs. A run that is removed meanwhile: not_found.
  void for_each(const IdRef& run, std::uint64_t from, const EventVisitor& visit) const;

  // Saves or replaces the snapshot of (run, at_seq). Beyond the head of a log kept here:
  // invalid_argument. A run without events here may have snapshots of any at_seq.
  void save_snapshot(const Snapshot& snapshot);
  // The highest at_seq, whatever was saved last. A damaged one is `corrupt`, never silently older.
  std::optional<Snapshot> load_latest(const IdRef& run) const;
  // The newest one at or before `seq`.
  std::optional<Snapshot> load_at(const IdRef& run, std::uint64_t seq) const;
  // The newest one that checks out, with a report of what was passed over.
  SnapshotRecovery recover_latest(const IdRef& run) const;

  // Snapshots, newest first. A damaged one is `corrupt`; `before` its at_seq goes on past it. States
  // are not read, so a list says nothing of them.
  std::vector<SnapshotInfo> list(const IdRef& run, const SnapshotListOptions& options = {}) const;
  // Removes all snapshots but the newest `keep`; events stay. Says how many went. With keep = 0 it
  // removes what is there, damaged or not.
  std::size_t prune(const IdRef& run, std::size_t keep);

  std::optional<RunInfo> info(const IdRef& run) const;
  // Runs by id in byte order, after an id.
  std::vector<std::string> list_runs(std::size_t limit = kNoLimit,
                                     const std::optional<std::string>& after = std::nullopt) const;
  // Removes the run with its events and snapshots. False: there was none.
  bool remove(const IdRef& run);

 private:
  friend class Database;
  explicit RunStore(std::shared_ptr<const engine::Link> link);
  std::shared_ptr<const engine::Link> link_;
};

}  // namespace holdfast
