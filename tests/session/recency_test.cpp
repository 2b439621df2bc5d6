// "Most recent first": the order of sessions and segments, natively and on import, and its pages.
#include "session/entries_of.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <atomic>
#include <string>
#include <vector>

namespace holdfast {

using test::require_error;
using test::Texts;

namespace {

constexpr std::int64_t kSecond = 1'000'000;

OpenOptions with_clock(std::atomic<std::int64_t>& now_us) {
  OpenOptions options;
  options.clock = [&now_us] { return now_us.load(); };
  return options;
}

SegmentOptions created_at(std::int64_t time_us) {
  SegmentOptions options;
  options.created_at_us = time_us;
  return options;
}

}  // namespace

TEST_CASE("lists are most recent first by creation, not by use") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  sessions.append("s1", "a", "1");
  sessions.append("s2", "b", "1");
  sessions.append("s1", "c", "1");
  sessions.append("s1", "a", "2");
  REQUIRE(sessions.list_sessions() == Texts{"s2", "s1"});
  REQUIRE(sessions.list_segments("s1") == Texts{"c", "a"});
  REQUIRE(sessions.list_segments("unknown").empty());
}

TEST_CASE("a clock that stands still or goes back does not disturb the order of creation") {
  std::atomic<std::int64_t> now_us = 100 * kSecond;
  test::TemporaryDatabase db(test::Ground::memory, with_clock(now_us));
  SessionStore sessions = db->sessions();
  sessions.append("s1", "a", "1");
  sessions.append("s2", "b", "1");
  now_us = 50 * kSecond;
  sessions.append("s3", "c", "1");
  sessions.append("s1", "d", "1");
  REQUIRE(sessions.list_sessions() == Texts{"s3", "s2", "s1"});
  REQUIRE(sessions.list_segments("s1") == Texts{"d", "a"});
  REQUIRE(sessions.info("c")->created_at_us == 50 * kSecond);
  REQUIRE(sessions.read_all("s3", "c").front().created_at_us == 50 * kSecond);
}

TEST_CASE("a time that was given is the place of the segment, and of the session that it creates") {
  std::atomic<std::int64_t> now_us = 100 * kSecond;
  test::TemporaryDatabase db(test::Ground::memory, with_clock(now_us));
  SessionStore sessions = db->sessions();
  sessions.create_segment("old", "o2", {"1"}, created_at(20 * kSecond));
  sessions.create_segment("old", "o1", {}, created_at(10 * kSecond));
  sessions.create_segment("older", "p", {}, created_at(15 * kSecond));
  REQUIRE(sessions.list_segments("old") == Texts{"o2", "o1"});
  // Whichever file an importer meets first: the session is as old as its earliest segment.
  REQUIRE(sessions.list_sessions() == Texts{"older", "old"});
  REQUIRE(sessions.info("o1")->created_at_us == 10 * kSecond);
  REQUIRE(sessions.read_all("old", "o2").front().created_at_us == 100 * kSecond);
}

TEST_CASE("what is created natively is the most recent, also beside times from the future") {
  std::atomic<std::int64_t> now_us = 100 * kSecond;
  test::TemporaryDatabase db(test::Ground::memory, with_clock(now_us));
  SessionStore sessions = db->sessions();
  sessions.create_segment("future", "f", {}, created_at(900 * kSecond));
  sessions.append("native", "n", "1");
  sessions.append("future", "g", "1");
  REQUIRE(sessions.list_sessions() == Texts{"native", "future"});
  REQUIRE(sessions.list_segments("future") == Texts{"g", "f"});
}

TEST_CASE("an imported segment does not move a session that was created natively") {
  std::atomic<std::int64_t> now_us = 100 * kSecond;
  test::TemporaryDatabase db(test::Ground::memory, with_clock(now_us));
  SessionStore sessions = db->sessions();
  sessions.append("s1", "a", "1");
  sessions.append("s2", "b", "1");
  sessions.create_segment("s2", "old", {}, created_at(1));
  REQUIRE(sessions.list_sessions() == Texts{"s2", "s1"});
  REQUIRE(sessions.list_segments("s2") == Texts{"b", "old"});
}

TEST_CASE("an imported session whose id is a UUIDv7 is as old as its id says") {
  test::TemporaryDatabase db(test::Ground::memory);
  SessionStore sessions = db->sessions();
  const std::string by_id = Uuid::make_v7(10'000, 1, 2).to_string();
  sessions.create_segment("by time", "a", {}, created_at(20 * kSecond));
  sessions.create_segment(by_id, "b", {}, created_at(30 * kSecond));
  sessions.create_segment(by_id, "c", {}, created_at(5 * kSecond));
  sessions.create_segment("oldest", "d", {}, created_at(9 * kSecond));
  REQUIRE(sessions.list_sessions() == Texts{"by time", by_id, "oldest"});
}

TEST_CASE("of equal times the later one comes first") {
  test::TemporaryDatabase db(test::Ground::memory);
  SessionStore sessions = db->sessions();
  for (const std::string name : {"a", "b", "c"}) {
    sessions.create_segment("s", name, {}, created_at(7));
    sessions.create_segment("s-" + name, "t-" + name, {}, created_at(7));
  }
  REQUIRE(sessions.list_segments("s") == Texts{"c", "b", "a"});
  REQUIRE(sessions.list_sessions() == Texts{"s-c", "s-b", "s-a", "s"});
}

TEST_CASE("a time before 1970 or after 9999 is invalid_argument") {
  test::TemporaryDatabase db(test::Ground::memory);
  SessionStore sessions = db->sessions();
  constexpr std::int64_t kLast = 253'402'300'799'999'999;
  require_error(ErrorCode::invalid_argument,
                [&] { sessions.create_segment("s", "g", {}, created_at(-1)); });
  require_error(ErrorCode::invalid_argument,
                [&] { sessions.create_segment("s", "g", {}, created_at(kLast + 1)); });
  sessions.create_segment("s", "g", {}, created_at(kLast));
  sessions.append("s", "h", "1");
  REQUIRE(sessions.list_segments("s") == Texts{"h", "g"});
}

TEST_CASE("pages of a list are the list") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  Texts segments;
  Texts names;
  for (int i = 0; i < 10; ++i) {
    // Each time twice, so that pages end between equals.
    sessions.create_segment("s", "g" + std::to_string(i), {}, created_at(i / 2 + 1));
    sessions.create_segment(
        "t" + std::to_string(i), "u" + std::to_string(i), {}, created_at(i / 2 + 2));
  }
  for (int i = 9; i >= 0; --i) {
    segments.push_back("g" + std::to_string(i));
    names.push_back("t" + std::to_string(i));
  }
  names.push_back("s");
  for (std::size_t limit = 1; limit <= 12; ++limit) {
    CAPTURE(limit);
    Texts paged_segments;
    Texts paged_names;
    RecencyListOptions options;
    options.limit = limit;
    for (auto page = sessions.list_segments("s", options); !page.empty();
         page = sessions.list_segments("s", options)) {
      REQUIRE(page.size() <= limit);
      paged_segments.insert(paged_segments.end(), page.begin(), page.end());
      options.after = page.back();
    }
    options.after.reset();
    for (auto page = sessions.list_sessions(options); !page.empty();
         page = sessions.list_sessions(options)) {
      REQUIRE(page.size() <= limit);
      paged_names.insert(paged_names.end(), page.begin(), page.end());
      options.after = page.back();
    }
    REQUIRE(paged_segments == segments);
    REQUIRE(paged_names == names);
  }
  REQUIRE(sessions.list_sessions({.limit = 0}).empty());
  REQUIRE(sessions.list_segments("s", {.limit = 0}).empty());
}

TEST_CASE("to go on after what is not there is not_found") {
  test::TemporaryDatabase db(test::Ground::memory);
  SessionStore sessions = db->sessions();
  sessions.append("s", "g", "1");
  sessions.append("t", "h", "1");
  require_error(ErrorCode::not_found, [&] { sessions.list_sessions({.after = "unknown"}); });
  require_error(ErrorCode::not_found, [&] { sessions.list_segments("s", {.after = "unknown"}); });
  require_error(ErrorCode::not_found, [&] { sessions.list_segments("s", {.after = "h"}); });
}

}  // namespace holdfast
