// What is in the file: views, contents, limits of keys, what a reopened file has.
#include "access.hpp"
#include "checkpoint/checkpoint_cases.hpp"
#include "checkpoint/trace_table.hpp"
#include "holdfast/error.hpp"
#include "support/catch.hpp"
#include "support/content_chunks.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

namespace holdfast {

namespace {

using test::blob;
using test::data_of;
using test::require_error;
using Names = std::vector<std::string>;
using Row = test::PlainSqlite::Row;

constexpr std::size_t kLargeBytes = 5'000'000;

// How many contents the file has, and that no chunk is missing or left over.
long long contents(test::TemporaryDatabase& db) {
  db.close();
  long long count = 0;
  {
    test::PlainSqlite sqlite(db.file());
    count = sqlite.integer("SELECT count(*) FROM content");
    CHECK(sqlite.integer(test::kChunksAreCounted) == 1);
  }
  db.reopen();
  return count;
}

}  // namespace

TEST_CASE("what was saved is there after the file is opened again", "[checkpoint]") {
  test::TemporaryDatabase db;
  db->checkpoints().save("t", blob("a", "1"));
  db->checkpoints().save("t", blob("b", "2"));
  db.reopen();
  CHECK(db->checkpoints().list("t") == Names{"b", "a"});
  CHECK(data_of(db->checkpoints().load_latest("t")) == "2");
}

TEST_CASE("the view checkpoints tells what the store tells", "[checkpoint]") {
  test::TemporaryDatabase db(test::Ground::file, {.clock = [] { return 1'500'000; }});
  auto store = db->checkpoints();
  store.save("t",
             {.id = "json",
              .data = to_bytes(R"({"step": 4})"),
              .graph_hash = 0xffff'ffff'ffff'fffe,
              .created_at_ns = 86'400'000'000'000});
  store.save("t", {.id = "blob", .data = to_bytes("\x01\x02")});
  store.save("t", {.id = "scalar", .data = to_bytes("42")});
  db.close();

  test::PlainSqlite sqlite(db.file());
  CHECK(sqlite.rows("SELECT trace, id, saved_at, created_at, graph_hash, json ->> '$.step',"
                    " raw_bytes, stored_bytes, ordinal FROM checkpoints WHERE id = 'json'") ==
        std::vector<Row>{{"t",
                          "json",
                          "1970-01-01T00:00:01.500Z",
                          "1970-01-02T00:00:00.000Z",
                          "0xfffffffffffffffe",
                          "4",
                          "11",
                          "11",
                          "1"}});
  CHECK(sqlite.rows("SELECT id, json ->> '$.step', typeof(data) FROM checkpoints"
                    " WHERE trace = 't' ORDER BY ordinal") ==
        std::vector<Row>{{"json", "4", "text"},
                         {"blob", std::nullopt, "blob"},
                         {"scalar", std::nullopt, "blob"}});
}

TEST_CASE("the view shows a replaced checkpoint once, at its new place", "[checkpoint]") {
  test::TemporaryDatabase db;
  for (const char* id : {"a", "b", "a"})
    db->checkpoints().save("t", blob(id, id));
  db.close();
  CHECK(test::PlainSqlite(db.file()).rows("SELECT id FROM checkpoints ORDER BY ordinal DESC") ==
        std::vector<Row>{{"a"}, {"b"}});
}

TEST_CASE("large data goes through the content tables and is freed with its row", "[checkpoint]") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  const std::string large = random.bytes(kLargeBytes);
  {
    auto store = db->checkpoints();
    store.save("t", blob("a", large));
    store.save("t", blob("b", large));
    store.save("t", blob("c", "small"));
    CHECK(data_of(store.load("a")) == large);
    CHECK(store.info("a")->raw_bytes == kLargeBytes);
  }
  REQUIRE(contents(db) == 2);

  SECTION("by prune") {
    CHECK(db->checkpoints().prune("t", 1) == 2);
  }
  SECTION("by pruning all") {
    CHECK(db->checkpoints().prune("t", 0) == 3);
  }
  SECTION("by remove") {
    CHECK(db->checkpoints().remove("a"));
    REQUIRE(contents(db) == 1);
    CHECK(db->checkpoints().remove("b"));
  }
  SECTION("by saving the ids again") {
    db->checkpoints().save("t", blob("a", "small"));
    db->checkpoints().save("t", blob("b", "small"));
    CHECK(data_of(db->checkpoints().load("a")) == "small");
  }
  CHECK(contents(db) == 0);
}

TEST_CASE("a save that is refused leaves no content behind", "[checkpoint]") {
  test::TemporaryDatabase db;
  db->checkpoints().save("owner", blob("c", "mine"));
  require_error(ErrorCode::conflict,
                [&] { db->checkpoints().save("t", blob("c", std::string(200'000, 'x'))); });
  CHECK(contents(db) == 0);
}

TEST_CASE("the last key of a trace is given, none after it: too_large", "[checkpoint]") {
  test::TemporaryDatabase db;
  db->checkpoints().save("a", blob("1", "data"));
  db.damage("UPDATE sqlite_sequence SET seq = 2147483646 WHERE name = 'trace'");
  auto store = db->checkpoints();
  store.save("b", blob("2", "data"));
  CHECK(data_of(store.load_latest("b")) == "data");
  CHECK(store.info("2")->trace == "b");
  const auto detail =
      require_error(ErrorCode::too_large, [&] { store.save("c", blob("3", "data")); });
  CHECK(detail.expected == 2147483647U);
  CHECK(store.list_traces() == Names{"a", "b"});
  store.save("a", blob("4", "data"));
  CHECK(store.list("a") == Names{"4", "1"});
}

TEST_CASE("ordinals go up to 2^32-1; beyond is too_large, and nothing changes", "[checkpoint]") {
  test::TemporaryDatabase db;
  auto store = db->checkpoints();
  store.save("t", blob("a", "1"));
  engine::Access::link(*db).write([](engine::Connection& connection) {
    auto trace = checkpoint::find_trace(connection, "t");
    trace->last_ordinal = checkpoint::kMaxOrdinal - 1;
    checkpoint::write_trace(connection, *trace);
  });

  store.save("t", blob("b", "2"));
  const auto detail = require_error(ErrorCode::too_large, [&] { store.save("t", blob("a", "3")); });
  CHECK(detail.expected == checkpoint::kMaxOrdinal);
  CHECK(detail.actual == checkpoint::kMaxOrdinal + 1);
  CHECK(store.list("t") == Names{"b", "a"});
  CHECK(data_of(store.load("a")) == "1");
  CHECK(store.prune("t", 1) == 1);
  CHECK(data_of(store.load_latest("t")) == "2");
}

TEST_CASE("keys of a removed trace are never given again", "[checkpoint]") {
  test::TemporaryDatabase db;
  db->checkpoints().save("a", blob("1", ""));
  db->checkpoints().remove_trace("a");
  db->checkpoints().save("b", blob("2", ""));
  db.close();
  CHECK(test::PlainSqlite(db.file()).integer("SELECT trace_key FROM trace") == 2);
}

}  // namespace holdfast
