// Reading a state as it was at a checkpoint.
#include "holdfast/database.hpp"
#include "state/state_rows.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <string>

using namespace holdfast;
using test::Ground;
using test::require_error;
using test::text;

TEST_CASE("read_at of an unknown id is not_found, also once it has been dropped") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  require_error(ErrorCode::not_found, [&] { orders.read_at(1); });
  orders.checkpoint(1);
  const StateView view = orders.read_at(1);
  REQUIRE_FALSE(view.get("a"));
  const auto detail = require_error(ErrorCode::not_found, [&] { orders.read_at(2); });
  REQUIRE(detail.id == "2");
  orders.drop_checkpoint(1);
  require_error(ErrorCode::not_found, [&] { view.get("a"); });
  require_error(ErrorCode::not_found, [&] { view.range_scan(""); });
  require_error(ErrorCode::not_found, [&] { view.get({"op", 0, 0}, "a"); });
  require_error(ErrorCode::not_found, [&] { view.range_scan({"op", 0, 0}, ""); });
}

TEST_CASE("a view shows what was there, whatever has happened since") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  auto partition = orders.partition({"op", 0, 0});
  orders.put("changed", "1");
  orders.put("removed", "1");
  orders.put("same", "1");
  partition.put("key", "1");
  orders.checkpoint(1);
  const StateView first = orders.read_at(1);
  orders.put("changed", "2");
  orders.remove("removed");
  orders.put("made", "2");
  partition.remove("key");
  orders.checkpoint(2);
  const StateView second = orders.read_at(2);
  orders.put("changed", "3");
  orders.put("removed", "3");
  orders.remove("made");
  partition.put("key", "3");

  REQUIRE(text(first.range_scan("")) == "changed=1 removed=1 same=1");
  REQUIRE(text(first.range_scan({"op", 0, 0}, "")) == "key=1");
  REQUIRE(text(first.get("changed")) == "1");
  REQUIRE(text(first.get("removed")) == "1");
  REQUIRE(text(first.get("same")) == "1");
  REQUIRE_FALSE(first.get("made"));
  REQUIRE(text(first.get({"op", 0, 0}, "key")) == "1");
  REQUIRE_FALSE(first.get({"op", 0, 1}, "key"));
  REQUIRE(first.range_scan({"op", 0, 1}, "").empty());

  REQUIRE(text(second.range_scan("")) == "changed=2 made=2 same=1");
  REQUIRE(second.range_scan({"op", 0, 0}, "").empty());
  REQUIRE_FALSE(second.get("removed"));
  REQUIRE_FALSE(second.get({"op", 0, 0}, "key"));
  REQUIRE(text(orders.range_scan("")) == "changed=3 removed=3 same=1");
}

TEST_CASE("a scan of a view merges both tables in key order, paged, both ways") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  for (const char* key : {"a", "aa", "ab", "ac", "ad", "b"})
    orders.put(key, "1");
  orders.checkpoint(1);
  orders.put("aa", "2");   // from state_undo
  orders.remove("ac");     // from state_undo
  orders.put("abc", "2");  // absent then
  const StateView view = orders.read_at(1);
  REQUIRE(text(view.range_scan("a")) == "a=1 aa=1 ab=1 ac=1 ad=1");
  REQUIRE(text(view.range_scan("a", {.reverse = true})) == "ad=1 ac=1 ab=1 aa=1 a=1");
  REQUIRE(text(view.range_scan("a", {.limit = 2})) == "a=1 aa=1");
  REQUIRE(text(view.range_scan("a", {.limit = 2, .after = to_bytes("aa")})) == "ab=1 ac=1");
  REQUIRE(text(view.range_scan("a", {.limit = 2, .reverse = true, .after = to_bytes("ad")})) ==
          "ac=1 ab=1");
  REQUIRE(view.range_scan("a", {.limit = 0}).empty());
  REQUIRE(text(view.range_scan("ac")) == "ac=1");
  REQUIRE(view.range_scan("abc").empty());
}

TEST_CASE("a view refuses keys and names as the state itself does") {
  test::TemporaryDatabase db(Ground::memory);
  auto orders = db->state("orders");
  orders.checkpoint(1);
  const StateView view = orders.read_at(1);
  const std::string key(kMaxKeyBytes + 1, 'k');
  require_error(ErrorCode::too_large, [&] { view.get(key); });
  require_error(ErrorCode::too_large, [&] { view.range_scan(key); });
  require_error(ErrorCode::invalid_argument, [&] { view.get({"", 0, 0}, "a"); });
  require_error(ErrorCode::invalid_argument, [&] { view.range_scan({"", 0, 0}, "a"); });
}

TEST_CASE("a view reads large values") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  const std::string large(300'000, 'x');
  orders.put("a", large);
  orders.put("b", large);
  orders.checkpoint(1);
  orders.put("a", "small");
  REQUIRE(text(orders.read_at(1).range_scan("")) == "a=" + large + " b=" + large);
}
