// Snapshots as rows of a run: found, walked, put in their place in the chain, pruned.
//
// The chain   a row names the at_seq before its own, the run the oldest and the newest. Rows are believed
//             where the chain leads to them, and where it breaks a row is missing: corrupt.
// Digests     `digest` covers the run's name and all columns but the payload: a row proves by itself
//             whose it is, and lists need not read payloads. `payload_digest` covers the payload.
// Errors      corrupt (detail.id: the run; detail.actual: the at_seq of a damaged snapshot)
// Threads     those of the connection
// Source      schema/0006_run.sql
#pragma once

#include "engine/connection.hpp"
#include "engine/statement.hpp"
#include "holdfast/bytes.hpp"
#include "run/run_table.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace holdfast::content {
class Upload;
}

namespace holdfast::run {

// A row without its payload.
struct SnapshotRow {
  std::uint64_t at_seq = 0;
  std::optional<std::uint64_t> previous_at_seq = std::nullopt;
  std::int64_t created_at_us = 0;
  std::string codec = "raw";
  std::int64_t value_version = 0;
  std::int64_t raw_bytes = 0;
  std::optional<std::int64_t> content_key = std::nullopt;
  std::int64_t payload_digest = 0;
  bool sound = true;  // the row fits its digest
};

enum class Order : std::uint8_t { newest_first, oldest_first };

// The snapshots of a run from an at_seq on, that one included. One at a time per order.
class SnapshotCursor {
 public:
  SnapshotCursor(engine::Connection& db, const Run& run, Order order, std::uint64_t from);
  std::optional<SnapshotRow> next();

 private:
  const Run& run_;
  engine::Query row_;
};

// The at_seq before this one in its run's chain; nullopt: it is the oldest.
std::optional<std::uint64_t> at_seq_before(const Run& run, const SnapshotRow& row);

// The newest one at or before `seq`, proven to be that: nothing between it and `seq` has vanished. The
// row itself may still be damaged.
std::optional<SnapshotRow> newest_up_to(engine::Connection& db, const Run& run, std::uint64_t seq);

void require_sound(const Run& run, const SnapshotRow& row);
[[noreturn]] void throw_missing(const Run& run);

// The state of a sound row.
Bytes read_state(engine::Connection& db, const Run& run, const SnapshotRow& row);

// Puts a snapshot in its place, or replaces the one of that at_seq. `run` is changed here, and written by
// the caller once all is done; the same holds below. `upload`: has staged the state, if there is one.
void put_snapshot(engine::Connection& db,
                  Run& run,
                  SnapshotRow row,
                  BytesView state,
                  const content::Upload* upload = nullptr);
// The content that a state of that at_seq is likely to resemble.
std::optional<std::int64_t> find_near(engine::Connection& db, const Run& run, std::uint64_t at_seq);
// Removes all but the newest `keep` (at least 1), and says how many went.
std::size_t prune_rows(engine::Connection& db, Run& run, std::size_t keep);
// Removes what is there, whatever the chain says: the way out for a damaged run.
std::size_t remove_rows(engine::Connection& db, Run& run);

}  // namespace holdfast::run
