// Rows that another program changed behind our back are `corrupt`: never silently other, never absent.
#include "session/entries_of.hpp"
#include "support/catch.hpp"
#include "support/content_chunks.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <string>

namespace holdfast {

using test::require_error;
using test::Texts;
using test::texts_of;

namespace {

// Two segments of two entries each, the second of each large, a trace, metadata and a pod.
void fill(test::TemporaryDatabase& db) {
  SessionStore sessions = db->sessions();
  for (const std::string segment : {"g", "h"}) {
    const std::string large = "\"" + std::string(100'000, segment.front()) + "\"";
    sessions.create_segment(
        "s", segment, {R"({"kind":"a","ts":1,"turn_count":2})", large}, {.metadata = "{}"});
    sessions.append_trace("s", segment, "\"trace\"");
  }
  sessions.append("t", "other", "1");
  sessions.pods().write("p", "{}");
  sessions.pods().write("q", "[]");
}

void require_corrupt(auto&& call) {
  require_error(ErrorCode::corrupt, call);
}

}  // namespace

TEST_CASE("an entry of which any column changed is corrupt, and its neighbours are readable") {
  test::TemporaryDatabase db;
  fill(db);
  const std::string change = GENERATE(as<std::string>{},
                                      "payload = '{\"kind\":\"a\",\"ts\":1,\"turn_count\":3}'",
                                      "payload = CAST(payload AS BLOB)",
                                      "payload = '', raw_bytes = 0",
                                      "raw_bytes = raw_bytes + 1",
                                      "kind = 'b'",
                                      "kind = NULL",
                                      "kind = CAST(kind AS BLOB) || x'00'",
                                      "time_us = 0",
                                      "time_us = NULL",
                                      "turn = 3",
                                      "codec = 'json'",
                                      "codec = ''",
                                      "created_at_us = created_at_us + 1",
                                      "digest = digest + 1",
                                      "payload = NULL, content_key = 1");
  CAPTURE(change);
  db.damage("UPDATE log_entry SET " + change + " WHERE entry_key = (1 << 32) + 1");
  SessionStore sessions = db->sessions();
  require_corrupt([&] { sessions.read_all("s", "g"); });
  require_corrupt([&] { sessions.read("s", "g", 0, 1); });
  require_corrupt([&] { sessions.for_each("s", "g", [](const LogEntry&) {}); });
  REQUIRE(sessions.tail("s", "g", 1).size() == 1);
  REQUIRE(sessions.read_all("s", "h").size() == 2);
  REQUIRE(sessions.read_entry_count("s", "g") == 2);
}

TEST_CASE("an entry that vanished is corrupt, the last one too") {
  test::TemporaryDatabase db;
  fill(db);
  const int ordinal = GENERATE(1, 2);
  db.damage("DELETE FROM log_entry WHERE entry_key = (1 << 32) + " + std::to_string(ordinal));
  SessionStore sessions = db->sessions();
  require_corrupt([&] { sessions.read_all("s", "g"); });
  require_corrupt([&] { sessions.for_each("s", "g", [](const LogEntry&) {}); });
  require_corrupt([&] { sessions.truncate("s", "g", 0); });
  REQUIRE(sessions.read_entry_count("s", "g") == 2);
  REQUIRE(sessions.remove_segment("s", "g") == 1);
}

TEST_CASE("entries that changed places are corrupt, within a log and between logs") {
  test::TemporaryDatabase db;
  fill(db);
  const std::string other = GENERATE(as<std::string>{}, "(1 << 32) + 2", "(3 << 32) + 1");
  const std::string first = "(1 << 32) + 1";
  db.damage("UPDATE log_entry SET entry_key = 7 WHERE entry_key = " + first +
            "; UPDATE log_entry SET entry_key = " + first + " WHERE entry_key = " + other +
            "; UPDATE log_entry SET entry_key = " + other + " WHERE entry_key = 7");
  require_corrupt([&] { db->sessions().read("s", "g", 0, 1); });
}

TEST_CASE("a trace entry that changed or vanished is corrupt") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("UPDATE log_entry SET payload = '\"trax!\"' WHERE payload = '\"trace\"'");
  require_corrupt([&] { db->sessions().read_trace("s", "g"); });
  db.damage("DELETE FROM log_entry WHERE payload = '\"trax!\"'");
  require_corrupt([&] { db->sessions().read_trace("s", "g"); });
}

TEST_CASE("the content of a large entry that changed is corrupt") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage(test::zero_chunks("1"));
  require_corrupt([&] { db->sessions().read_all("s", "g"); });
  REQUIRE(db->sessions().read("s", "g", 0, 1).size() == 1);
  REQUIRE(db->sessions().read_all("s", "h").size() == 2);
}

TEST_CASE("a segment of which any column changed is corrupt at every call, and no entry is lost") {
  test::TemporaryDatabase db;
  fill(db);
  const std::string change = GENERATE(as<std::string>{},
                                      "entry_count = 1",
                                      "entry_count = 3",
                                      "raw_bytes = 0",
                                      "node_key = 3",
                                      "trace_node_key = NULL, trace_count = 0",
                                      "trace_count = 2",
                                      "created_at_us = 0",
                                      "recency_us = recency_us + 1",
                                      "forked_from = 'x'",
                                      "compacted_at_turn = 1",
                                      "metadata_digest = NULL",
                                      "session_key = 2",
                                      "digest = 0");
  CAPTURE(change);
  db.damage("UPDATE segment SET " + change + " WHERE name = 'g'");
  SessionStore sessions = db->sessions();
  require_corrupt([&] { sessions.read_all("s", "g"); });
  require_corrupt([&] { sessions.read_entry_count("s", "g"); });
  require_corrupt([&] { sessions.read_trace("s", "g"); });
  require_corrupt([&] { sessions.info("g"); });
  require_corrupt([&] { sessions.exists("s", "g"); });
  require_corrupt([&] { sessions.append("s", "g", "1"); });
  require_corrupt([&] { sessions.append_trace("s", "g", "1"); });
  require_corrupt([&] { sessions.truncate("s", "g", 0); });
  require_corrupt([&] { sessions.list_segments("s"); });
  REQUIRE(sessions.read_all("s", "h").size() == 2);
}

TEST_CASE("segments that changed names are corrupt") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage(
      "UPDATE segment SET name = 'x' WHERE name = 'g';"
      "UPDATE segment SET name = 'g' WHERE name = 'h';"
      "UPDATE segment SET name = 'h' WHERE name = 'x'");
  require_corrupt([&] { db->sessions().read_all("s", "g"); });
  require_corrupt([&] { db->sessions().read_all("s", "h"); });
}

TEST_CASE("a segment that vanished is missed when its session is listed") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("DELETE FROM segment WHERE name = 'g'");
  const auto detail = require_error(ErrorCode::corrupt, [&] { db->sessions().list_segments("s"); });
  REQUIRE(detail.expected == 2);
  REQUIRE(detail.actual == 1);
}

TEST_CASE("a session that vanished is missed by its segments") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("DELETE FROM session WHERE name = 's'");
  require_corrupt([&] { db->sessions().read_all("s", "g"); });
  require_corrupt([&] { db->sessions().append("s", "g", "1"); });
  require_corrupt([&] { db->sessions().lookup_session_of("g"); });
}

TEST_CASE("a session whose name changed is corrupt, and no other session's") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("UPDATE session SET name = 'u' WHERE name = 's'");
  SessionStore sessions = db->sessions();
  require_corrupt([&] { sessions.read_all("s", "g"); });
  require_corrupt([&] { sessions.append("s", "g", "1"); });
  require_corrupt([&] { sessions.exists("s", "g"); });
  require_corrupt([&] { sessions.info("g"); });
  require_corrupt([&] { sessions.lookup_session_of("g"); });
}

TEST_CASE("a session of which any column changed is corrupt") {
  test::TemporaryDatabase db;
  fill(db);
  const std::string change = GENERATE(as<std::string>{},
                                      "recency_us = recency_us + 1",
                                      "recency_given = 1",
                                      "created_at_us = 0",
                                      "segment_count = 3",
                                      "name = 'u'",
                                      "digest = 0");
  CAPTURE(change);
  db.damage("UPDATE session SET " + change + " WHERE name = 's'");
  SessionStore sessions = db->sessions();
  require_corrupt([&] { sessions.list_sessions(); });
  if (change != "name = 'u'") {
    require_corrupt([&] { sessions.list_segments("s"); });
    require_corrupt([&] { sessions.create_segment("s", "new"); });
    require_corrupt([&] { sessions.remove_session("s"); });
  }
}

TEST_CASE(
    "metadata of a segment that changed or vanished is corrupt, and its entries are readable") {
  test::TemporaryDatabase db;
  fill(db);
  const std::string damage = GENERATE(as<std::string>{},
                                      "UPDATE segment_metadata SET metadata = '[]'",
                                      "DELETE FROM segment_metadata");
  db.damage(damage);
  require_corrupt([&] { db->sessions().info("g"); });
  REQUIRE(db->sessions().read_all("s", "g").size() == 2);
  db->sessions().set_metadata("s", "g", "17");
  REQUIRE(db->sessions().info("g")->metadata == "17");
}

TEST_CASE("metadata of a pod that changed is corrupt") {
  test::TemporaryDatabase db;
  fill(db);
  const std::string change = GENERATE(as<std::string>{},
                                      "payload = '[]'",
                                      "raw_bytes = 3",
                                      "updated_at_us = 0",
                                      "payload = NULL, content_key = 1",
                                      "digest = 0");
  db.damage("UPDATE pod SET " + change + " WHERE name = 'p'");
  require_corrupt([&] { db->sessions().pods().read_by_name("p"); });
  REQUIRE(db->sessions().pods().read_by_name("q") == "[]");
}

TEST_CASE("pods that changed names are corrupt") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage(
      "UPDATE pod SET name = 'x' WHERE name = 'p';"
      "UPDATE pod SET name = 'p' WHERE name = 'q';"
      "UPDATE pod SET name = 'q' WHERE name = 'x'");
  require_corrupt([&] { db->sessions().pods().read_by_name("p"); });
}

}  // namespace holdfast
