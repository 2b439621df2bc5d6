// What is in the file: views, contents, limits of keys, what a reopened file has.
#include "access.hpp"
#include "holdfast/error.hpp"
#include "run/run_cases.hpp"
#include "run/run_table.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

namespace holdfast {

namespace {

using test::require_error;
using test::snapshot;
using test::State;
using test::state_of;
using Names = std::vector<std::string>;
using Row = test::PlainSqlite::Row;
using Rows = std::vector<Row>;

constexpr std::size_t kLargeBytes = 5'000'000;

// How many rows a table of the closed file has.
long long rows_of(test::TemporaryDatabase& db, const std::string& table) {
  db.close();
  const long long count = test::PlainSqlite(db.file()).integer("SELECT count(*) FROM " + table);
  db.reopen();
  return count;
}

}  // namespace

TEST_CASE("what was appended and saved is there after the file is opened again", "[run]") {
  test::TemporaryDatabase db;
  db->runs().append("r", {"a", "b"}, {.first_seq = 3});
  db->runs().save_snapshot(snapshot("r", 4, "s"));
  db.reopen();
  CHECK(db->runs().append("r", {"c"}, {.expected_head = 4}) == 5);
  CHECK(test::events_of(db->runs().scan("r")) == test::Events{{3, "a"}, {4, "b"}, {5, "c"}});
  CHECK(state_of(db->runs().load_latest("r")) == State(4, "s"));
}

TEST_CASE("the views runs and events tell what the store tells", "[run]") {
  test::TemporaryDatabase db(test::Ground::file, {.clock = [] { return 1'500'000; }});
  auto runs = db->runs();
  runs.append("r",
              {R"({"kind": "Started", "step": {"n": 7}})", "\"Completed\"", "no json"},
              {.first_seq = 100});
  runs.append("s", {"{}"});
  runs.save_snapshot(snapshot("only snapshots", 5, "x"));
  db.close();

  test::PlainSqlite sqlite(db.file());
  CHECK(
      sqlite.rows("SELECT run, created_at, first_seq, head, events, snapshots, raw_bytes FROM runs"
                  " ORDER BY run") ==
      Rows{{"only snapshots", "1970-01-01T00:00:01.500Z", "1", "0", "0", "1", "0"},
           {"r", "1970-01-01T00:00:01.500Z", "100", "102", "3", "0", "55"},
           {"s", "1970-01-01T00:00:01.500Z", "1", "1", "1", "0", "2"}});
  CHECK(sqlite.rows("SELECT seq, created_at, kind, codec, json ->> '$.step.n', typeof(data),"
                    " raw_bytes FROM events WHERE run = 'r' ORDER BY seq") ==
        Rows{{"100", "1970-01-01T00:00:01.500Z", "Started", "json", "7", "text", "37"},
             {"101", "1970-01-01T00:00:01.500Z", "Completed", "json", std::nullopt, "text", "11"},
             {"102", "1970-01-01T00:00:01.500Z", std::nullopt, "raw", std::nullopt, "blob", "7"}});
}

TEST_CASE("the view snapshots tells what the store tells", "[run]") {
  test::TemporaryDatabase db(test::Ground::file, {.clock = [] { return 1'500'000; }});
  auto runs = db->runs();
  runs.save_snapshot(snapshot("r", 9, R"({"total": 3})"));
  runs.save_snapshot(snapshot("r", 4, "\x01"));
  runs.save_snapshot(snapshot("r", 9, R"({"total": 4})"));
  db.close();
  CHECK(test::PlainSqlite(db.file()).rows(
            "SELECT run, at_seq, created_at, json ->> '$.total', typeof(data), raw_bytes,"
            " stored_bytes FROM snapshots ORDER BY at_seq") ==
        Rows{{"r", "4", "1970-01-01T00:00:01.500Z", std::nullopt, "blob", "1", "1"},
             {"r", "9", "1970-01-01T00:00:01.500Z", "4", "text", "12", "12"}});
}

TEST_CASE("large events and states go through the content tables and are freed", "[run]") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  const std::string large = random.bytes(kLargeBytes);
  {
    auto runs = db->runs();
    runs.append("r", {"small", large});
    runs.save_snapshot(snapshot("r", 1, large));
    runs.save_snapshot(snapshot("r", 2, large));
    CHECK(runs.scan("r", 2).front().text() == large);
    CHECK(state_of(runs.load_latest("r")) == State(2, large));
    CHECK(runs.list("r").front().raw_bytes == kLargeBytes);
  }
  REQUIRE(rows_of(db, "content") == 3);

  SECTION("prune frees states and keeps events") {
    CHECK(db->runs().prune("r", 1) == 1);
    CHECK(rows_of(db, "content") == 2);
    CHECK(db->runs().prune("r", 0) == 1);
    CHECK(rows_of(db, "content") == 1);
    CHECK(db->runs().scan("r", 2).front().text() == large);
  }
  SECTION("a replaced state is freed") {
    db->runs().save_snapshot(snapshot("r", 1, "small"));
    db->runs().save_snapshot(snapshot("r", 2, "small"));
    CHECK(rows_of(db, "content") == 1);
  }
  SECTION("remove frees all") {
    CHECK(db->runs().remove("r"));
    for (const char* table :
         {"content", "chunk", "chunk_data", "log_entry", "log_node", "snapshot", "run"}) {
      CAPTURE(table);
      CHECK(rows_of(db, table) == 0);
    }
  }
}

TEST_CASE("a refused call leaves nothing behind", "[run]") {
  test::TemporaryDatabase db;
  const std::string large(200'000, 'x');
  db->runs().append("r", {"a"});
  require_error(ErrorCode::conflict,
                [&] { db->runs().append("r", {large}, {.expected_head = 0}); });
  require_error(ErrorCode::conflict,
                [&] { db->runs().append("n", {large}, {.expected_head = 5}); });
  require_error(ErrorCode::invalid_argument,
                [&] { db->runs().save_snapshot(snapshot("r", 2, large)); });
  CHECK(rows_of(db, "content") == 0);
  CHECK(rows_of(db, "log_node") == 1);
  CHECK(rows_of(db, "run") == 1);
}

TEST_CASE("the last key of a run is given, none after it: too_large", "[run]") {
  test::TemporaryDatabase db;
  db->runs().append("a", {"1"});
  db.damage("UPDATE sqlite_sequence SET seq = 2147483646 WHERE name = 'run'");
  auto runs = db->runs();
  CHECK(runs.append("b", {"1"}) == 1);
  CHECK(require_error(ErrorCode::too_large, [&] { runs.append("c", {"1"}); }).expected ==
        2147483647U);
  require_error(ErrorCode::too_large, [&] { runs.save_snapshot(snapshot("c", 1, "")); });
  CHECK(runs.list_runs() == Names{"a", "b"});
  CHECK(runs.append("a", {"2"}) == 2);
}

TEST_CASE("a log holds 2^32-1 events; beyond is too_large, and nothing is appended", "[run]") {
  test::TemporaryDatabase db;
  auto runs = db->runs();
  runs.append("r", {"1"});
  engine::Access::link(*db).write([](engine::Connection& connection) {
    auto run = run::find_run(connection, "r");
    run->event_count = log::kMaxEntries - 1;
    run::write_run(connection, *run);
  });
  CHECK(runs.append("r", {"last"}) == log::kMaxEntries);
  CHECK(test::events_of(runs.scan("r", log::kMaxEntries)) ==
        test::Events{{log::kMaxEntries, "last"}});
  const auto detail = require_error(ErrorCode::too_large, [&] { runs.append("r", {"more"}); });
  CHECK(detail.expected == log::kMaxEntries);
  CHECK(runs.head("r") == log::kMaxEntries);
}

}  // namespace holdfast
