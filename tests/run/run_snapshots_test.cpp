#include "holdfast/error.hpp"
#include "run/run_cases.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

namespace holdfast {

namespace {

using test::any_ground;
using test::at_seqs;
using test::require_error;
using test::snapshot;
using test::State;
using test::state_of;
using Numbers = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("a snapshot is loaded as it was saved", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  const std::string state("a\0b", 3);
  runs.save_snapshot(snapshot("r", 7, state));
  const auto loaded = runs.load_latest("r");
  REQUIRE(loaded);
  CHECK(loaded->run == "r");
  CHECK(loaded->at_seq == 7);
  CHECK(as_text(loaded->state) == state);
  CHECK_FALSE(runs.load_latest("other"));
}

TEST_CASE("the latest is the highest at_seq, whatever was saved last", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  for (const std::uint64_t at_seq : {5U, 9U, 2U, 7U, 0U}) {
    runs.save_snapshot(snapshot("r", at_seq, std::to_string(at_seq)));
  }
  CHECK(state_of(runs.load_latest("r")) == State(9, "9"));
  CHECK(at_seqs(runs.list("r")) == Numbers{9, 7, 5, 2, 0});
  CHECK(runs.info("r")->snapshots == 5);
}

TEST_CASE("the same (run, at_seq) again is replaced", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  for (const std::uint64_t at_seq : {1U, 2U, 3U})
    runs.save_snapshot(snapshot("r", at_seq, "old"));
  runs.save_snapshot(snapshot("other", 2, "kept"));
  const std::uint64_t again = GENERATE(1U, 2U, 3U);
  runs.save_snapshot(snapshot("r", again, "new"));
  CHECK(at_seqs(runs.list("r")) == Numbers{3, 2, 1});
  for (const std::uint64_t at_seq : {1U, 2U, 3U}) {
    CHECK(state_of(runs.load_at("r", at_seq)) == State(at_seq, at_seq == again ? "new" : "old"));
  }
  CHECK(state_of(runs.load_latest("other")) == State(2, "kept"));
}

TEST_CASE("load_at gives the newest at or before a sequence number", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  for (const std::uint64_t at_seq : {10U, 20U, 30U}) {
    runs.save_snapshot(snapshot("r", at_seq, std::to_string(at_seq)));
  }
  CHECK_FALSE(runs.load_at("r", 9));
  CHECK(state_of(runs.load_at("r", 10)) == State(10, "10"));
  CHECK(state_of(runs.load_at("r", 19)) == State(10, "10"));
  CHECK(state_of(runs.load_at("r", 20)) == State(20, "20"));
  CHECK(state_of(runs.load_at("r", kMaxNumber)) == State(30, "30"));
  CHECK_FALSE(runs.load_at("other", 10));
}

TEST_CASE("a snapshot before the first event and one at the head are allowed", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  runs.append("r", {"a", "b"});
  runs.save_snapshot(snapshot("r", 0, "start"));
  runs.save_snapshot(snapshot("r", 2, "head"));
  CHECK(state_of(runs.load_at("r", 1)) == State(0, "start"));
  CHECK(state_of(runs.load_latest("r")) == State(2, "head"));
}

TEST_CASE("a snapshot beyond the head of a log kept here is invalid_argument", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  runs.append("r", {"a", "b"});
  const auto detail =
      require_error(ErrorCode::invalid_argument, [&] { runs.save_snapshot(snapshot("r", 3, "")); });
  CHECK(detail.expected == 2);
  CHECK(detail.actual == 3);
  CHECK(detail.id == "r");
  CHECK_FALSE(runs.load_latest("r"));
}

TEST_CASE("a run whose log is elsewhere takes snapshots of any at_seq", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  runs.save_snapshot(snapshot("r", 1'000'000, "far"));
  runs.save_snapshot(snapshot("r", kMaxNumber, "farthest"));
  CHECK(state_of(runs.load_latest("r")) == State(kMaxNumber, "farthest"));
  CHECK(runs.head("r") == 0);
  CHECK(runs.scan("r").empty());
  runs.for_each("r", 0, [](const LogEntry&) { FAIL("there is no event"); });
  CHECK(runs.info("r")->snapshots == 2);
  CHECK(runs.remove("r"));
}

TEST_CASE("a first append beside foreign snapshots must continue after them", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  runs.save_snapshot(snapshot("r", 4, "a"));
  runs.save_snapshot(snapshot("r", 9, "b"));

  const auto detail = require_error(ErrorCode::conflict, [&] { runs.append("r", {"e"}); });
  CHECK(detail.expected == 1);
  CHECK(detail.actual == 10);
  CHECK(detail.id == "r");
  for (const std::uint64_t first : {1U, 5U, 9U, 11U}) {
    require_error(ErrorCode::conflict, [&] { runs.append("r", {"e"}, {.first_seq = first}); });
  }
  require_error(ErrorCode::conflict, [&] { runs.append("r", {}); });
  CHECK(runs.head("r") == 0);
  CHECK(runs.append("r", {"e"}, {.expected_head = 0, .first_seq = 10}) == 10);
  CHECK(runs.append("r", {"f"}) == 11);
}

TEST_CASE("a snapshot of the state before any event is not foreign", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  runs.save_snapshot(snapshot("r", 0, "start"));
  CHECK(runs.append("r", {"a"}) == 1);
}

TEST_CASE("a run whose last number is taken by a foreign snapshot can have no log", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  runs.save_snapshot(snapshot("r", kMaxNumber, "s"));
  require_error(ErrorCode::conflict, [&] { runs.append("r", {"a"}); });
  require_error(ErrorCode::conflict, [&] { runs.append("r", {"a"}, {.first_seq = kMaxNumber}); });
}

TEST_CASE("a state beyond the configured limit is too_large", "[run]") {
  test::TemporaryDatabase db(any_ground(), {.max_payload_bytes = 100});
  const auto detail = require_error(ErrorCode::too_large, [&] {
    db->runs().save_snapshot(snapshot("r", 0, std::string(101, 'x')));
  });
  CHECK(detail.expected == 100);
  CHECK(detail.actual == 101);
  CHECK(db->runs().list_runs().empty());
}

TEST_CASE("snapshots are listed newest first, before an at_seq", "[run]") {
  test::TemporaryDatabase db(any_ground(), {.clock = [] { return 5; }});
  auto runs = db->runs();
  for (const std::uint64_t at_seq : {0U, 10U, 20U, 30U}) {
    runs.save_snapshot(snapshot("r", at_seq, "four"));
  }
  CHECK(at_seqs(runs.list("r", {.limit = 2})) == Numbers{30, 20});
  CHECK(at_seqs(runs.list("r", {.limit = 2, .before = 30})) == Numbers{20, 10});
  CHECK(at_seqs(runs.list("r", {.before = 25})) == Numbers{20, 10, 0});
  CHECK(at_seqs(runs.list("r", {.before = kMaxNumber})) == Numbers{30, 20, 10, 0});
  CHECK(runs.list("r", {.before = 0}).empty());
  CHECK(runs.list("r", {.limit = 0}).empty());
  CHECK(runs.list("other").empty());
  CHECK(runs.list("r").front().raw_bytes == 4);
  CHECK(runs.list("r").front().created_at_us == 5);
}

TEST_CASE("prune keeps exactly the newest snapshots, and every event", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  runs.append("r", {"a", "b", "c", "d"});
  for (const std::uint64_t at_seq : {3U, 1U, 4U, 2U}) {
    runs.save_snapshot(snapshot("r", at_seq, std::to_string(at_seq)));
  }
  SECTION("fewer than keep removes none") {
    CHECK(runs.prune("r", 4) == 0);
    CHECK(runs.prune("r", 5) == 0);
    CHECK(runs.info("r")->snapshots == 4);
  }
  SECTION("the newest stay loadable") {
    CHECK(runs.prune("r", 2) == 2);
    CHECK(at_seqs(runs.list("r")) == Numbers{4, 3});
    CHECK(state_of(runs.load_at("r", 3)) == State(3, "3"));
    CHECK_FALSE(runs.load_at("r", 2));
  }
  SECTION("keep = 0 removes all; a replay gives the same state") {
    CHECK(runs.prune("r", 0) == 4);
    CHECK_FALSE(runs.load_latest("r"));
    CHECK(runs.info("r")->snapshots == 0);
  }
  SECTION("an older one may be saved again below those that were kept") {
    CHECK(runs.prune("r", 1) == 3);
    runs.save_snapshot(snapshot("r", 2, "again"));
    CHECK(at_seqs(runs.list("r")) == Numbers{4, 2});
    CHECK(state_of(runs.load_at("r", 3)) == State(2, "again"));
  }
  CHECK(runs.scan("r").size() == 4);
}

TEST_CASE("a run without events is gone with its last snapshot", "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  runs.save_snapshot(snapshot("r", 9, "s"));
  CHECK(runs.prune("r", 0) == 1);
  CHECK(runs.list_runs().empty());
  CHECK(runs.append("r", {"a"}) == 1);
}

TEST_CASE("state by snapshot and tail is the state by replay, with and without snapshots",
          "[run]") {
  test::TemporaryDatabase db(any_ground());
  auto runs = db->runs();
  const auto replay = [&](std::string state, std::uint64_t after) {
    runs.for_each("r", after + 1, [&](const LogEntry& event) { state += event.text(); });
    return state;
  };
  for (int i = 0; i < 30; ++i) {
    const std::uint64_t head = runs.append("r", {std::string(1, static_cast<char>('a' + i % 26))});
    if (head % 7 == 0) runs.save_snapshot(snapshot("r", head, replay("", 0)));
  }
  const auto latest = runs.load_latest("r");
  REQUIRE(latest);
  CHECK(latest->at_seq == 28);
  const std::string resumed = replay(std::string(as_text(latest->state)), latest->at_seq);
  CHECK(resumed == replay("", 0));
  runs.prune("r", 0);
  CHECK(resumed == replay("", 0));
}

}  // namespace holdfast
