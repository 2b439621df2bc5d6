// A hostile file runs nothing: what triggers, views and expressions in it would do is never done.
#include "holdfast/maintain.hpp"
#include "support/full_database.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

namespace holdfast {

using test::PlainSqlite;

namespace {

// Adds something to a full database that would write into `victim` if it ever ran; its name there is lost.
void plant(test::TemporaryDatabase& db, const std::string& sql) {
  test::fill(*db);
  db.close();
  PlainSqlite plain(db.file());
  plain.run("PRAGMA trusted_schema = ON; CREATE TABLE victim (what TEXT); " + sql);
}

long long traces_of_it(test::TemporaryDatabase& db) {
  return PlainSqlite(db.file()).integer("SELECT count(*) FROM victim");
}

void use_everything(const Database& db) {
  static_cast<void>(verify(db));
  static_cast<void>(info(db));
  static_cast<void>(storage_by_owner(db));
  db.checkpoints().save("trace-1", {.id = "after", .data = to_bytes("bytes")});
  db.sessions().append("session-1", "g1", "{}");
  db.runs().append("run-1", {"{}"});
  db.state("orders").put("after", "value");
  db.checkpoints().remove_trace("trace-2");
  static_cast<void>(shrink(db));
}

}  // namespace

TEST_CASE("triggers of a hostile file refuse it, and do not run before that") {
  test::TemporaryDatabase db;
  plant(db,
        GENERATE(as<std::string>{},
                 "CREATE TRIGGER t AFTER INSERT ON checkpoint BEGIN"
                 " INSERT INTO victim VALUES ('insert'); END",
                 "CREATE TRIGGER t BEFORE UPDATE ON session BEGIN DELETE FROM segment; END",
                 "CREATE TRIGGER t INSTEAD OF DELETE ON sessions BEGIN"
                 " INSERT INTO victim VALUES ('view'); END",
                 "CREATE TRIGGER store AFTER UPDATE ON store BEGIN"
                 " INSERT INTO victim VALUES ('store'); END",
                 "CREATE TRIGGER t AFTER INSERT ON victim BEGIN DELETE FROM log_entry; END"));
  test::require_error(ErrorCode::incompatible, [&] { db.reopen(); });
  REQUIRE(traces_of_it(db) == 0);
}

TEST_CASE("a trigger is refused too in a file that claims to need a migration") {
  test::TemporaryDatabase db;
  plant(db,
        "CREATE TRIGGER t AFTER INSERT ON schema_migration BEGIN"
        " INSERT INTO victim VALUES ('migration'); END; PRAGMA user_version = 1");
  REQUIRE_THROWS_AS(db.reopen(), Error);
  REQUIRE(traces_of_it(db) == 0);
}

TEST_CASE("views in the place of ours, and tables of other shape, are refused") {
  test::TemporaryDatabase db;
  plant(db,
        GENERATE(as<std::string>{},
                 "DROP VIEW pods; CREATE VIEW pods AS SELECT load_extension('/tmp/hostile') AS pod",
                 "DROP VIEW storage_by_owner; CREATE VIEW storage_by_owner AS"
                 " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
                 "DROP TABLE pod; CREATE TABLE pod (name TEXT DEFAULT (hex(zeroblob(900000))))",
                 "DROP TABLE lease; CREATE VIEW lease AS SELECT * FROM victim",
                 "CREATE INDEX i ON checkpoint (abs(graph_hash))"));
  test::require_error(ErrorCode::incompatible, [&] { db.reopen(); });
}

TEST_CASE("what somebody added beside our tables is left alone, whatever it would do") {
  test::TemporaryDatabase db;
  plant(db,
        GENERATE(as<std::string>{},
                 "CREATE VIEW endless AS"
                 " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
                 "CREATE VIEW reads AS SELECT load_extension('/tmp/hostile') FROM checkpoint",
                 "CREATE TABLE g (a, b AS (hex(zeroblob(900000000))))",
                 "CREATE VIEW twice AS SELECT * FROM sessions, sessions, sessions, sessions"));
  db.reopen();
  use_everything(*db);
  db.close();
  REQUIRE(traces_of_it(db) == 0);
}

}  // namespace holdfast
