#include "checkpoint/trace_table.hpp"

#include "content/row_digest.hpp"
#include "engine/remembered.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"

#include <utility>

namespace holdfast::checkpoint {

namespace {

constexpr std::int64_t kMaxTraceKey = 0x7fff'ffff;

struct TraceStatements {
  explicit TraceStatements(engine::Connection& db)
      : find(db,
             "SELECT trace_key, name, last_ordinal, oldest_ordinal, newest_ordinal,"
             " checkpoint_count, created_at_us, digest FROM trace WHERE name = ?1"),
        find_by_key(db,
                    "SELECT trace_key, name, last_ordinal, oldest_ordinal, newest_ordinal,"
                    " checkpoint_count, created_at_us, digest FROM trace WHERE trace_key = ?1"),
        all(db,
            "SELECT trace_key, name, last_ordinal, oldest_ordinal, newest_ordinal,"
            " checkpoint_count, created_at_us, digest FROM trace ORDER BY name"),
        all_after(db,
                  "SELECT trace_key, name, last_ordinal, oldest_ordinal, newest_ordinal,"
                  " checkpoint_count, created_at_us, digest FROM trace WHERE name > ?1"
                  " ORDER BY name"),
        // The highest key ever given is asked, so that the last one is an answer and no failed CHECK.
        create(db,
               "INSERT INTO trace (name, last_ordinal, oldest_ordinal, newest_ordinal,"
               " checkpoint_count, created_at_us, digest)"
               " SELECT ?1, 0, 0, 0, 0, ?2, 0 WHERE ?3 >"
               " ifnull((SELECT max(seq) FROM sqlite_sequence WHERE name = 'trace'), 0)"),
        update(db,
               "UPDATE trace SET last_ordinal = ?2, oldest_ordinal = ?3, newest_ordinal = ?4,"
               " checkpoint_count = ?5, digest = ?6 WHERE trace_key = ?1"),
        remove(db, "DELETE FROM trace WHERE trace_key = ?1"),
        known(db) {}
  engine::Statement find;
  engine::Statement find_by_key;
  engine::Statement all;
  engine::Statement all_after;
  engine::Statement create;
  engine::Statement update;
  engine::Statement remove;
  engine::Remembered<Trace> known;  // sound ones
};

std::int64_t digest_of(const Trace& trace) {
  return content::RowDigest()
      .add(trace.key)
      .add(trace.name)
      .add(static_cast<std::int64_t>(trace.last_ordinal))
      .add(static_cast<std::int64_t>(trace.oldest_ordinal))
      .add(static_cast<std::int64_t>(trace.newest_ordinal))
      .add(static_cast<std::int64_t>(trace.count))
      .add(trace.created_at_us)
      .value();
}

std::optional<Trace> next_trace(engine::Query& row) {
  if (!row.step()) return std::nullopt;
  Trace trace;
  trace.key = row.integer(0);
  trace.name = row.string(1);
  trace.last_ordinal = row.bits(2);
  trace.oldest_ordinal = row.bits(3);
  trace.newest_ordinal = row.bits(4);
  trace.count = row.bits(5);
  trace.created_at_us = row.integer(6);
  trace.sound = row.integer(7) == digest_of(trace);
  // Nothing can be told of a key that must not be shifted.
  if (trace.key < 1 || trace.key > kMaxTraceKey) {
    throw Error(ErrorCode::corrupt, "a trace has a key that cannot be", {.id = trace.name});
  }
  return trace;
}

}  // namespace

std::optional<Trace> find_trace(engine::Connection& db, std::string_view name) {
  auto& known = db.statements<TraceStatements>().known;
  if (const Trace* trace = known.find(name)) return *trace;
  auto trace = find_trace_as_is(db, name);
  if (!trace) return std::nullopt;
  require_sound(*trace);
  known.remember(name, *trace);
  return trace;
}

std::optional<Trace> find_trace_as_is(engine::Connection& db, std::string_view name) {
  auto row = db.statements<TraceStatements>().find.run(name);
  return next_trace(row);
}

std::optional<Trace> find_trace_as_is(engine::Connection& db, std::int64_t key) {
  auto row = db.statements<TraceStatements>().find_by_key.run(key);
  return next_trace(row);
}

void require_sound(const Trace& trace) {
  if (trace.sound) return;
  throw Error(ErrorCode::corrupt,
              "the record of trace " + trace.name + " fails its digest",
              {.id = trace.name});
}

std::vector<std::string> trace_names(engine::Connection& db,
                                     std::size_t limit,
                                     const std::optional<std::string>& after) {
  auto& statements = db.statements<TraceStatements>();
  std::vector<std::string> names;
  auto row = after ? statements.all_after.run(*after) : statements.all.run();
  while (names.size() < limit) {
    auto trace = next_trace(row);
    if (!trace) break;
    require_sound(*trace);
    names.push_back(std::move(trace->name));
  }
  return names;
}

std::uint64_t count_checkpoints(engine::Connection& db) {
  std::uint64_t count = 0;
  auto row = db.statements<TraceStatements>().all.run();
  while (const auto trace = next_trace(row)) {
    require_sound(*trace);
    count += trace->count;
  }
  return count;
}

Trace find_or_create_trace(engine::Connection& db, std::string_view name, std::int64_t now_us) {
  if (auto trace = find_trace(db, name)) return *std::move(trace);
  if (db.statements<TraceStatements>().create.execute(name, now_us, kMaxTraceKey) == 0) {
    throw Error(ErrorCode::too_large,
                "the file has given its last key of a trace",
                {.expected = kMaxTraceKey, .id = std::string(name)});
  }
  Trace trace;
  trace.key = db.last_insert_rowid();
  trace.name = name;
  trace.created_at_us = now_us;
  return trace;
}

void write_trace(engine::Connection& db, const Trace& trace) {
  auto& statements = db.statements<TraceStatements>();
  if (trace.count == 0) {
    statements.remove.execute(trace.key);
    statements.known.forget();
    return;
  }
  statements.update.execute(trace.key,
                            trace.last_ordinal,
                            trace.oldest_ordinal,
                            trace.newest_ordinal,
                            trace.count,
                            digest_of(trace));
  statements.known.rewrite(trace.name, trace);
}

}  // namespace holdfast::checkpoint
