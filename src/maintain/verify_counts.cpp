// What owners say of their rows, against the rows: a row that vanished, or came from somewhere
// else, shows here even where every row that is left passes its digest.

#include "engine/statement.hpp"
#include "maintain/state_totals.hpp"
#include "maintain/verification.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::maintain {

namespace {

using engine::Connection;
using engine::Statement;

// Owners looked at in one read transaction: few, since one may have millions of rows.
constexpr int kPageOwners = 32;

// `sql` lists owners with keys above ?1, at most ?2: the key, its place, and for each figure what
// the owner's row says and what is there. total() and not sum(): a damaged number must not
// overflow.
struct OwnerCheck {
  const char* place;
  const char* sql;
  std::span<const char* const> figures;
};

constexpr std::array kSessionFigures = {"segments"};
constexpr const char* kSessions =
    "SELECT s.session_key, 'session ' || s.name, s.segment_count,"
    " (SELECT count(*) FROM segment AS g WHERE g.session_key = s.session_key)"
    " FROM session AS s WHERE s.session_key > ?1 ORDER BY s.session_key LIMIT ?2";

// Logs have their entries at ordinals 1..count: a gap shows as a missing one, a stray one beyond
// the end.
constexpr std::array kSegmentFigures = {"entries",
                                        "entries beyond its end",
                                        "bytes of entries",
                                        "trace entries",
                                        "trace entries beyond their end"};
constexpr const char* kSegments =
    "SELECT g.segment_key, 'segment ' || g.name, g.entry_count,"
    " (SELECT count(*) FROM log_entry AS e WHERE e.entry_key BETWEEN (g.node_key << 32) + 1"
    "   AND (g.node_key << 32) + g.entry_count), 0,"
    " (SELECT count(*) FROM log_entry AS e WHERE e.entry_key > (g.node_key << 32) + g.entry_count"
    "   AND e.entry_key <= (g.node_key << 32) + 4294967295), g.raw_bytes,"
    " (SELECT CAST(total(e.raw_bytes) AS INTEGER) FROM log_entry AS e WHERE e.entry_key"
    "   BETWEEN (g.node_key << 32) + 1 AND (g.node_key << 32) + g.entry_count), g.trace_count,"
    " (SELECT count(*) FROM log_entry AS e WHERE e.entry_key BETWEEN (g.trace_node_key << 32) + 1"
    "   AND (g.trace_node_key << 32) + g.trace_count), 0,"
    " (SELECT count(*) FROM log_entry AS e"
    "   WHERE e.entry_key > (g.trace_node_key << 32) + g.trace_count"
    "   AND e.entry_key <= (g.trace_node_key << 32) + 4294967295)"
    " FROM segment AS g WHERE g.segment_key > ?1 ORDER BY g.segment_key LIMIT ?2";

constexpr std::array kRunFigures = {"events",
                                    "events beyond its end",
                                    "bytes of events",
                                    "snapshots",
                                    "snapshots beyond its head",
                                    "its oldest snapshot",
                                    "its newest snapshot"};
constexpr const char* kRuns =
    "SELECT r.run_key, 'run ' || r.name, r.event_count,"
    " (SELECT count(*) FROM log_entry AS e WHERE e.entry_key BETWEEN (r.node_key << 32) + 1"
    "   AND (r.node_key << 32) + r.event_count), 0,"
    " (SELECT count(*) FROM log_entry AS e WHERE e.entry_key > (r.node_key << 32) + r.event_count"
    "   AND e.entry_key <= (r.node_key << 32) + 4294967295), r.raw_bytes,"
    " (SELECT CAST(total(e.raw_bytes) AS INTEGER) FROM log_entry AS e WHERE e.entry_key"
    "   BETWEEN (r.node_key << 32) + 1 AND (r.node_key << 32) + r.event_count), r.snapshot_count,"
    " (SELECT count(*) FROM snapshot AS n WHERE n.run_key = r.run_key), 0,"
    " (SELECT count(*) FROM snapshot AS n WHERE n.run_key = r.run_key AND r.event_count > 0"
    "   AND n.at_seq > r.first_seq + r.event_count - 1), r.oldest_at_seq,"
    " (SELECT min(n.at_seq) FROM snapshot AS n WHERE n.run_key = r.run_key), r.newest_at_seq,"
    " (SELECT max(n.at_seq) FROM snapshot AS n WHERE n.run_key = r.run_key)"
    " FROM run AS r WHERE r.run_key > ?1 ORDER BY r.run_key LIMIT ?2";

constexpr std::array kTraceFigures = {"checkpoints",
                                      "ordinal of the oldest checkpoint",
                                      "ordinal of the newest checkpoint",
                                      "checkpoints before its oldest that no prune has removed",
                                      "prunes of checkpoints that it has"};
constexpr const char* kTraces =
    "SELECT t.trace_key, 'trace ' || t.name, t.checkpoint_count,"
    " (SELECT count(*) FROM checkpoint AS c WHERE c.checkpoint_key"
    "   BETWEEN (t.trace_key << 32) + t.oldest_ordinal AND (t.trace_key << 32) + 4294967295),"
    " t.oldest_ordinal, (SELECT min(c.checkpoint_key) & 4294967295 FROM checkpoint AS c"
    "   WHERE c.checkpoint_key >= (t.trace_key << 32) + t.oldest_ordinal), t.newest_ordinal,"
    " (SELECT max(c.checkpoint_key) & 4294967295 FROM checkpoint AS c"
    "   WHERE c.checkpoint_key <= (t.trace_key << 32) + 4294967295), 0,"
    " (SELECT count(*) FROM checkpoint AS c WHERE c.checkpoint_key"
    "   BETWEEN (t.trace_key << 32) + 1 AND (t.trace_key << 32) + t.oldest_ordinal - 1"
    "   AND NOT EXISTS (SELECT 1 FROM removal AS m WHERE m.kind = 'checkpoint'"
    "     AND c.checkpoint_key BETWEEN m.first_key AND m.last_key)), 0,"
    " (SELECT count(*) FROM removal AS m WHERE m.kind = 'checkpoint'"
    "   AND m.first_key <= (t.trace_key << 32) + t.newest_ordinal"
    "   AND m.last_key >= (t.trace_key << 32) + t.oldest_ordinal)"
    " FROM trace AS t WHERE t.trace_key > ?1 ORDER BY t.trace_key LIMIT ?2";

// What its entries come to is added up row by row, below.
constexpr std::array kStateFigures = {"old values since its newest checkpoint"};
constexpr const char* kStates =
    "SELECT b.backend_key, 'state ' || b.name, b.undo_count,"
    " (SELECT count(*) FROM state_undo AS u WHERE u.backend_key = b.backend_key"
    "   AND u.interval > (SELECT ifnull(max(c.interval), 0) FROM state_checkpoint AS c"
    "                      WHERE c.backend_key = b.backend_key))"
    " FROM state_backend AS b WHERE b.backend_key > ?1 ORDER BY b.backend_key LIMIT ?2";

// What was kept between a checkpoint and the next one; behind the newest it is the state's to
// count.
constexpr std::array kStateCheckpointFigures = {"old values until the next checkpoint"};
constexpr const char* kStateCheckpoints =
    "SELECT c.checkpoint_key, 'state ' || b.name || ' checkpoint ' || printf('%llu', "
    "c.checkpoint_id),"
    " c.undo_count, (SELECT count(*) FROM state_undo AS u WHERE u.backend_key = c.backend_key"
    "   AND u.interval > c.interval"
    "   AND u.interval <= (SELECT min(n.interval) FROM state_checkpoint AS n"
    "                       WHERE n.backend_key = c.backend_key AND n.interval > c.interval))"
    " FROM state_checkpoint AS c JOIN state_backend AS b ON b.backend_key = c.backend_key"
    " WHERE c.checkpoint_key > ?1 ORDER BY c.checkpoint_key LIMIT ?2";

constexpr std::array kChecks = {
    OwnerCheck{"sessions", kSessions, kSessionFigures},
    OwnerCheck{"segments", kSegments, kSegmentFigures},
    OwnerCheck{"runs", kRuns, kRunFigures},
    OwnerCheck{"traces", kTraces, kTraceFigures},
    OwnerCheck{"states", kStates, kStateFigures},
    OwnerCheck{"checkpoints of states", kStateCheckpoints, kStateCheckpointFigures}};

void compare(Verification& verification, const OwnerCheck& check, const engine::Query& row) {
  for (std::size_t at = 0; at < check.figures.size(); ++at) {
    const auto column = static_cast<int>(2 + 2 * at);
    verification.compare(
        row.text(1), check.figures[at], row.integer(column), row.integer(column + 1));
  }
}

bool check_owners(Verification& verification, const OwnerCheck& check) {
  std::int64_t last_key = 0;
  bool more = true;
  while (more) {
    std::uint64_t owners = 0;
    const bool readable = verification.read(check.place, [&](Connection& db) {
      Statement page(db, check.sql);
      auto row = page.run(last_key, kPageOwners);
      while (row.step()) {
        ++owners;
        last_key = row.integer(0);
        compare(verification, check, row);
      }
    });
    verification.count(owners, 0);
    more = readable && owners == kPageOwners;
    if (!verification.go_on(owners)) return false;
  }
  return true;
}

// The next state after `last_key`; its entries are added up in the same transaction that reads its row.
bool check_state_after(Verification& verification, std::int64_t& last_key) {
  bool found = false;
  verification.read("entries of states", [&](Connection& db) {
    Statement next(db,
                   "SELECT backend_key, 'state ' || name, entry_count, size_bytes, entries_digest"
                   " FROM state_backend WHERE backend_key > ?1 ORDER BY backend_key LIMIT 1");
    auto row = next.run(last_key);
    found = row.step();
    if (!found) return;
    last_key = row.integer(0);
    const std::string place = row.string(1);
    const StateTotals recorded = recorded_totals(row, 2);
    const StateTotals actual = add_entries(db, last_key);
    verification.compare(place, "entries", recorded.entries, actual.entries);
    verification.compare(place, "bytes of keys and values", recorded.bytes, actual.bytes);
    if (recorded.entries == actual.entries && recorded.digest != actual.digest) {
      verification.add(
          Severity::error, place, "some of its entries are not those of its last change");
    }
  });
  return found;
}

bool check_states(Verification& verification) {
  std::int64_t last_key = 0;
  std::uint64_t states = 0;
  while (check_state_after(verification, last_key)) {
    ++states;
    if (!verification.go_on(1)) return false;
  }
  verification.count(states, 0);
  return true;
}

// A stream keeps a digest of its manifests' ids, which its store compares whenever it lists them.
void check_stream(Verification& verification, const std::string& stream) {
  try {
    static_cast<void>(verification.database().manifests(stream).list_ids());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    verification.add(Severity::error, "stream " + stream, error.what());
  }
}

bool check_streams(Verification& verification) {
  std::vector<std::string> streams;
  verification.read("stream", [&](Connection& db) {
    Statement list(db, "SELECT name FROM stream ORDER BY name");
    auto row = list.run();
    while (row.step())
      streams.push_back(row.string(0));
  });
  for (const std::string& stream : streams) {
    check_stream(verification, stream);
    if (!verification.go_on(1)) return false;
  }
  verification.count(streams.size(), 0);
  return true;
}

}  // namespace

bool check_counts(Verification& verification) {
  for (const OwnerCheck& check : kChecks) {
    verification.begin_part();
    if (!check_owners(verification, check)) return false;
    verification.end_part(check.place);
  }
  verification.begin_part();
  if (!check_states(verification)) return false;
  verification.end_part("entries of states");
  verification.begin_part();
  if (!check_streams(verification)) return false;
  verification.end_part("streams");
  return true;
}

}  // namespace holdfast::maintain
