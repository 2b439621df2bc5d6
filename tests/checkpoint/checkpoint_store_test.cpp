#include "checkpoint/checkpoint_cases.hpp"
#include "holdfast/error.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <limits>

namespace holdfast {

namespace {

using test::any_ground;
using test::blob;
using test::data_of;
using test::require_error;
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a checkpoint is loaded as it was saved", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  const CheckpointBlob saved{.id = "c1",
                             .data = to_bytes(std::string_view("a\0b", 3)),
                             .graph_hash = 0xfedc'ba98'7654'3210,
                             .created_at_ns = -1'234'567'890'123'456'789};
  store.save("t", saved);

  const auto loaded = store.load("c1");
  REQUIRE(loaded);
  CHECK(loaded->id == saved.id);
  CHECK(loaded->data == saved.data);
  CHECK(loaded->graph_hash == saved.graph_hash);
  CHECK(loaded->created_at_ns == saved.created_at_ns);
}

TEST_CASE("all 64 bits of a graph hash and both ends of created_at come back", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  constexpr auto kMaxHash = std::numeric_limits<std::uint64_t>::max();
  constexpr auto kMinTime = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMaxTime = std::numeric_limits<std::int64_t>::max();
  store.save("t", {.id = "least", .graph_hash = 0, .created_at_ns = kMinTime});
  store.save("t", {.id = "most", .graph_hash = kMaxHash, .created_at_ns = kMaxTime});

  CHECK(store.load("least")->graph_hash == 0);
  CHECK(store.load("least")->created_at_ns == kMinTime);
  CHECK(store.load("most")->graph_hash == kMaxHash);
  CHECK(store.load("most")->created_at_ns == kMaxTime);
}

TEST_CASE("what was never saved is absent, not an error", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  CHECK_FALSE(store.load("c"));
  CHECK_FALSE(store.load_latest("t"));
  CHECK_FALSE(store.info("c"));
  CHECK_FALSE(store.recover_latest("t").chosen);
  CHECK(store.list("t").empty());
  CHECK(store.list_traces().empty());
  CHECK_FALSE(store.remove("c"));
  CHECK(store.prune("t", 0) == 0);
  CHECK(store.prune("t", 5) == 0);
  CHECK(store.remove_trace("t") == 0);
  CHECK(store.size() == 0);
  CHECK(store.size("t") == 0);
  CHECK(store.empty());
}

TEST_CASE("the order is that of saving, never that of created_at", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  store.save("t", {.id = "late", .created_at_ns = 300});
  store.save("t", {.id = "early", .created_at_ns = 100});
  store.save("t", {.id = "middle", .created_at_ns = 200});
  CHECK(store.list("t") == Names{"middle", "early", "late"});
  CHECK(store.load_latest("t")->id == "middle");
}

TEST_CASE("an id saved again is replaced, listed once, and now the newest", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  store.save("t", blob("a", "1"));
  store.save("t", blob("b", "2"));
  store.save("t", blob("c", "3"));

  SECTION("the oldest") {
    store.save("t", {.id = "a", .data = to_bytes("4"), .graph_hash = 9, .created_at_ns = 8});
    CHECK(store.list("t") == Names{"a", "c", "b"});
    CHECK(store.load("a")->graph_hash == 9);
    CHECK(store.load("a")->created_at_ns == 8);
    CHECK(data_of(store.load_latest("t")) == "4");
  }
  SECTION("one between others") {
    store.save("t", blob("b", "4"));
    CHECK(store.list("t") == Names{"b", "c", "a"});
    CHECK(data_of(store.load_latest("t")) == "4");
  }
  SECTION("the newest") {
    store.save("t", blob("c", "4"));
    CHECK(store.list("t") == Names{"c", "b", "a"});
    CHECK(data_of(store.load_latest("t")) == "4");
  }
  CHECK(store.size("t") == 3);
  CHECK(store.size() == 3);
}

TEST_CASE("an id that another trace owns is a conflict, and nothing changes", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  store.save("owner", blob("c", "mine"));
  const auto other = GENERATE(as<std::string>(), "unknown", "known");
  store.save("known", blob("k", "kept"));

  const auto detail =
      require_error(ErrorCode::conflict, [&] { store.save(other, blob("c", "yours")); });
  CHECK(detail.id == "owner");
  CHECK(data_of(store.load("c")) == "mine");
  CHECK(store.list("owner") == Names{"c"});
  CHECK(store.list("known") == Names{"k"});
  CHECK(store.list_traces() == Names{"known", "owner"});
}

TEST_CASE("an id is free again once it is removed", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  store.save("first", blob("c", "1"));
  REQUIRE(store.remove("c"));
  store.save("second", blob("c", "2"));
  CHECK(store.info("c")->trace == "second");
}

TEST_CASE("after the newest is removed, the latest is the one before", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  store.save("t", blob("a", "1"));
  store.save("t", blob("b", "2"));
  CHECK(store.remove("b"));
  CHECK(data_of(store.load_latest("t")) == "1");
  CHECK(store.list("t") == Names{"a"});
  CHECK(store.remove("a"));
  CHECK_FALSE(store.load_latest("t"));
}

TEST_CASE("removing the oldest, or one between others, leaves the rest in order", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  for (const char* id : {"a", "b", "c", "d"})
    store.save("t", blob(id, id));
  CHECK(store.remove("b"));
  CHECK(store.list("t") == Names{"d", "c", "a"});
  CHECK(store.remove("a"));
  CHECK(store.list("t") == Names{"d", "c"});
  CHECK_FALSE(store.remove("a"));
  CHECK(store.size("t") == 2);
  CHECK(data_of(store.load_latest("t")) == "d");
}

TEST_CASE("prune keeps exactly the newest, and says how many went", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  for (const char* id : {"a", "b", "c", "d", "e"})
    store.save("t", blob(id, id));
  store.save("other", blob("x", "x"));

  SECTION("fewer than keep removes none") {
    CHECK(store.prune("t", 6) == 0);
    CHECK(store.prune("t", 5) == 0);
    CHECK(store.size("t") == 5);
  }
  SECTION("the newest stay loadable") {
    CHECK(store.prune("t", 2) == 3);
    CHECK(store.list("t") == Names{"e", "d"});
    CHECK(data_of(store.load("d")) == "d");
    CHECK_FALSE(store.load("c"));
    CHECK(store.prune("t", 2) == 0);
  }
  SECTION("only what exists counts") {
    REQUIRE(store.remove("c"));
    REQUIRE(store.remove("e"));
    CHECK(store.prune("t", 2) == 1);
    CHECK(store.list("t") == Names{"d", "b"});
  }
  SECTION("keep = 0 removes all") {
    CHECK(store.prune("t", 0) == 5);
    CHECK(store.list("t").empty());
    CHECK(store.list_traces() == Names{"other"});
  }
  SECTION("saving goes on behind it") {
    CHECK(store.prune("t", 1) == 4);
    store.save("t", blob("a", "again"));
    CHECK(store.list("t") == Names{"a", "e"});
  }
  CHECK(data_of(store.load_latest("other")) == "x");
}

TEST_CASE("a trace is there as long as it has checkpoints", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  store.save("t", blob("a", "1"));
  store.save("u", blob("b", "2"));
  CHECK(store.remove_trace("t") == 1);
  CHECK(store.list_traces() == Names{"u"});
  CHECK(store.remove("b"));
  CHECK(store.list_traces().empty());
  CHECK(store.empty());
  store.save("t", blob("c", "3"));
  CHECK(store.list("t") == Names{"c"});
}

TEST_CASE("lists page: newest first, before an id", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  for (const char* id : {"a", "b", "c", "d"})
    store.save("t", blob(id, id));
  store.save("other", blob("x", "x"));
  CHECK(store.list("t", {.limit = 2}) == Names{"d", "c"});
  CHECK(store.list("t", {.limit = 2, .before = "c"}) == Names{"b", "a"});
  CHECK(store.list("t", {.before = "a"}).empty());
  CHECK(store.list("t", {.limit = 0}).empty());
  for (const char* stranger : {"x", "unknown"}) {
    const auto detail =
        require_error(ErrorCode::not_found, [&] { (void)store.list("t", {.before = stranger}); });
    CHECK(detail.id == stranger);
  }
  require_error(ErrorCode::not_found, [&] { (void)store.list("none", {.before = "a"}); });
}

TEST_CASE("traces are listed by name in byte order, in pages", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  for (const char* trace : {"b", "\xc3\xa4", "a", "B", "a0"}) {
    store.save(trace, blob(std::string("in ") + trace, ""));
  }
  CHECK(store.list_traces() == Names{"B", "a", "a0", "b", "\xc3\xa4"});
  CHECK(store.list_traces(2) == Names{"B", "a"});
  CHECK(store.list_traces(2, "a") == Names{"a0", "b"});
  CHECK(store.list_traces(kNoLimit, "zz") == Names{"\xc3\xa4"});
  CHECK(store.list_traces(0).empty());
}

TEST_CASE("info tells all but the data, with the time of saving", "[checkpoint]") {
  std::int64_t now_us = 1'700'000'000'000'000;
  test::TemporaryDatabase db(any_ground(), {.clock = [&] { return now_us; }});
  auto store = db->checkpoints();
  store.save("t", {.id = "c", .data = to_bytes("12345"), .graph_hash = 7, .created_at_ns = 9});
  now_us += 1;
  const auto info = store.info("c");
  REQUIRE(info);
  CHECK(info->id == "c");
  CHECK(info->trace == "t");
  CHECK(info->graph_hash == 7);
  CHECK(info->created_at_ns == 9);
  CHECK(info->saved_at_us == 1'700'000'000'000'000);
  CHECK(info->raw_bytes == 5);
}

TEST_CASE("a UUID and its text are the same id", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  const Uuid trace = Uuid::make_v7(1, 2, 3);
  store.save(trace, blob(trace.to_string(), "data"));
  CHECK(data_of(store.load_latest(trace.to_string())) == "data");
  CHECK(data_of(store.load(trace)) == "data");
}

TEST_CASE("ids that are none are refused by every call", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  const std::vector<std::string> bad{
      "", std::string("a\0b", 3), "\xff\xfe", std::string(1025, 'x')};
  const std::string id = bad[static_cast<std::size_t>(GENERATE(0, 1, 2, 3))];
  const auto code = id.size() > 1024 ? ErrorCode::too_large : ErrorCode::invalid_argument;
  const auto refused = [code](auto&& call) { require_error(code, call); };
  refused([&] { store.save(id, blob("c", "")); });
  refused([&] { store.save("t", blob(id, "")); });
  refused([&] { (void)store.load(id); });
  refused([&] { (void)store.load_latest(id); });
  refused([&] { (void)store.recover_latest(id); });
  refused([&] { (void)store.list(id); });
  refused([&] { (void)store.list("t", {.before = id}); });
  refused([&] { (void)store.list_traces(1, id); });
  refused([&] { (void)store.info(id); });
  refused([&] { (void)store.remove(id); });
  refused([&] { (void)store.prune(id, 1); });
  refused([&] { (void)store.remove_trace(id); });
  refused([&] { (void)store.size(id); });
  CHECK(store.empty());
}

TEST_CASE("an id of 1,024 bytes is one", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  const std::string longest(1024, 'x');
  store.save(longest, blob(longest, "data"));
  CHECK(data_of(store.load(longest)) == "data");
  CHECK(store.list(longest) == Names{longest});
}

TEST_CASE("data beyond the configured limit is too_large, up to it is saved", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground(), {.max_payload_bytes = 100});
  auto store = db->checkpoints();
  const auto detail = require_error(ErrorCode::too_large,
                                    [&] { store.save("t", blob("c", std::string(101, 'x'))); });
  CHECK(detail.expected == 100);
  CHECK(detail.actual == 101);
  CHECK(store.empty());
  store.save("t", blob("c", std::string(100, 'x')));
  CHECK(store.size() == 1);
}

TEST_CASE("a refused save inside transact undoes only itself", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  store.save("owner", blob("c", "mine"));
  db->transact([&] {
    store.save("t", blob("a", "1"));
    require_error(ErrorCode::conflict, [&] { store.save("u", blob("c", "yours")); });
    store.save("t", blob("b", "2"));
  });
  CHECK(store.list("t") == Names{"b", "a"});
  CHECK(store.list_traces() == Names{"owner", "t"});
}

TEST_CASE("a transaction that throws leaves every trace as it was", "[checkpoint]") {
  test::TemporaryDatabase db(any_ground());
  auto store = db->checkpoints();
  for (const char* id : {"a", "b", "c"})
    store.save("t", blob(id, id));
  struct Stop {};
  CHECK_THROWS_AS(db->transact([&] {
    store.save("t", blob("a", "changed"));
    store.prune("t", 1);
    store.save("u", blob("x", "x"));
    throw Stop();
  }),
                  Stop);
  CHECK(store.list("t") == Names{"c", "b", "a"});
  CHECK(data_of(store.load("a")) == "a");
  CHECK(store.list_traces() == Names{"t"});
}

}  // namespace holdfast
