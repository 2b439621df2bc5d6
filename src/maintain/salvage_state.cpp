// Keyed states: entries as they are now, and those checkpoints that can still be told whole.
//
// What a key was at a checkpoint stands in state_undo, or is its entry as it is now: a row that is
// lost, of either table, may change what any checkpoint says. So where a state has lost a row, each of
// its checkpoints is put together and compared with the counts that it was made with.

#include "engine/statement.hpp"
#include "maintain/salvaging.hpp"
#include "maintain/state_totals.hpp"

#include <vector>

namespace holdfast::maintain {

namespace {

using engine::Connection;
using engine::Statement;

// Rows that name what is lost.
constexpr const char* kRemoveOrphans[][2] = {  // NOLINT(modernize-avoid-c-arrays)
    {"state_partition",
     "DELETE FROM state_partition WHERE backend_key NOT IN (SELECT backend_key FROM "
     "state_backend)"},
    {"state_checkpoint",
     "DELETE FROM state_checkpoint WHERE backend_key NOT IN (SELECT backend_key FROM "
     "state_backend)"},
    {"state_entry",
     "DELETE FROM state_entry WHERE partition_key NOT IN (SELECT partition_key FROM "
     "state_partition)"},
    {"state_undo",
     "DELETE FROM state_undo WHERE backend_key NOT IN (SELECT backend_key FROM state_backend)"
     " OR partition_key NOT IN (SELECT partition_key FROM state_partition)"}};

struct State {
  std::int64_t key = 0;
  std::string name = {};
  StateTotals recorded = {};
  StateTotals actual = {};
  bool undo_whole = true;
};

struct Checkpoint {
  std::int64_t key = 0;
  std::uint64_t id = 0;
  std::int64_t interval = 0;
  StateTotals recorded = {};
};

std::vector<State> list_states(Connection& db) {
  std::vector<State> states;
  Statement select(
      db,
      "SELECT b.backend_key, b.name, b.entry_count, b.size_bytes, b.entries_digest,"
      " b.undo_count = (SELECT count(*) FROM state_undo AS u WHERE u.backend_key = b.backend_key"
      "   AND u.interval > (SELECT ifnull(max(c.interval), 0) FROM state_checkpoint AS c"
      "    WHERE c.backend_key = b.backend_key))"
      " AND NOT EXISTS (SELECT 1 FROM state_checkpoint AS c WHERE c.backend_key = b.backend_key"
      "   AND c.undo_count <> (SELECT count(*) FROM state_undo AS u"
      "    WHERE u.backend_key = c.backend_key AND u.interval > c.interval"
      "     AND u.interval <= (SELECT min(n.interval) FROM state_checkpoint AS n"
      "      WHERE n.backend_key = c.backend_key AND n.interval > c.interval)))"
      " FROM state_backend AS b ORDER BY b.backend_key");
  auto row = select.run();
  while (row.step()) {
    states.push_back({row.integer(0),
                      row.string(1),
                      recorded_totals(row, 2),
                      add_entries(db, row.integer(0)),
                      row.integer(5) != 0});
  }
  return states;
}

class StateMender {
 public:
  StateMender(Salvaging& salvaging, Connection& db, const State& state)
      : salvaging_(salvaging), db_(db), state_(state) {}

  void run() {
    const bool entries_whole = state_.recorded == state_.actual;
    if (entries_whole && state_.undo_whole) return;
    if (!entries_whole) {
      salvaging_.lose({"state " + state_.name,
                       "entries",
                       static_cast<std::uint64_t>(state_.actual.entries),
                       static_cast<std::uint64_t>(state_.recorded.entries),
                       state_.actual.entries == state_.recorded.entries
                           ? "some of them are older than the state"
                           : "the others are damaged or missing"});
    }
    drop_broken_checkpoints();
    remove_unused_undo();
    count();
  }

 private:
  void drop_broken_checkpoints() {
    const auto checkpoints = list_checkpoints();
    std::uint64_t dropped = 0;
    Statement remove(db_, "DELETE FROM state_checkpoint WHERE checkpoint_key = ?1");
    for (const Checkpoint& checkpoint : checkpoints) {
      if (is_whole(checkpoint)) continue;
      remove.execute(checkpoint.key);
      ++dropped;
      salvaging_.find(
          Severity::error,
          "state " + state_.name,
          "checkpoint " + std::to_string(checkpoint.id) + " cannot be put together any more");
    }
    salvaging_.drop("state_checkpoint", dropped);
    if (dropped == 0) return;
    salvaging_.lose({"state " + state_.name,
                     "checkpoints",
                     checkpoints.size() - dropped,
                     checkpoints.size(),
                     "the others need rows that are lost"});
  }

  std::vector<Checkpoint> list_checkpoints() {
    std::vector<Checkpoint> checkpoints;
    Statement select(
        db_,
        "SELECT checkpoint_key, checkpoint_id, interval, entry_count, size_bytes,"
        " entries_digest FROM state_checkpoint WHERE backend_key = ?1 ORDER BY interval");
    auto row = select.run(state_.key);
    while (row.step()) {
      checkpoints.push_back({row.integer(0), row.bits(1), row.integer(2), recorded_totals(row, 3)});
    }
    return checkpoints;
  }

  // As read_at() reads it: the earliest later undo row of a key, or else its entry; one that has changed
  // since has another digest than the one that was added up.
  bool is_whole(const Checkpoint& checkpoint) {
    Statement put_together(
        db_,
        "SELECT length(u.key) + u.raw_bytes, u.old_digest FROM state_undo AS u WHERE u.backend_key "
        "= ?1 AND u.interval > ?2"
        "   AND u.old_interval IS NOT NULL AND NOT EXISTS (SELECT 1 FROM state_undo AS v"
        "    WHERE v.backend_key = ?1 AND v.partition_key = u.partition_key AND v.key = u.key"
        "     AND v.interval > ?2 AND v.interval < u.interval)"
        " UNION ALL SELECT length(e.key) + e.raw_bytes, e.digest FROM state_partition AS p"
        "  JOIN state_entry AS e ON e.partition_key = p.partition_key WHERE p.backend_key = ?1"
        "   AND NOT EXISTS (SELECT 1 FROM state_undo AS v WHERE v.backend_key = ?1"
        "    AND v.partition_key = e.partition_key AND v.key = e.key AND v.interval > ?2)");
    auto rows = put_together.run(state_.key, checkpoint.interval);
    return add_rows(rows) == checkpoint.recorded;
  }

  // A row stays as long as it is, for some checkpoint, the earliest later one of its key.
  void remove_unused_undo() {
    Statement remove(
        db_,
        "DELETE FROM state_undo WHERE backend_key = ?1 AND NOT EXISTS ("
        " SELECT 1 FROM state_checkpoint AS c WHERE c.backend_key = ?1"
        "  AND c.interval < state_undo.interval AND NOT EXISTS (SELECT 1 FROM state_undo AS v"
        "   WHERE v.backend_key = ?1 AND v.partition_key = state_undo.partition_key"
        "    AND v.key = state_undo.key AND v.interval > c.interval"
        "    AND v.interval < state_undo.interval))");
    salvaging_.drop("state_undo", static_cast<std::uint64_t>(remove.execute(state_.key)));
  }

  // The version moves on, since the state is another one.
  void count() {
    Statement checkpoints(
        db_,
        "UPDATE state_checkpoint SET undo_count = (SELECT count(*) FROM state_undo AS u"
        "  WHERE u.backend_key = ?1 AND u.interval > state_checkpoint.interval"
        "   AND u.interval <= (SELECT min(n.interval) FROM state_checkpoint AS n"
        "    WHERE n.backend_key = ?1 AND n.interval > state_checkpoint.interval))"
        " WHERE backend_key = ?1");
    checkpoints.execute(state_.key);
    Statement head(
        db_,
        "UPDATE state_backend SET version = version + 1, entry_count = ?2, size_bytes = ?3,"
        " entries_digest = ?4, undo_count = (SELECT count(*) FROM state_undo AS u WHERE "
        "u.backend_key = ?1"
        "  AND u.interval > (SELECT ifnull(max(c.interval), 0) FROM state_checkpoint AS c"
        "   WHERE c.backend_key = ?1)) WHERE backend_key = ?1");
    head.execute(state_.key, state_.actual.entries, state_.actual.bytes, state_.actual.digest);
  }

  Salvaging& salvaging_;
  Connection& db_;
  const State& state_;
};

void remove_orphans(Salvaging& salvaging, Connection& db) {
  for (const auto& [table, sql] : kRemoveOrphans) {
    Statement remove(db, sql);
    const auto removed = static_cast<std::uint64_t>(remove.execute());
    salvaging.drop(table, removed);
    if (removed == 0) continue;
    salvaging.find(
        Severity::error,
        std::string("table ") + table,
        std::to_string(removed) + " rows, whose state or partition is lost, were left out");
  }
}

}  // namespace

void mend_state(Salvaging& salvaging) {
  salvaging.write([&](Connection& db) {
    remove_orphans(salvaging, db);
    for (const State& state : list_states(db))
      StateMender(salvaging, db, state).run();
  });
}

}  // namespace holdfast::maintain
