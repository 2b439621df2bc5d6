#include "holdfast/error.hpp"
#include "run/run_cases.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

namespace holdfast {

namespace {

using test::any_ground;
using test::Events;
using test::events_of;
using test::require_error;
using test::snapshot;
using Names = std::vector<std::string>;

constexpr std::uint64_t kBeyond = kMaxNumber + 1;

}  // namespace

TEST_CASE("events get the numbers from 1 on, and append returns the last", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  CHECK(runs.append("r", {"a"}) == 1);
  CHECK(runs.append("r", {"b", "c"}) == 3);
  CHECK(runs.head("r") == 3);
  CHECK(events_of(runs.scan("r")) == Events{{1, "a"}, {2, "b"}, {3, "c"}});
}

TEST_CASE("what is not there has head 0 and no events", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  CHECK(runs.head("r") == 0);
  CHECK(runs.scan("r").empty());
  runs.for_each("r", 0, [](const LogEntry&) { FAIL("there is no event"); });
  CHECK_FALSE(runs.info("r"));
  CHECK(runs.list_runs().empty());
  CHECK_FALSE(runs.remove("r"));
  CHECK(runs.prune("r", 0) == 0);
}

TEST_CASE("an empty list of events returns the head and makes no run", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  CHECK(runs.append("r", {}) == 0);
  CHECK(runs.append("r", {}, {.expected_head = 0, .first_seq = 7}) == 0);
  CHECK(runs.list_runs().empty());
  runs.append("r", {"a", "b"});
  CHECK(runs.append("r", {}) == 2);
  CHECK(runs.head("r") == 2);
}

TEST_CASE("an empty list of events checks the options all the same", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  runs.append("r", {"a"});
  require_error(ErrorCode::conflict, [&] { runs.append("r", {}, {.expected_head = 0}); });
  require_error(ErrorCode::conflict, [&] { runs.append("r", {}, {.first_seq = 1}); });
}

TEST_CASE("events are any bytes and come back byte for byte", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  const std::string nul("a\0b", 3);
  const std::vector<std::string> events{"",
                                        nul,
                                        "\xff\xfe",
                                        "{\"kind\":\n\"x\"}",
                                        "\"Completed\"",
                                        "{\"a\": 1",
                                        std::string(70'000, 'x')};
  CHECK(runs.append("r", events) == events.size());
  const auto found = runs.scan("r");
  REQUIRE(found.size() == events.size());
  for (std::size_t i = 0; i < events.size(); ++i)
    CHECK(found[i].text() == events[i]);
  CHECK(found[3].codec == "json");
  CHECK(found[4].codec == "json");
  CHECK(found[5].codec == "raw");
}

TEST_CASE("events carry the time of their append", "[run]") {
  std::int64_t now_us = 1'000;
  test::TemporaryDatabase db(any_ground(), {.clock = [&] { return now_us; }});
  db->runs().append("r", {"a"});
  now_us = 2'000;
  db->runs().append("r", {"b"});
  const auto found = db->runs().scan("r");
  CHECK(found[0].created_at_us == 1'000);
  CHECK(found[1].created_at_us == 2'000);
  CHECK(db->runs().info("r")->created_at_us == 1'000);
}

TEST_CASE("scan is inclusive, ascending and limited", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  runs.append("r", {"a", "b", "c", "d"});
  runs.append("other", {"x"});
  CHECK(events_of(runs.scan("r", 3)) == Events{{3, "c"}, {4, "d"}});
  CHECK(events_of(runs.scan("r", 2, 2)) == Events{{2, "b"}, {3, "c"}});
  CHECK(events_of(runs.scan("r", 0, 1)) == Events{{1, "a"}});
  CHECK(events_of(runs.scan("r", 4)) == Events{{4, "d"}});
  CHECK(runs.scan("r", 5).empty());
  CHECK(runs.scan("r", kMaxNumber).empty());
  CHECK(runs.scan("r", 1, 0).empty());
}

TEST_CASE("expected_head is compared before anything is appended", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();

  SECTION("on an unknown run with 0") {
    const auto detail =
        require_error(ErrorCode::conflict, [&] { runs.append("r", {"a"}, {.expected_head = 1}); });
    CHECK(detail.expected == 1);
    CHECK(detail.actual == 0);
    CHECK(detail.id == "r");
    CHECK(runs.list_runs().empty());
    CHECK(runs.append("r", {"a"}, {.expected_head = 0}) == 1);
  }
  SECTION("on a known run with its head") {
    runs.append("r", {"a", "b"});
    const auto detail =
        require_error(ErrorCode::conflict, [&] { runs.append("r", {"c"}, {.expected_head = 1}); });
    CHECK(detail.expected == 1);
    CHECK(detail.actual == 2);
    CHECK(runs.head("r") == 2);
    CHECK(runs.append("r", {"c"}, {.expected_head = 2}) == 3);
  }
}

TEST_CASE("a log begins at first_seq", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  CHECK(runs.append("r", {"a", "b"}, {.first_seq = 1'000'000'000'000}) == 1'000'000'000'001);
  CHECK(runs.append("r", {"c"}) == 1'000'000'000'002);
  CHECK(runs.info("r")->first_seq == 1'000'000'000'000);
  CHECK(events_of(runs.scan("r")) ==
        Events{{1'000'000'000'000, "a"}, {1'000'000'000'001, "b"}, {1'000'000'000'002, "c"}});
  CHECK(events_of(runs.scan("r", 1'000'000'000'001, 1)) == Events{{1'000'000'000'001, "b"}});
  CHECK(runs.scan("r", 5, 1).front().position == 1'000'000'000'000);
}

TEST_CASE("first_seq on a run that has events must be the next number", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  runs.append("r", {"a", "b"});
  for (const std::uint64_t first : {1U, 2U, 4U}) {
    const auto detail =
        require_error(ErrorCode::conflict, [&] { runs.append("r", {"c"}, {.first_seq = first}); });
    CHECK(detail.expected == first);
    CHECK(detail.actual == 3);
  }
  CHECK(runs.append("r", {"c"}, {.first_seq = 3}) == 3);
}

TEST_CASE("sequence numbers go up to 2^63-1; beyond is too_large, and nothing is appended",
          "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  const auto detail = require_error(ErrorCode::too_large, [&] {
    runs.append("r", {"a", "b", "c"}, {.first_seq = kMaxNumber - 1});
  });
  CHECK(detail.expected == kMaxNumber);
  CHECK(detail.actual == kBeyond);
  CHECK(runs.list_runs().empty());

  CHECK(runs.append("r", {"a"}, {.first_seq = kMaxNumber - 1}) == kMaxNumber - 1);
  CHECK(runs.append("r", {"b"}) == kMaxNumber);
  CHECK(runs.head("r") == kMaxNumber);
  CHECK(events_of(runs.scan("r", kMaxNumber)) == Events{{kMaxNumber, "b"}});
  CHECK(runs.append("r", {}) == kMaxNumber);
  require_error(ErrorCode::too_large, [&] { runs.append("r", {"c"}); });
  require_error(ErrorCode::too_large,
                [&] { runs.append("r", {"c"}, {.expected_head = kMaxNumber}); });

  runs.save_snapshot(snapshot("r", kMaxNumber, "last"));
  CHECK(test::state_of(runs.load_latest("r")) == test::State(kMaxNumber, "last"));
  Events seen;
  runs.for_each("r", kMaxNumber - 1, [&](const LogEntry& event) {
    seen.emplace_back(event.position, event.text());
  });
  CHECK(seen == Events{{kMaxNumber - 1, "a"}, {kMaxNumber, "b"}});
}

TEST_CASE("numbers that are none are refused by every call", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  const auto refused = [](auto&& call) { require_error(ErrorCode::invalid_argument, call); };
  refused([&] { runs.append("r", {"a"}, {.expected_head = kBeyond}); });
  refused([&] { runs.append("r", {"a"}, {.first_seq = kBeyond}); });
  refused([&] { runs.append("r", {"a"}, {.first_seq = 0}); });
  refused([&] { runs.append("r", {}, {.first_seq = 0}); });
  refused([&] { (void)runs.scan("r", kBeyond); });
  refused([&] { runs.for_each("r", kBeyond, [](const LogEntry&) {}); });
  refused([&] { runs.save_snapshot(snapshot("r", kBeyond, "")); });
  refused([&] { (void)runs.load_at("r", kBeyond); });
  refused([&] { (void)runs.list("r", {.before = kBeyond}); });
  CHECK(runs.list_runs().empty());
}

TEST_CASE("ids that are none are refused by every call", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  const std::vector<std::string> bad{
      "", std::string("a\0b", 3), "\xff\xfe", std::string(1025, 'x')};
  const std::string id = bad[static_cast<std::size_t>(GENERATE(0, 1, 2, 3))];
  const auto code = id.size() > 1024 ? ErrorCode::too_large : ErrorCode::invalid_argument;
  const auto refused = [code](auto&& call) { require_error(code, call); };
  refused([&] { runs.append(id, {"a"}); });
  refused([&] { runs.append(id, {}); });
  refused([&] { (void)runs.head(id); });
  refused([&] { (void)runs.scan(id); });
  refused([&] { runs.for_each(id, 0, [](const LogEntry&) {}); });
  refused([&] { runs.save_snapshot(snapshot(id, 0, "")); });
  refused([&] { (void)runs.load_latest(id); });
  refused([&] { (void)runs.load_at(id, 1); });
  refused([&] { (void)runs.recover_latest(id); });
  refused([&] { (void)runs.list(id); });
  refused([&] { (void)runs.prune(id, 1); });
  refused([&] { (void)runs.info(id); });
  refused([&] { (void)runs.list_runs(1, id); });
  refused([&] { (void)runs.remove(id); });
  CHECK(runs.list_runs().empty());
}

TEST_CASE("an event beyond the configured limit is too_large, and none of the list is appended",
          "[run]") {
  test::TemporaryDatabase db(any_ground(), {.max_payload_bytes = 100});
  auto runs = db->runs();
  const auto detail = require_error(ErrorCode::too_large, [&] {
    runs.append("r", {std::string(100, 'a'), std::string(101, 'b')});
  });
  CHECK(detail.expected == 100);
  CHECK(detail.actual == 101);
  CHECK(runs.list_runs().empty());
  CHECK(runs.append("r", {std::string(100, 'a')}) == 1);
}

TEST_CASE("for_each visits every event once, over many pages", "[run]") {
  test::TemporaryDatabase db(any_ground(), {.durability = Durability::normal});
  auto runs = db->runs();
  test::Random random;
  INFO(random);
  std::vector<std::string> events;
  for (int i = 0; i < 400; ++i) {
    events.push_back(random.bytes(random.one_in(10) ? 300'000 : random.below(100)));
  }
  runs.append("r", events, {.first_seq = 10});
  std::uint64_t expected = 10;
  runs.for_each("r", 0, [&](const LogEntry& event) {
    REQUIRE(event.position == expected);
    REQUIRE(event.text() == events[expected - 10]);
    ++expected;
  });
  CHECK(expected == 410);
  runs.for_each("r", 409, [&](const LogEntry& event) { CHECK(event.position == 409); });
}

TEST_CASE("a visitor may write: it sees the events that were there when it began", "[run]") {
  test::TemporaryDatabase db(any_ground(), {.durability = Durability::normal});
  auto runs = db->runs();
  runs.append("r", std::vector<std::string>(5, std::string(600'000, 'x')));
  std::uint64_t seen = 0;
  runs.for_each("r", 1, [&](const LogEntry&) {
    ++seen;
    runs.append("r", {"y"});
  });
  CHECK(seen == 5);
  CHECK(runs.head("r") == 10);
}

TEST_CASE("a visitor that throws ends the visit, and the store goes on", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  runs.append("r", {"a", "b"});
  struct Stop {};
  int seen = 0;
  CHECK_THROWS_AS(runs.for_each("r",
                                1,
                                [&](const LogEntry&) {
                                  ++seen;
                                  throw Stop();
                                }),
                  Stop);
  CHECK(seen == 1);
  CHECK(runs.append("r", {"c"}) == 3);
}

TEST_CASE("a run that is removed while its events are visited is not_found, not a short log",
          "[run]") {
  test::TemporaryDatabase db(any_ground(), {.durability = Durability::normal});
  auto runs = db->runs();
  const std::vector<std::string> pages(4, std::string(600'000, 'x'));
  runs.append("r", pages);
  const bool made_anew = GENERATE(false, true);
  const auto detail = require_error(ErrorCode::not_found, [&] {
    runs.for_each("r", 1, [&](const LogEntry& event) {
      if (event.position != 1) return;
      runs.remove("r");
      if (made_anew) runs.append("r", pages);
    });
  });
  CHECK(detail.id == "r");
}

TEST_CASE("info tells what a run has", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  runs.append("r", {"a", "b"}, {.first_seq = 5});
  runs.save_snapshot(snapshot("r", 5, "s"));
  const auto info = runs.info("r");
  REQUIRE(info);
  CHECK(info->id == "r");
  CHECK(info->first_seq == 5);
  CHECK(info->head == 6);
  CHECK(info->snapshots == 1);
}

TEST_CASE("runs are listed by id in byte order, in pages", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  for (const char* run : {"b", "\xc3\xa4", "a", "B", "a0"})
    runs.append(run, {"x"});
  CHECK(runs.list_runs() == Names{"B", "a", "a0", "b", "\xc3\xa4"});
  CHECK(runs.list_runs(2) == Names{"B", "a"});
  CHECK(runs.list_runs(2, "a") == Names{"a0", "b"});
  CHECK(runs.list_runs(kNoLimit, "zz") == Names{"\xc3\xa4"});
  CHECK(runs.list_runs(0).empty());
}

TEST_CASE("remove takes the run with events and snapshots, and nothing of another", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  for (const char* run : {"r", "other"}) {
    runs.append(run, {"a", "b"});
    runs.save_snapshot(snapshot(run, 2, "s"));
  }
  CHECK(runs.remove("r"));
  CHECK(runs.list_runs() == Names{"other"});
  CHECK_FALSE(runs.load_latest("r"));
  CHECK(runs.head("r") == 0);
  CHECK(runs.append("r", {"new"}) == 1);
  CHECK(events_of(runs.scan("other")) == Events{{1, "a"}, {2, "b"}});
}

TEST_CASE("events and snapshot in one transaction are there together, or not at all", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  struct Stop {};
  const auto step = [&](bool fails) {
    db->transact([&] {
      const std::uint64_t head = runs.append("r", {"a", "b"});
      runs.save_snapshot(snapshot("r", head, "state"));
      if (fails) throw Stop();
    });
  };
  CHECK_THROWS_AS(step(true), Stop);
  CHECK(runs.list_runs().empty());
  step(false);
  CHECK(runs.head("r") == 2);
  CHECK(test::state_of(runs.load_latest("r")) == test::State(2, "state"));
}

}  // namespace holdfast
