// The key operations: get, put, remove, batches, scans, limits.
#include "holdfast/database.hpp"
#include "state/state_rows.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <stdexcept>
#include <string>
#include <vector>

using namespace holdfast;
using test::Ground;
using test::require_error;
using test::text;

namespace {

const std::string kNul("k\0k", 3);

// Four partitions and flat entries whose texts try to reach each other.
void put_everywhere(StateBackend& state) {
  state.put("op:0:0:key", "flat");
  state.partition({"op", 0, 0}).put("key", "op 0 0");
  state.partition({"op:0", 0, 0}).put("key", "op:0 0 0");
  state.partition({"op", 0, 1}).put("0:key", "op 0 1");
  state.partition({"op:0:0:key", 0, 0}).put("", "op:0:0:key 0 0");
}

}  // namespace

TEST_CASE("a value that was put is there, also after a reopen") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  REQUIRE_FALSE(orders.get("key"));
  REQUIRE_FALSE(orders.contains("key"));
  orders.put("key", "value");
  REQUIRE(text(orders.get("key")) == "value");
  REQUIRE(orders.contains("key"));
  orders.put("key", "other");
  REQUIRE(text(orders.get("key")) == "other");
  if (db.ground() == Ground::file) {
    db.reopen();
    REQUIRE(text(db->state("orders").get("key")) == "other");
  }
}

TEST_CASE("remove says whether the key was there") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  REQUIRE_FALSE(orders.remove("key"));
  REQUIRE(orders.list_states().empty());  // looking for it has made nothing
  orders.put("key", "value");
  REQUIRE(orders.remove("key"));
  REQUIRE_FALSE(orders.remove("key"));
  REQUIRE_FALSE(orders.get("key"));
}

TEST_CASE("keys may be empty, hold NUL and 0xff, and be 65,535 bytes long") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  const std::string longest(kMaxKeyBytes, '\xff');
  const std::vector<std::string> keys = {"", "k", kNul, "k\xff", "\xff", longest};
  for (const std::string& key : keys)
    orders.put(key, "of " + key);
  for (const std::string& key : keys)
    REQUIRE(text(orders.get(key)) == "of " + key);
  const auto all = orders.range_scan("");
  REQUIRE(all.size() == keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    CAPTURE(i);
    REQUIRE(as_text(all[i].key) == keys[i]);  // byte order
  }
  REQUIRE(orders.range_scan("\xff").size() == 2);
  REQUIRE(orders.range_scan(std::string("k\0", 2)).size() == 1);
}

TEST_CASE("a key of 65,536 bytes is too_large for every operation, and nothing has changed") {
  test::TemporaryDatabase db(Ground::memory);
  auto orders = db->state("orders");
  const std::string key(kMaxKeyBytes + 1, 'k');
  const auto refused = [](auto&& call) {
    const ErrorDetail detail = require_error(ErrorCode::too_large, call);
    REQUIRE(detail.expected == kMaxKeyBytes);
    REQUIRE(detail.actual == kMaxKeyBytes + 1);
  };
  refused([&] { orders.put(key, "value"); });
  refused([&] { orders.put_batch({{"fits", "value"}, {key, "value"}}); });
  refused([&] { orders.update(key, [](const auto&) { return Bytes(); }); });
  refused([&] { orders.get(key); });
  refused([&] { orders.contains(key); });
  refused([&] { orders.multi_get({"fits", key}); });
  refused([&] { orders.remove(key); });
  refused([&] { orders.range_scan(key); });
  refused([&] { orders.range("", BytesView(key)); });
  REQUIRE(orders.stats().entries == 0);
}

TEST_CASE("values may be empty or of 5 MB, and keep every byte") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  std::string large(5'000'000, 'x');
  for (std::size_t i = 0; i < large.size(); i += 7)
    large[i] = static_cast<char>(i * i >> 3);
  orders.put("empty", "");
  orders.put("large", large);
  const auto empty = orders.get("empty");
  REQUIRE(empty);
  REQUIRE(empty->empty());
  REQUIRE(text(orders.get("large")) == large);
  REQUIRE(test::content_rows(*db) == 1);
  orders.put("large", "small");
  REQUIRE(test::content_rows(*db) == 0);
}

TEST_CASE("a value beyond max_payload_bytes is too_large, and nothing has changed") {
  test::TemporaryDatabase db(Ground::memory, {.max_payload_bytes = 10});
  auto orders = db->state("orders");
  orders.put("key", "0123456789");
  const auto detail =
      require_error(ErrorCode::too_large, [&] { orders.put("key", "0123456789a"); });
  REQUIRE(detail.expected == 10);
  REQUIRE(detail.actual == 11);
  require_error(ErrorCode::too_large, [&] {
    orders.put_batch({{"a", "b"}, {"key", "0123456789a"}});
  });
  REQUIRE(text(orders.range_scan("")) == "key=0123456789");
}

TEST_CASE("names of states and operators are ids") {
  test::TemporaryDatabase db(Ground::memory);
  auto orders = db->state("orders");
  for (const std::string& bad :
       {std::string(), std::string("a\0b", 3), std::string(1025, 'a'), std::string("\xff")}) {
    const auto code = bad.size() > kMaxIdBytes ? ErrorCode::too_large : ErrorCode::invalid_argument;
    require_error(code, [&] { db->state(bad); });
    require_error(code, [&] { orders.partition({bad, 0, 0}); });
  }
  orders.partition({std::string(1024, 'a'), 4294967295U, 4294967295U}).put("key", "value");
  REQUIRE(orders.list_partitions().front().partition == 4294967295U);
}

TEST_CASE("no operator's name reaches another partition's entries, nor flat ones") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  put_everywhere(orders);
  REQUIRE(text(orders.range_scan("")) == "op:0:0:key=flat");
  REQUIRE(text(orders.partition({"op", 0, 0}).range_scan("")) == "key=op 0 0");
  REQUIRE(text(orders.partition({"op:0", 0, 0}).range_scan("")) == "key=op:0 0 0");
  REQUIRE(text(orders.partition({"op", 0, 1}).range_scan("")) == "0:key=op 0 1");
  REQUIRE(text(orders.partition({"op:0:0:key", 0, 0}).range_scan("")) == "=op:0:0:key 0 0");
  REQUIRE_FALSE(orders.partition({"op", 1, 0}).get("key"));
  REQUIRE_FALSE(orders.get("key"));
  REQUIRE(orders.remove("op:0:0:key"));
  REQUIRE(text(orders.partition({"op", 0, 0}).get("key")) == "op 0 0");
}

TEST_CASE("two states of a database do not see each other") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  auto stock = db->state("stock");
  orders.put("key", "order");
  stock.put("key", "stock");
  stock.checkpoint(1);
  REQUIRE(text(orders.get("key")) == "order");
  REQUIRE(orders.list_states() == std::vector<std::string>{"orders", "stock"});
  require_error(ErrorCode::not_found, [&] { orders.restore(1); });
  REQUIRE(stock.remove_all());
  REQUIRE(orders.list_states() == std::vector<std::string>{"orders"});
  REQUIRE(text(orders.get("key")) == "order");
}

TEST_CASE("list_partitions has those with entries, by operator, partition, subtask") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  orders.put("flat", "");
  for (const PartitionKey& key : {PartitionKey{"b", 0, 0},
                                  PartitionKey{"a", 10, 0},
                                  PartitionKey{"a", 2, 1},
                                  PartitionKey{"a", 2, 0}}) {
    orders.partition(key).put("key", "value");
  }
  const std::vector<PartitionKey> all = {{"a", 2, 0}, {"a", 2, 1}, {"a", 10, 0}, {"b", 0, 0}};
  REQUIRE(orders.list_partitions() == all);
  orders.partition({"a", 2, 1}).remove("key");
  REQUIRE(orders.list_partitions().size() == 3);
  orders.checkpoint(1);
  orders.partition({"b", 0, 0}).remove("key");  // it has entries at the checkpoint
  REQUIRE(orders.list_partitions().size() == 3);
  orders.drop_checkpoint(1);
  REQUIRE(orders.list_partitions().size() == 2);
  REQUIRE(test::misplaced_rows(*db) == 0);
}

TEST_CASE("a partition's prefix is operator:partition:subtask:") {
  REQUIRE(PartitionKey{"op:1", 2, 4294967295U}.to_prefix() == "op:1:2:4294967295:");
}

TEST_CASE("range_scan gives what begins with the prefix, in key order, paged, both ways") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  for (const char* key : {"ab", "a", "b", "aa", "ac", "A"})
    orders.put(key, "");
  REQUIRE(text(orders.range_scan("a")) == "a= aa= ab= ac=");
  REQUIRE(text(orders.range_scan("a", {.reverse = true})) == "ac= ab= aa= a=");
  REQUIRE(text(orders.range_scan("a", {.limit = 2})) == "a= aa=");
  REQUIRE(text(orders.range_scan("a", {.limit = 2, .after = to_bytes("aa")})) == "ab= ac=");
  REQUIRE(text(orders.range_scan("a", {.limit = 2, .reverse = true})) == "ac= ab=");
  REQUIRE(text(orders.range_scan("a", {.reverse = true, .after = to_bytes("ab")})) == "aa= a=");
  REQUIRE(text(orders.range_scan("a", {.after = to_bytes("aaa")})) == "ab= ac=");
  REQUIRE(text(orders.range_scan("a", {.after = to_bytes("A")})) == "a= aa= ab= ac=");
  REQUIRE(orders.range_scan("a", {.limit = 0}).empty());
  REQUIRE(orders.range_scan("a", {.after = to_bytes("b")}).empty());
  REQUIRE(orders.range_scan("x").empty());
  REQUIRE(text(orders.range_scan("")) == "A= a= aa= ab= ac= b=");
}

TEST_CASE("range is half-open") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  for (const char* key : {"a", "b", "c", "d"})
    orders.put(key, "");
  REQUIRE(text(orders.range("b", BytesView("d"))) == "b= c=");
  REQUIRE(text(orders.range("b", std::nullopt)) == "b= c= d=");
  REQUIRE(text(orders.range("", std::nullopt, {.limit = 1, .reverse = true})) == "d=");
  REQUIRE(text(orders.range("", BytesView("c"), {.reverse = true, .after = to_bytes("b")})) ==
          "a=");
  REQUIRE(orders.range("c", BytesView("b")).empty());
  REQUIRE(orders.range("b", BytesView("b")).empty());
}

TEST_CASE("for_each visits every entry over many pages, and its visitor may write") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  constexpr int kEntries = 700;
  db->transact([&] {
    for (int i = 0; i < kEntries; ++i)
      orders.put("k" + std::to_string(1000 + i), std::to_string(i));
  });
  int visited = 0;
  orders.for_each("k", [&](const StateEntry& entry) {
    REQUIRE(as_text(entry.value) == std::to_string(visited));
    orders.remove(entry.key);
    ++visited;
  });
  REQUIRE(visited == kEntries);
  REQUIRE(orders.stats().entries == 0);
  orders.for_each("", [](const StateEntry&) { FAIL("there is nothing to visit"); });
}

TEST_CASE("multi_get answers in the order of the keys, absent ones as nothing") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  REQUIRE(orders.multi_get({"a", "b"}).size() == 2);
  orders.put("a", "1");
  orders.put("c", "3");
  const auto values = orders.multi_get({"c", "b", "a", "c"});
  REQUIRE(values.size() == 4);
  REQUIRE(text(values[0]) == "3");
  REQUIRE_FALSE(values[1]);
  REQUIRE(text(values[2]) == "1");
  REQUIRE(text(values[3]) == "3");
}

TEST_CASE("put_batch counts each entry, and the later value of a key stays") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  orders.put_batch({{"a", "1"}, {"b", "2"}, {"a", "3"}});
  REQUIRE(text(orders.range_scan("")) == "a=3 b=2");
  REQUIRE(orders.version() == 3);
  REQUIRE(orders.stats().entries == 2);
  orders.put_batch({});
  REQUIRE(orders.version() == 3);
}

TEST_CASE("sizes count keys without prefix, and values; versions count puts and removals") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory), {.clock = [] { return 77; }});
  auto orders = db->state("orders");
  REQUIRE(orders.size_bytes() == 0);
  REQUIRE(orders.version() == 0);
  orders.put("abc", "def");
  REQUIRE(orders.size_bytes() == 6);
  orders.partition({"operator", 0, 0}).put("k", "12345");
  REQUIRE(orders.size_bytes() == 12);
  orders.put("abc", "");
  REQUIRE(orders.size_bytes() == 9);
  REQUIRE(orders.version() == 3);
  orders.remove("absent");
  REQUIRE(orders.version() == 3);
  orders.remove("abc");
  REQUIRE(orders.version() == 4);
  const StateStats stats = orders.stats();
  REQUIRE(stats.size_bytes == 6);
  REQUIRE(stats.entries == 1);
  REQUIRE(stats.collected_at_us == 77);
}

TEST_CASE("remove_all leaves no row of the state, and says whether there was one") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  REQUIRE_FALSE(orders.remove_all());
  const std::string large(100'000, 'x');
  orders.put("large", large);
  orders.partition({"op", 0, 0}).put("large", large);
  orders.checkpoint(1);
  orders.put("large", large);
  REQUIRE(test::content_rows(*db) == 3);
  REQUIRE(orders.remove_all());
  REQUIRE(test::integer(*db,
                        "SELECT (SELECT count(*) FROM state_backend)"
                        " + (SELECT count(*) FROM state_partition)"
                        " + (SELECT count(*) FROM state_entry) + (SELECT count(*) FROM state_undo)"
                        " + (SELECT count(*) FROM state_checkpoint)"
                        " + (SELECT count(*) FROM content) + (SELECT count(*) FROM chunk)") == 0);
  REQUIRE(orders.version() == 0);
  REQUIRE(orders.range_scan("").empty());
  REQUIRE(orders.list_checkpoints().empty());
}

TEST_CASE("a transaction that throws undoes puts, removals and counts") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  orders.put("a", "1");
  REQUIRE_THROWS_AS(db->transact([&] {
    orders.put("b", "2");
    orders.remove("a");
    orders.partition({"op", 0, 0}).put("c", "3");
    REQUIRE(text(orders.range_scan("")) == "b=2");
    throw std::runtime_error("no");
  }),
                    std::runtime_error);
  REQUIRE(text(orders.range_scan("")) == "a=1");
  REQUIRE(orders.version() == 1);
  REQUIRE(orders.size_bytes() == 2);
  REQUIRE(orders.list_partitions().empty());
}
