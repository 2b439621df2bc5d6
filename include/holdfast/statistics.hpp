// What the engine of an open file has done so far, and how it stands.
//
// Units    as the names say; counters begin with the first opening in this process
// Threads  plain values, one consistent picture not promised between fields
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast {

// A read transaction that is under way in this process.
struct ActiveReader {
  std::string what = {};  // "read", "backup", ...
  std::int64_t age_us = 0;
};

// What the recovery of the write-ahead log found, when the last user of the file had not closed it: the worst
// since this process opened the file. The database is as of the last commit that was whole.
struct LogRecovery {
  enum class Finding : std::uint8_t {
    clean,       // no recovery was needed, or nothing was lost
    unfinished,  // the log ends in a transaction that is not whole: one that was under way, as after a
                 // crash (damage to the newest one looks the same)
    uncertain,  // newer commits were dropped. It may be damage; at `normal` a power loss can do it, too
    damaged,  // acknowledged commits were dropped, because the log was damaged
  };
  Finding finding = Finding::clean;
  std::uint64_t kept_pages = 0;     // that the log held up to its last whole commit
  std::uint64_t dropped_pages = 0;  // that it held behind it
  std::string copy =
      {};  // of the log as it was, beside the file, if uncertain or damaged and there was room
};

struct Statistics {
  std::uint64_t commits = 0;             // transactions committed
  std::uint64_t rollbacks = 0;           // transactions given up
  std::uint64_t group_commits = 0;       // commits that carried more than one closed operation
  std::uint64_t grouped_operations = 0;  // operations in those
  std::uint64_t largest_group = 0;
  std::uint64_t retried_operations =
      0;  // closed operations run again because their group had failed

  std::int64_t longest_wait_us = 0;  // for a turn to write
  std::int64_t total_wait_us = 0;
  std::uint64_t busy_timeouts = 0;
  std::uint64_t waiting_writes = 0;  // for a turn to write, now; tickets, too

  std::uint64_t syncs = 0;
  std::int64_t sync_us = 0;
  std::uint64_t wal_bytes = 0;  // of the log, as of the last commit seen
  std::uint64_t wal_checkpoints = 0;
  std::uint64_t wal_pinned = 0;            // checkpoints that a reader kept from finishing
  std::vector<ActiveReader> readers = {};  // oldest first: the first one pins the log
  bool poisoned = false;
  LogRecovery log_recovery = {};
};

}  // namespace holdfast
