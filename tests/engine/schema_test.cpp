// The fingerprint: what a person may add to a file, and what is refused by name.
#include "engine/schema.hpp"

#include "engine/folder.hpp"

#include <sqlite3.h>

using namespace holdfast;
using test::add_note;
using test::FileGround;
using test::Names;
using test::notes;
using test::open_link;
using test::PlainSqlite;
using test::require_error;

namespace {

// Closes the file and changes it as a person's shell would.
void change(FileGround& ground, const std::string& sql) {
  ground.close();
  PlainSqlite(ground.path()).run(sql);
}

std::string refusal_of(const std::string& path) {
  try {
    open_link(path);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::incompatible) return error.what();
    throw;
  }
  return "";
}

// Which functions are unsafe differs between versions of SQLite.
bool is_unsafe(const char* sql) {
  sqlite3* handle = nullptr;
  sqlite3_open(":memory:", &handle);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  const int result = sqlite3_exec(handle, sql, nullptr, nullptr, nullptr);
  sqlite3_close(handle);
  return result != SQLITE_OK;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a foreign trigger is refused by name, and the command in the message drops it") {
  FileGround ground;
  // A trigger may even have the name of a table of ours.
  const std::string name = GENERATE("spy", "pod", "a \"quoted\" name");
  std::string quoted = "\"";
  for (const char c : name)
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  quoted += "\"";
  const auto* const target =
      GENERATE("AFTER INSERT ON pod", "INSTEAD OF INSERT ON pods", "AFTER INSERT ON note");
  change(ground, "CREATE TRIGGER " + quoted + " " + target + " BEGIN DELETE FROM note; END");
  const std::string refusal = refusal_of(ground.path());
  CAPTURE(refusal);
  const std::string command = "DROP TRIGGER " + quoted + ";";
  REQUIRE(contains(refusal, command));
  change(ground, command);
  REQUIRE(notes(ground.open()).empty());
}

TEST_CASE("a foreign index on a table of ours is refused by name, and the command drops it") {
  FileGround ground;
  change(ground, "CREATE INDEX by_a ON pod (payload ->> '$.a')");
  const std::string refusal = refusal_of(ground.path());
  CAPTURE(refusal);
  REQUIRE(contains(refusal, "DROP INDEX \"by_a\";"));
  change(ground, "DROP INDEX \"by_a\";");
  REQUIRE(notes(ground.open()).empty());
}

TEST_CASE("what was added with a function that SQLite calls unsafe is refused by name") {
  constexpr const char* kAdd = "CREATE TABLE mine (a, b AS (a ->> '$.b'))";
  FileGround ground;
  change(ground, kAdd);
  const std::string refusal = refusal_of(ground.path());
  CAPTURE(refusal);
  REQUIRE(contains(refusal, "(mine)") == is_unsafe(kAdd));
  change(ground, "DROP TABLE mine");
  REQUIRE(notes(ground.open()).empty());
}

TEST_CASE("tables, views, indexes on foreign tables, and statistics are left alone, and listed") {
  FileGround ground;
  change(ground,
         "CREATE TABLE mine (a UNIQUE, b); CREATE INDEX mine_by_b ON mine (b);"
         "CREATE VIEW recent AS SELECT * FROM pods; INSERT INTO mine VALUES (1, 2); ANALYZE");
  ground.open();
  const auto foreign =
      ground.link->read([](test::Connection& db) { return engine::foreign_objects(db); });
  REQUIRE(foreign == Names{"table mine", "index mine_by_b", "table note", "view recent"});
  add_note(*ground.link, "a");
  REQUIRE(ground.ask("SELECT b FROM mine") == "2");
  REQUIRE(ground.ask("SELECT count(*) > 0 FROM sqlite_stat1") == "1");
}

TEST_CASE("a table, view or index of ours that was changed or dropped is refused by name") {
  FileGround ground;
  const auto [sql, name] = GENERATE(table<const char*, const char*>({
      {"DROP VIEW pods", "pods"},
      {"DROP VIEW pods; CREATE VIEW pods AS SELECT 1 AS pod", "pods"},
      {"DROP VIEW pods; CREATE TABLE pods (pod)", "pods"},
      {"ALTER TABLE pod ADD COLUMN more TEXT", "pod"},
      {"DROP TABLE lease", "lease"},
      {"ALTER TABLE lease RENAME TO leash", "lease"},
      {"DROP INDEX session_by_recency", "session_by_recency"},
  }));
  const std::string statements = sql;
  // A view on what is renamed or dropped is in the way of some of them.
  change(ground, "PRAGMA legacy_alter_table = ON; " + statements);
  const std::string refusal = refusal_of(ground.path());
  CAPTURE(refusal);
  REQUIRE(contains(refusal, std::string("\"") + name + "\""));
}

TEST_CASE("a file whose row that says who it is was changed, or has gone, is corrupt") {
  FileGround ground;
  change(ground,
         GENERATE(as<std::string>{},
                  "UPDATE store SET store_id = upper(store_id)",
                  "UPDATE store SET incarnation = store_id",
                  "UPDATE store SET created_at_us = 1",
                  "DELETE FROM store"));
  require_error(ErrorCode::corrupt, [&] { ground.open(); });
}

TEST_CASE("a schema that leads to another table's pages is corrupt") {
  const test::TemporaryFolder folder;  // without the table of notes: the schema is ours alone
  const std::string path = folder.file("app.holdfast");
  open_link(path);
  PlainSqlite(path).run(
      "PRAGMA writable_schema = ON;"
      "UPDATE sqlite_schema SET rootpage = (SELECT sum(rootpage) FROM sqlite_schema"
      " WHERE name IN ('run', 'trace')) - rootpage WHERE name IN ('run', 'trace')");
  require_error(ErrorCode::corrupt, [&] { open_link(path); });
}

TEST_CASE("a file keeps its id, and has it in its first row") {
  FileGround ground;
  const std::string id = ground.link->store_id();
  const std::string incarnation = ground.link->incarnation();
  REQUIRE(id.size() == 36);
  REQUIRE(incarnation != id);
  ground.reopen();
  REQUIRE(ground.link->store_id() == id);
  REQUIRE(ground.link->incarnation() == incarnation);
  REQUIRE(ground.ask("SELECT store_id FROM store") == id);
}

TEST_CASE("a new file says which schema it has and where that came from") {
  FileGround ground;
  ground.close();
  PlainSqlite plain(ground.path());
  REQUIRE(plain.integer("PRAGMA application_id") == engine::kApplicationId);
  REQUIRE(plain.integer("PRAGMA user_version") == engine::current_schema_version());
  REQUIRE(plain.integer("SELECT max(version) FROM schema_history") ==
          engine::current_schema_version());
  REQUIRE(plain.integer("PRAGMA auto_vacuum") == 2);
  REQUIRE(plain.text("PRAGMA journal_mode") == "wal");
}
