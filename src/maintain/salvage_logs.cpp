// Sessions, segments and runs: each log is cut before its first hole, and what counts it counts again.

#include "content/row_digest.hpp"
#include "engine/statement.hpp"
#include "maintain/salvaging.hpp"

#include <optional>
#include <vector>

namespace holdfast::maintain {

namespace {

using engine::Connection;
using engine::Statement;

constexpr std::int64_t kMaxOrdinal = 0xffff'ffff;

// A log as it is kept: the entries before the first hole.
struct KeptLog {
  std::int64_t count = 0;
  std::uint64_t raw_bytes = 0;
  std::int64_t removed = 0;  // behind the hole, though readable
};

KeptLog cut_log(Connection& db, std::int64_t node_key, std::int64_t count) {
  KeptLog kept;
  {
    Statement select(db,
                     "SELECT entry_key & 4294967295, raw_bytes FROM log_entry"
                     " WHERE entry_key BETWEEN ?1 AND ?2 ORDER BY entry_key");
    auto row = select.run(node_key << 32 | 1, node_key << 32 | count);
    while (kept.count < count && row.step() && row.integer(0) == kept.count + 1) {
      ++kept.count;
      kept.raw_bytes += row.bits(1);
    }
  }
  Statement remove(db, "DELETE FROM log_entry WHERE entry_key BETWEEN ?1 AND ?2");
  kept.removed = remove.execute((node_key << 32 | kept.count) + 1, node_key << 32 | kMaxOrdinal);
  return kept;
}

void add_node(Connection& db, std::int64_t node_key) {
  Statement insert(db, "INSERT OR IGNORE INTO log_node (node_key, inherited_count) VALUES (?1, 0)");
  insert.execute(node_key);
}

// `first`: the position of the log's first entry, as its readers count.
SalvageLoss loss_of(std::string owner,
                    const char* things,
                    const KeptLog& kept,
                    std::int64_t expected,
                    std::uint64_t first) {
  const std::uint64_t end = first + static_cast<std::uint64_t>(kept.count);
  const std::string hole = std::to_string(end);
  std::string what = std::to_string(first) + ".." + std::to_string(end - 1) + " kept; " + hole +
                     " is damaged or missing";
  if (kept.count == 0) what = "none kept; " + hole + " is damaged or missing";
  if (kept.removed > 0) {
    what += "; " + std::to_string(kept.removed) + " readable ones behind it were left out";
  }
  return {.owner = std::move(owner),
          .things = things,
          .kept = static_cast<std::uint64_t>(kept.count),
          .expected = static_cast<std::uint64_t>(expected),
          .what = std::move(what)};
}

struct Segment {
  std::int64_t key = 0;
  std::string name = {};
  std::string session = {};
  std::int64_t node_key = 0;
  std::int64_t entry_count = 0;
  std::optional<std::int64_t> trace_node_key = std::nullopt;
  std::int64_t trace_count = 0;
  std::optional<std::int64_t> metadata_digest = std::nullopt;
};

class SegmentMender {
 public:
  SegmentMender(Salvaging& salvaging, Connection& db) : salvaging_(salvaging), db_(db) {}

  void run(const Segment& segment) {
    const std::string owner = "session " + segment.session + " segment " + segment.name;
    add_node(db_, segment.node_key);
    const KeptLog entries = cut_log(db_, segment.node_key, segment.entry_count);
    tell(loss_of(owner, "entries", entries, segment.entry_count, 0), entries);
    Statement update(db_,
                     "UPDATE segment SET entry_count = ?2, raw_bytes = ?3"
                     " WHERE segment_key = ?1 AND entry_count <> ?2");
    update.execute(segment.key, entries.count, entries.raw_bytes);
    if (segment.trace_node_key) mend_trace(segment, owner);
    if (segment.metadata_digest) mend_metadata(segment, owner);
  }

 private:
  void tell(SalvageLoss loss, const KeptLog& kept) {
    salvaging_.drop("log_entry", static_cast<std::uint64_t>(kept.removed));
    if (loss.kept != loss.expected) salvaging_.lose(std::move(loss));
  }

  void mend_trace(const Segment& segment, const std::string& owner) {
    add_node(db_, *segment.trace_node_key);
    const KeptLog trace = cut_log(db_, *segment.trace_node_key, segment.trace_count);
    tell(loss_of(owner, "trace entries", trace, segment.trace_count, 0), trace);
    Statement update(db_, "UPDATE segment SET trace_count = ?2 WHERE segment_key = ?1");
    if (trace.count != segment.trace_count) update.execute(segment.key, trace.count);
  }

  void mend_metadata(const Segment& segment, const std::string& owner) {
    {
      Statement find(db_, "SELECT metadata FROM segment_metadata WHERE segment_key = ?1");
      auto row = find.run(segment.key);
      if (row.step() && content::RowDigest().add(segment.name).add(row.text(0)).value() ==
                            *segment.metadata_digest) {
        return;
      }
    }
    Statement update(db_, "UPDATE segment SET metadata_digest = NULL WHERE segment_key = ?1");
    update.execute(segment.key);
    salvaging_.lose({owner, "metadata", 0, 1, "damaged or missing"});
  }

  Salvaging& salvaging_;
  Connection& db_;
};

void remove_orphan_segments(Salvaging& salvaging, Connection& db) {
  {
    Statement find(db,
                   "SELECT name, session_key FROM segment"
                   " WHERE session_key NOT IN (SELECT session_key FROM session)");
    auto row = find.run();
    while (row.step()) {
      salvaging.find(Severity::error,
                     "segment " + row.string(0),
                     "its session (" + std::to_string(row.integer(1)) + ") is lost");
    }
  }
  Statement remove(
      db, "DELETE FROM segment WHERE session_key NOT IN (SELECT session_key FROM session)");
  salvaging.drop("segment", static_cast<std::uint64_t>(remove.execute()));
}

std::vector<Segment> list_segments(Connection& db) {
  std::vector<Segment> segments;
  Statement select(db,
                   "SELECT g.segment_key, g.name, s.name, g.node_key, g.entry_count,"
                   " g.trace_node_key, g.trace_count, g.metadata_digest"
                   " FROM segment AS g JOIN session AS s ON s.session_key = g.session_key"
                   " ORDER BY g.segment_key");
  auto row = select.run();
  while (row.step()) {
    segments.push_back({.key = row.integer(0),
                        .name = row.string(1),
                        .session = row.string(2),
                        .node_key = row.integer(3),
                        .entry_count = row.integer(4),
                        .trace_node_key = row.optional_integer(5),
                        .trace_count = row.integer(6),
                        .metadata_digest = row.optional_integer(7)});
  }
  return segments;
}

void count_segments(Salvaging& salvaging, Connection& db) {
  {
    Statement find(db,
                   "SELECT s.name, s.segment_count, (SELECT count(*) FROM segment AS g"
                   " WHERE g.session_key = s.session_key) AS actual FROM session AS s"
                   " WHERE actual <> s.segment_count");
    auto row = find.run();
    while (row.step()) {
      salvaging.lose({"session " + row.string(0),
                      "segments",
                      row.bits(2),
                      row.bits(1),
                      "the others are damaged or missing"});
    }
  }
  db.execute(
      "UPDATE session SET segment_count = (SELECT count(*) FROM segment AS g"
      " WHERE g.session_key = session.session_key) WHERE segment_count <>"
      " (SELECT count(*) FROM segment AS g WHERE g.session_key = session.session_key)");
  // Nothing could be done with it.
  db.execute("DELETE FROM session WHERE segment_count = 0");
}

struct Run {
  std::int64_t key = 0;
  std::string name = {};
  std::int64_t node_key = 0;
  std::uint64_t first_seq = 0;
  std::int64_t event_count = 0;
};

std::vector<Run> list_runs(Connection& db) {
  std::vector<Run> runs;
  Statement select(db,
                   "SELECT run_key, name, node_key, first_seq, event_count FROM run"
                   " WHERE node_key IS NOT NULL ORDER BY run_key");
  auto row = select.run();
  while (row.step()) {
    runs.push_back({row.integer(0), row.string(1), row.integer(2), row.bits(3), row.integer(4)});
  }
  return runs;
}

void mend_events(Salvaging& salvaging, Connection& db, const Run& run) {
  add_node(db, run.node_key);
  const KeptLog events = cut_log(db, run.node_key, run.event_count);
  salvaging.drop("log_entry", static_cast<std::uint64_t>(events.removed));
  if (events.count == run.event_count) return;
  salvaging.lose(loss_of("run " + run.name, "events", events, run.event_count, run.first_seq));
  if (events.count == 0) {
    // Snapshots may stay, as those of a run whose log lives elsewhere.
    Statement clear(
        db, "UPDATE run SET node_key = NULL, event_count = 0, raw_bytes = 0 WHERE run_key = ?1");
    clear.execute(run.key);
    Statement remove(db, "DELETE FROM log_node WHERE node_key = ?1");
    remove.execute(run.node_key);
    return;
  }
  Statement update(db, "UPDATE run SET event_count = ?2, raw_bytes = ?3 WHERE run_key = ?1");
  update.execute(run.key, events.count, events.raw_bytes);
  Statement beyond(db, "DELETE FROM snapshot WHERE run_key = ?1 AND at_seq > ?2");
  const std::uint64_t head = run.first_seq + static_cast<std::uint64_t>(events.count) - 1;
  const std::int64_t removed = beyond.execute(run.key, head);
  if (removed == 0) return;
  salvaging.drop("snapshot", static_cast<std::uint64_t>(removed));
  salvaging.find(Severity::error,
                 "run " + run.name,
                 std::to_string(removed) + " snapshots beyond event " + std::to_string(head) +
                     " were left out, since the events that lead to them are lost");
}

// Chains as they are now; of no meaning in the oldest.
void link_snapshots(Salvaging& salvaging, Connection& db) {
  {
    Statement find(db,
                   "SELECT r.name, r.snapshot_count, (SELECT count(*) FROM snapshot AS n"
                   "  WHERE n.run_key = r.run_key) AS actual,"
                   " (SELECT count(*) FROM snapshot AS n WHERE n.run_key = r.run_key"
                   "   AND n.at_seq = r.newest_at_seq)"
                   " FROM run AS r WHERE actual <> r.snapshot_count");
    auto row = find.run();
    while (row.step()) {
      salvaging.lose(
          {"run " + row.string(0),
           "snapshots",
           row.bits(2),
           row.bits(1),
           row.integer(3) == 0 ? "the newest is among the missing ones" : "the newest is kept"});
    }
  }
  db.execute(
      "UPDATE snapshot SET previous_at_seq = (SELECT max(p.at_seq) FROM snapshot AS p"
      "  WHERE p.run_key = snapshot.run_key AND p.at_seq < snapshot.at_seq)"
      " WHERE previous_at_seq IS NOT (SELECT max(p.at_seq) FROM snapshot AS p"
      "  WHERE p.run_key = snapshot.run_key AND p.at_seq < snapshot.at_seq)");
  db.execute(
      "UPDATE run SET snapshot_count = (SELECT count(*) FROM snapshot AS n"
      "  WHERE n.run_key = run.run_key),"
      " oldest_at_seq = (SELECT min(n.at_seq) FROM snapshot AS n WHERE n.run_key = run.run_key),"
      " newest_at_seq = (SELECT max(n.at_seq) FROM snapshot AS n WHERE n.run_key = run.run_key)"
      " WHERE snapshot_count <>"
      "  (SELECT count(*) FROM snapshot AS n WHERE n.run_key = run.run_key)");
  db.execute("DELETE FROM run WHERE event_count = 0 AND snapshot_count = 0");
}

}  // namespace

void mend_sessions(Salvaging& salvaging) {
  salvaging.write([&](Connection& db) {
    remove_orphan_segments(salvaging, db);
    SegmentMender mender(salvaging, db);
    for (const Segment& segment : list_segments(db))
      mender.run(segment);
    Statement metadata(db,
                       "DELETE FROM segment_metadata WHERE segment_key NOT IN"
                       " (SELECT segment_key FROM segment WHERE metadata_digest IS NOT NULL)");
    salvaging.drop("segment_metadata", static_cast<std::uint64_t>(metadata.execute()));
    count_segments(salvaging, db);
  });
}

void mend_runs(Salvaging& salvaging) {
  salvaging.write([&](Connection& db) {
    for (const Run& run : list_runs(db))
      mend_events(salvaging, db, run);
    Statement orphans(db, "DELETE FROM snapshot WHERE run_key NOT IN (SELECT run_key FROM run)");
    salvaging.drop("snapshot", static_cast<std::uint64_t>(orphans.execute()));
    link_snapshots(salvaging, db);
  });
}

}  // namespace holdfast::maintain
