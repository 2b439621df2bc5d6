// What a person sees of keyed state in the sqlite3 shell.
#include "holdfast/database.hpp"
#include "support/catch.hpp"
#include "support/plain_sqlite.hpp"
#include "support/temporary_database.hpp"

#include <string>

using namespace holdfast;
using Row = test::PlainSqlite::Row;

TEST_CASE("the view `state` has every entry, with its names, and ->> never fails") {
  test::TemporaryDatabase db;
  auto orders = db->state("orders");
  orders.put("json", R"({"a": {"b": 7}})");
  orders.put("text", "not json");
  orders.put("large", std::string(200'000, '{'));
  orders.partition({"op", 2, 3}).put("k", R"(["x"])");
  db.close();
  test::PlainSqlite file(db.file());
  REQUIRE(file.rows("SELECT state, operator, partition, subtask, key, json FROM state"
                    " ORDER BY operator, key") ==
          std::vector<Row>{
              {"orders", std::nullopt, std::nullopt, std::nullopt, "json", R"({"a": {"b": 7}})"},
              {"orders", std::nullopt, std::nullopt, std::nullopt, "large", std::nullopt},
              {"orders", std::nullopt, std::nullopt, std::nullopt, "text", std::nullopt},
              {"orders", "op", "2", "3", "k", R"(["x"])"}});
  REQUIRE(file.rows("SELECT json ->> '$.a.b' FROM state ORDER BY operator, key") ==
          std::vector<Row>{{"7"}, {std::nullopt}, {std::nullopt}, {std::nullopt}});
  REQUIRE(file.text("SELECT json ->> '$[0]' FROM state WHERE operator = 'op'") == "x");
  REQUIRE(file.text("SELECT CAST(value AS TEXT) FROM state WHERE key = 'text'") == "not json");
  REQUIRE(file.text("SELECT key_hex FROM state WHERE operator = 'op'") == "6B");
  REQUIRE(file.integer("SELECT raw_bytes FROM state WHERE key = 'large'") == 200'000);
  REQUIRE(file.integer("SELECT stored_bytes < 10000 FROM state WHERE key = 'large'") == 1);
}

TEST_CASE("the views agree with the figures of the state") {
  test::TemporaryDatabase db(test::Ground::file, {.clock = [] { return 1'500'000; }});
  auto orders = db->state("orders");
  orders.put("a", "12345");
  orders.partition({"op", 0, 0}).put("bc", "");
  orders.checkpoint(0xffff'ffff'ffff'ffff);
  orders.put("a", "1");
  const auto stats = orders.stats();
  const auto version = orders.version();
  db.close();
  test::PlainSqlite file(db.file());
  REQUIRE(file.rows("SELECT state, version, entries, size_bytes, checkpoints, created_at"
                    " FROM states") == std::vector<Row>{{"orders",
                                                         std::to_string(version),
                                                         std::to_string(stats.entries),
                                                         std::to_string(stats.size_bytes),
                                                         "1",
                                                         "1970-01-01T00:00:01.500Z"}});
  REQUIRE(file.rows("SELECT state, id, created_at, version, entries, size_bytes"
                    " FROM state_checkpoints") ==
          std::vector<Row>{
              {"orders", "18446744073709551615", "1970-01-01T00:00:01.500Z", "2", "2", "8"}});
  REQUIRE(file.rows("SELECT kind, owner, rows, raw_bytes FROM storage_by_owner ORDER BY kind") ==
          std::vector<Row>{{"checkpoints of state", "orders", "1", "6"},
                           {"state", "orders", "2", "4"}});
}
