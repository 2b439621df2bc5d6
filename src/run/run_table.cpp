#include "run/run_table.hpp"

#include "content/row_digest.hpp"
#include "engine/remembered.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"

#include <utility>

namespace holdfast::run {

namespace {

constexpr std::int64_t kMaxRunKey = 0x7fff'ffff;

struct RunStatements {
  explicit RunStatements(engine::Connection& db)
      : find(db,
             "SELECT run_key, name, node_key, first_seq, event_count, raw_bytes, snapshot_count,"
             " oldest_at_seq, newest_at_seq, created_at_us, digest FROM run WHERE name = ?1"),
        all(db,
            "SELECT run_key, name, node_key, first_seq, event_count, raw_bytes, snapshot_count,"
            " oldest_at_seq, newest_at_seq, created_at_us, digest FROM run ORDER BY name"),
        all_after(db,
                  "SELECT run_key, name, node_key, first_seq, event_count, raw_bytes,"
                  " snapshot_count, oldest_at_seq, newest_at_seq, created_at_us, digest FROM run"
                  " WHERE name > ?1 ORDER BY name"),
        // The highest key ever given is asked, so that the last one is an answer and no failed CHECK.
        create(db,
               "INSERT INTO run (name, first_seq, event_count, raw_bytes, snapshot_count,"
               " created_at_us, digest) SELECT ?1, 1, 0, 0, 0, ?2, 0 WHERE ?3 >"
               " ifnull((SELECT max(seq) FROM sqlite_sequence WHERE name = 'run'), 0)"),
        update(db,
               "UPDATE run SET node_key = ?2, first_seq = ?3, event_count = ?4, raw_bytes = ?5,"
               " snapshot_count = ?6, oldest_at_seq = ?7, newest_at_seq = ?8, digest = ?9"
               " WHERE run_key = ?1"),
        remove(db, "DELETE FROM run WHERE run_key = ?1"),
        known(db) {}
  engine::Statement find;
  engine::Statement all;
  engine::Statement all_after;
  engine::Statement create;
  engine::Statement update;
  engine::Statement remove;
  engine::Remembered<Run> known;  // sound ones
};

std::optional<std::int64_t> as_column(std::optional<std::uint64_t> number) {
  return number ? std::optional(static_cast<std::int64_t>(*number)) : std::nullopt;
}

std::optional<std::uint64_t> optional_number(const engine::Query& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.bits(column));
}

std::int64_t digest_of(const Run& run) {
  return content::RowDigest()
      .add(run.key)
      .add(run.name)
      .add(run.node_key)
      .add(static_cast<std::int64_t>(run.first_seq))
      .add(static_cast<std::int64_t>(run.event_count))
      .add(static_cast<std::int64_t>(run.raw_bytes))
      .add(static_cast<std::int64_t>(run.snapshot_count))
      .add(as_column(run.oldest_at_seq))
      .add(as_column(run.newest_at_seq))
      .add(run.created_at_us)
      .value();
}

std::optional<Run> next_run(engine::Query& row) {
  if (!row.step()) return std::nullopt;
  Run run;
  run.key = row.integer(0);
  run.name = row.string(1);
  run.node_key = row.optional_integer(2);
  run.first_seq = row.bits(3);
  run.event_count = row.bits(4);
  run.raw_bytes = row.bits(5);
  run.snapshot_count = row.bits(6);
  run.oldest_at_seq = optional_number(row, 7);
  run.newest_at_seq = optional_number(row, 8);
  run.created_at_us = row.integer(9);
  run.sound = row.integer(10) == digest_of(run);
  return run;
}

void require_sound(const Run& run) {
  if (run.sound) return;
  throw Error(
      ErrorCode::corrupt, "the record of run " + run.name + " fails its digest", {.id = run.name});
}

}  // namespace

std::optional<Run> find_run(engine::Connection& db, std::string_view name) {
  auto& known = db.statements<RunStatements>().known;
  if (const Run* run = known.find(name)) return *run;
  auto run = find_run_as_is(db, name);
  if (!run) return std::nullopt;
  require_sound(*run);
  known.remember(name, *run);
  return run;
}

std::optional<Run> find_run_as_is(engine::Connection& db, std::string_view name) {
  auto row = db.statements<RunStatements>().find.run(name);
  return next_run(row);
}

std::vector<std::string> run_names(engine::Connection& db,
                                   std::size_t limit,
                                   const std::optional<std::string>& after) {
  auto& statements = db.statements<RunStatements>();
  std::vector<std::string> names;
  auto row = after ? statements.all_after.run(*after) : statements.all.run();
  while (names.size() < limit) {
    auto run = next_run(row);
    if (!run) break;
    require_sound(*run);
    names.push_back(std::move(run->name));
  }
  return names;
}

Run find_or_new_run(engine::Connection& db, std::string_view name, std::int64_t now_us) {
  if (auto run = find_run(db, name)) return *std::move(run);
  Run run;
  run.name = name;
  run.created_at_us = now_us;
  return run;
}

void create_run(engine::Connection& db, Run& run) {
  if (db.statements<RunStatements>().create.execute(run.name, run.created_at_us, kMaxRunKey) == 0) {
    throw Error(ErrorCode::too_large,
                "the file has given its last key of a run",
                {.expected = kMaxRunKey, .id = run.name});
  }
  run.key = db.last_insert_rowid();
}

void write_run(engine::Connection& db, const Run& run) {
  auto& statements = db.statements<RunStatements>();
  if (run.event_count == 0 && run.snapshot_count == 0) {
    statements.remove.execute(run.key);
    statements.known.forget();
    return;
  }
  statements.update.execute(run.key,
                            run.node_key,
                            run.first_seq,
                            run.event_count,
                            run.raw_bytes,
                            run.snapshot_count,
                            run.oldest_at_seq,
                            run.newest_at_seq,
                            digest_of(run));
  statements.known.rewrite(run.name, run);
}

}  // namespace holdfast::run
