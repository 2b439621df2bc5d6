// Rows that do not fit together: their owner vanished, or they came from somewhere else.
//
// Each statement jumps from owner to owner through an index, so that it costs what there are
// owners, not rows; it sees one instant.

#include "engine/statement.hpp"
#include "maintain/verification.hpp"

#include <array>
#include <string>

namespace holdfast::maintain {

namespace {

using engine::Connection;
using engine::Statement;

// `sql` lists the offenders: by their place as text, or by a key, which follows `place`.
struct ReferenceCheck {
  Severity severity;
  const char* place;
  const char* what;
  const char* sql;
};

constexpr std::array kChecks = {
    ReferenceCheck{Severity::error,
                   "log node",
                   "has no segment and no run",
                   "SELECT node_key FROM log_node EXCEPT"
                   " SELECT node_key FROM (SELECT node_key FROM segment"
                   "  UNION ALL SELECT trace_node_key FROM segment WHERE trace_node_key IS NOT NULL"
                   "  UNION ALL SELECT node_key FROM run WHERE node_key IS NOT NULL"
                   "  UNION ALL SELECT parent_node_key FROM log_node"
                   "   WHERE parent_node_key IS NOT NULL)"},
    ReferenceCheck{Severity::error,
                   "log node",
                   "is named by a segment or a run, and is not there",
                   "SELECT node_key FROM (SELECT node_key FROM segment"
                   "  UNION ALL SELECT trace_node_key FROM segment WHERE trace_node_key IS NOT NULL"
                   "  UNION ALL SELECT node_key FROM run WHERE node_key IS NOT NULL) EXCEPT SELECT "
                   "node_key FROM log_node"},
    ReferenceCheck{Severity::error,
                   "log node",
                   "belongs to more than one segment or run",
                   "SELECT node_key FROM (SELECT node_key FROM segment"
                   "  UNION ALL SELECT trace_node_key FROM segment WHERE trace_node_key IS NOT NULL"
                   "  UNION ALL SELECT node_key FROM run WHERE node_key IS NOT NULL) GROUP BY "
                   "node_key HAVING count(*) > 1"},
    ReferenceCheck{
        Severity::error,
        "log node",
        "has entries, and is not there",
        "WITH RECURSIVE owner(k) AS (SELECT min(entry_key) >> 32 FROM log_entry UNION ALL"
        "  SELECT (SELECT min(entry_key) >> 32 FROM log_entry"
        "   WHERE entry_key >= (k + 1) << 32) FROM owner WHERE k < 2147483647)"
        " SELECT k FROM owner WHERE k IS NOT NULL EXCEPT SELECT node_key FROM log_node"
        " EXCEPT SELECT first_key >> 32 FROM removal WHERE kind = 'log_entry'"},
    ReferenceCheck{Severity::error,
                   "log node",
                   "is there, and its entries are to be freed",
                   "SELECT node_key FROM log_node INTERSECT"
                   " SELECT first_key >> 32 FROM removal WHERE kind = 'log_entry'"},
    ReferenceCheck{Severity::error,
                   "trace",
                   "has checkpoints, and is not there",
                   "WITH RECURSIVE owner(k) AS (SELECT min(checkpoint_key) >> 32 FROM checkpoint"
                   "  UNION ALL SELECT (SELECT min(checkpoint_key) >> 32 FROM checkpoint"
                   "   WHERE checkpoint_key >= (k + 1) << 32) FROM owner WHERE k < 2147483647)"
                   " SELECT k FROM owner WHERE k NOT IN (SELECT trace_key FROM trace)"
                   "  AND EXISTS (SELECT 1 FROM checkpoint AS c WHERE c.checkpoint_key"
                   "    BETWEEN (k << 32) + 1 AND (k << 32) + 4294967295"
                   "   AND NOT EXISTS (SELECT 1 FROM removal AS m WHERE m.kind = 'checkpoint'"
                   "    AND c.checkpoint_key BETWEEN m.first_key AND m.last_key))"},
    ReferenceCheck{Severity::error,
                   "checkpoint",
                   "has pending writes, and is not there",
                   "WITH RECURSIVE owner(k) AS (SELECT min(checkpoint_key) FROM pending_write"
                   "  UNION ALL SELECT (SELECT min(checkpoint_key) FROM pending_write"
                   "   WHERE checkpoint_key > k) FROM owner WHERE k IS NOT NULL)"
                   " SELECT k FROM owner WHERE k IS NOT NULL"
                   " EXCEPT SELECT checkpoint_key FROM checkpoint"},
    ReferenceCheck{Severity::error,
                   "session",
                   "has segments, and is not there",
                   "SELECT session_key FROM segment EXCEPT SELECT session_key FROM session"},
    ReferenceCheck{
        Severity::error,
        "segment",
        "has metadata, and is not there",
        "SELECT segment_key FROM segment_metadata EXCEPT SELECT segment_key FROM segment"},
    ReferenceCheck{Severity::error,
                   "run",
                   "has snapshots, and is not there",
                   "WITH RECURSIVE owner(k) AS (SELECT min(run_key) FROM snapshot UNION ALL"
                   "  SELECT (SELECT min(run_key) FROM snapshot WHERE run_key > k)"
                   "   FROM owner WHERE k IS NOT NULL)"
                   " SELECT k FROM owner WHERE k IS NOT NULL EXCEPT SELECT run_key FROM run"},
    ReferenceCheck{Severity::error,
                   "stream",
                   "has manifests, and is not there",
                   "WITH RECURSIVE owner(k) AS (SELECT min(stream_key) FROM manifest UNION ALL"
                   "  SELECT (SELECT min(stream_key) FROM manifest WHERE stream_key > k)"
                   "   FROM owner WHERE k IS NOT NULL)"
                   " SELECT k FROM owner WHERE k IS NOT NULL EXCEPT SELECT stream_key FROM stream"},
    ReferenceCheck{
        Severity::error,
        "stream",
        "has states, and is not there",
        "WITH RECURSIVE owner(k) AS (SELECT min(stream_key) FROM manifest_state UNION ALL"
        "  SELECT (SELECT min(stream_key) FROM manifest_state WHERE stream_key > k)"
        "   FROM owner WHERE k IS NOT NULL)"
        " SELECT k FROM owner WHERE k IS NOT NULL EXCEPT SELECT stream_key FROM stream"},
    ReferenceCheck{Severity::error,
                   "manifest",
                   "was saved with a state, which is not there, or is another one",
                   "SELECT 'manifest ' || m.checkpoint_id || ' of stream ' || t.name"
                   " FROM manifest AS m JOIN stream AS t ON t.stream_key = m.stream_key"
                   " LEFT JOIN manifest_state AS s"
                   "  ON s.stream_key = m.stream_key AND s.checkpoint_id = m.checkpoint_id"
                   " WHERE m.state_sha256 IS NOT s.sha256"},
    ReferenceCheck{Severity::warning,
                   "manifest",
                   "was damaged already when it was imported",
                   "SELECT 'manifest ' || m.checkpoint_id || ' of stream ' || t.name"
                   " FROM manifest AS m JOIN stream AS t ON t.stream_key = m.stream_key"
                   " WHERE m.decoded = 0 OR m.checksum_matches = 0"},
    ReferenceCheck{Severity::info,
                   "state of manifest",
                   "has no manifest: an orphan, which cleanup_orphans() removes",
                   "SELECT 'state of manifest ' || s.checkpoint_id || ' of stream ' || t.name"
                   " FROM manifest_state AS s JOIN stream AS t ON t.stream_key = s.stream_key"
                   " WHERE NOT EXISTS (SELECT 1 FROM manifest AS m"
                   "  WHERE m.stream_key = s.stream_key AND m.checkpoint_id = s.checkpoint_id)"},
    ReferenceCheck{Severity::info,
                   "upload",
                   "is under way, or was given up: what it has staged goes with the next upload or "
                   "shrink() after its lease has run out",
                   "SELECT DISTINCT upload_key FROM content_upload"},
    ReferenceCheck{Severity::error,
                   "state",
                   "has partitions, and is not there",
                   "SELECT backend_key FROM state_partition EXCEPT"
                   " SELECT backend_key FROM state_backend"},
    ReferenceCheck{Severity::error,
                   "state",
                   "has checkpoints, and is not there",
                   "SELECT backend_key FROM state_checkpoint EXCEPT"
                   " SELECT backend_key FROM state_backend"},
    ReferenceCheck{Severity::error,
                   "state",
                   "has undo rows, and is not there",
                   "WITH RECURSIVE owner(k) AS (SELECT min(backend_key) FROM state_undo UNION ALL"
                   "  SELECT (SELECT min(backend_key) FROM state_undo WHERE backend_key > k)"
                   "   FROM owner WHERE k IS NOT NULL)"
                   " SELECT k FROM owner WHERE k IS NOT NULL"
                   " EXCEPT SELECT backend_key FROM state_backend"},
    ReferenceCheck{
        Severity::error,
        "state partition",
        "has entries, and is not there",
        "WITH RECURSIVE owner(k) AS (SELECT min(partition_key) FROM state_entry UNION ALL"
        "  SELECT (SELECT min(partition_key) FROM state_entry WHERE partition_key > k)"
        "   FROM owner WHERE k IS NOT NULL)"
        " SELECT k FROM owner WHERE k IS NOT NULL"
        " EXCEPT SELECT partition_key FROM state_partition"},
};

std::string place_of(const ReferenceCheck& check, const engine::Query& row) {
  if (row.is_text(0)) return row.string(0);
  return std::string(check.place) + " " + std::to_string(row.integer(0));
}

void run_check(Verification& verification, const ReferenceCheck& check) {
  verification.begin_part();
  verification.read(check.place, [&](Connection& db) {
    Statement find(db, check.sql);
    auto row = find.run();
    while (row.step())
      verification.add(check.severity, place_of(check, row), check.what);
  });
  verification.end_part(check.place);
}

}  // namespace

bool check_references(Verification& verification) {
  for (const ReferenceCheck& check : kChecks) {
    run_check(verification, check);
    if (!verification.go_on(0)) return false;
  }
  return true;
}

}  // namespace holdfast::maintain
