#include "access.hpp"
#include "engine/connection.hpp"
#include "engine/schema.hpp"
#include "engine/statement.hpp"
#include "holdfast/maintain.hpp"
#include "holdfast/version.hpp"
#include "maintain/kept_logs.hpp"

#include <string>

namespace holdfast {

namespace {

// Every owner keeps its counts in its row: no log and no state is walked for this. total(), since a
// damaged count must not make the sum overflow.
struct InfoStatements {
  explicit InfoStatements(engine::Connection& c)
      : store(c, "SELECT created_at_us, sqlite_version() FROM store WHERE store_key = 1"),
        traces(c, "SELECT count(*), CAST(total(checkpoint_count) AS INTEGER) FROM trace"),
        sessions(c, "SELECT count(*), 0 FROM session"),
        segments(c, "SELECT count(*), CAST(total(entry_count) AS INTEGER) FROM segment"),
        runs(c, "SELECT count(*), CAST(total(event_count) AS INTEGER) FROM run"),
        snapshots(c, "SELECT CAST(total(snapshot_count) AS INTEGER), 0 FROM run"),
        streams(c, "SELECT count(*), (SELECT count(*) FROM manifest) FROM stream"),
        states(c, "SELECT count(*), CAST(total(entry_count) AS INTEGER) FROM state_backend") {}
  engine::Statement store, traces, sessions, segments, runs, snapshots, streams, states;
};

void read_pair(engine::Statement& statement, std::uint64_t& first, std::uint64_t& second) {
  auto row = statement.run();
  if (!row.step()) return;
  first = row.bits(0);
  second = row.bits(1);
}

void read_counts(InfoStatements& statements, DatabaseInfo& info) {
  std::uint64_t none = 0;
  read_pair(statements.traces, info.traces, info.checkpoints);
  read_pair(statements.sessions, info.sessions, none);
  read_pair(statements.segments, info.segments, info.entries);
  read_pair(statements.runs, info.runs, info.events);
  read_pair(statements.snapshots, info.snapshots, none);
  read_pair(statements.streams, info.streams, info.manifests);
  read_pair(statements.states, info.states, info.state_entries);
}

}  // namespace

DatabaseInfo info(const Database& database) {
  DatabaseInfo info;
  info.path = database.path();
  info.store_id = database.store_id();
  info.incarnation = database.incarnation();
  info.holdfast_version = version();
  info.damaged_logs = maintain::kept_logs(info.path);
  engine::Access::link(database).read([&](engine::Connection& db) {
    auto& statements = db.statements<InfoStatements>();
    if (auto row = statements.store.run(); row.step()) {
      info.created_at_us = row.integer(0);
      info.sqlite_version = row.string(1);
    }
    read_counts(statements, info);
    info.schema_version = static_cast<int>(db.integer("PRAGMA user_version"));
    info.page_bytes = static_cast<std::uint64_t>(db.integer("PRAGMA page_size"));
    info.page_count = static_cast<std::uint64_t>(db.integer("PRAGMA page_count"));
    info.free_pages = static_cast<std::uint64_t>(db.integer("PRAGMA freelist_count"));
    info.foreign_objects = engine::foreign_objects(db);
  });
  return info;
}

}  // namespace holdfast
