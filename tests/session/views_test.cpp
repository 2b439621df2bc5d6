// What a person sees in a shell is what the library says.
#include "session/entries_of.hpp"
#include "support/catch.hpp"
#include "support/temporary_database.hpp"

#include <string>
#include <vector>

namespace holdfast {

using Row = test::PlainSqlite::Row;
using Rows = std::vector<Row>;

namespace {

constexpr std::int64_t kNowUs = 1'700'000'000'123'000;  // 2023-11-14T22:13:20.123Z

OpenOptions with_fixed_clock() {
  OpenOptions options;
  options.clock = [] { return kNowUs; };
  return options;
}

const std::optional<std::string> kNull;

}  // namespace

TEST_CASE("the view log shows entries by session, segment and position") {
  test::TemporaryDatabase db(test::Ground::file, with_fixed_clock());
  SessionStore sessions = db->sessions();
  const std::string entry =
      R"({"kind":"user_input","ts":1700000000000,"turn_count":3,"text":"hi"})";
  const std::string large = "\"" + std::string(100'000, 'x') + "\"";
  sessions.create_segment("s", "g", {entry, large});
  sessions.append("s", "g", "\xff", {.codec = "raw"});
  sessions.append("s", "h", R"({"kind":"other"})");
  sessions.append_trace("s", "g", R"({"kind":"traced"})");
  db.close();
  test::PlainSqlite sqlite(db.file());
  REQUIRE(sqlite.rows("SELECT position, kind, turn, codec, time, created_at, json, raw_bytes"
                      " FROM log WHERE session = 's' AND segment = 'g' ORDER BY position") ==
          Rows{{"0",
                "user_input",
                "3",
                "json",
                "2023-11-14T22:13:20.000Z",
                "2023-11-14T22:13:20.123Z",
                entry,
                std::to_string(entry.size())},
               {"1", kNull, kNull, "json", kNull, "2023-11-14T22:13:20.123Z", kNull, "100002"},
               {"2", kNull, kNull, "raw", kNull, "2023-11-14T22:13:20.123Z", kNull, "1"}});
  REQUIRE(sqlite.text("SELECT json ->> '$.text' FROM log WHERE kind = 'user_input'") == "hi");
  REQUIRE(sqlite.text("SELECT data FROM log WHERE position = 0 AND segment = 'g'") == entry);
  REQUIRE(sqlite.text("SELECT data FROM log WHERE position = 2") == "\xff");
  REQUIRE(sqlite.integer("SELECT stored_bytes < 1000 FROM log WHERE position = 1") == 1);
  REQUIRE(sqlite.rows("SELECT kind FROM log WHERE segment = 'h'") == Rows{{"other"}});
  REQUIRE(sqlite.rows(
              "SELECT session, segment, position, kind, codec, json, raw_bytes FROM trace_log") ==
          Rows{{"s", "g", "0", "traced", "json", R"({"kind":"traced"})", "17"}});
}

TEST_CASE("->> over the json column never fails, whatever the entries are") {
  test::TemporaryDatabase db;
  SessionStore sessions = db->sessions();
  sessions.append_all(
      "s", "g", {"1", "\"text\"", R"({"a":{"b":2}})", R"("\ud83d")", "1e999", "[[]]"});
  sessions.append("s", "g", "{\"a\":", {.codec = "raw"});
  db.close();
  test::PlainSqlite sqlite(db.file());
  REQUIRE(sqlite.rows("SELECT json ->> '$.a.b' FROM log ORDER BY position").size() == 7);
  REQUIRE(sqlite.integer("SELECT json ->> '$.a.b' FROM log WHERE position = 2") == 2);
}

TEST_CASE("the views sessions and segments agree with the lists and infos") {
  test::TemporaryDatabase db(test::Ground::file, with_fixed_clock());
  SessionStore sessions = db->sessions();
  sessions.create_segment("s", "g", {"1", "22"}, {.metadata = "{}"});
  sessions.append("s", "h", "333");
  sessions.append_trace("s", "h", "4");
  SegmentOptions old;
  old.created_at_us = 1'000'000;
  sessions.create_segment("t", "i", {}, old);
  const auto names = sessions.list_sessions();
  const auto info = sessions.info("h");
  db.close();
  test::PlainSqlite sqlite(db.file());
  REQUIRE(sqlite.rows("SELECT session, segments, entries, raw_bytes, created_at FROM sessions"
                      " ORDER BY recency DESC") ==
          Rows{{"s", "2", "3", "6", "2023-11-14T22:13:20.123Z"},
               {"t", "1", "0", "0", "1970-01-01T00:00:01.000Z"}});
  REQUIRE(names == test::Texts{"s", "t"});
  REQUIRE(sqlite.rows("SELECT session, segment, entries, trace_entries, raw_bytes, metadata"
                      " FROM segments ORDER BY segment") == Rows{{"s", "g", "2", "0", "3", "{}"},
                                                                 {"s", "h", "1", "1", "3", kNull},
                                                                 {"t", "i", "0", "0", "0", kNull}});
  REQUIRE(info->entry_count == 1);
  REQUIRE(info->trace_count == 1);
  REQUIRE(info->raw_bytes == 3);
  REQUIRE(info->created_at_us == kNowUs);
}

TEST_CASE("the view pods shows names and metadata") {
  test::TemporaryDatabase db(test::Ground::file, with_fixed_clock());
  PodStore pods = db->sessions().pods();
  pods.write("p", R"({"a":1})");
  pods.write("q", "\"" + std::string(100'000, 'x') + "\"");
  db.close();
  REQUIRE(test::PlainSqlite(db.file()).rows(
              "SELECT pod, json, updated_at, raw_bytes FROM pods ORDER BY pod") ==
          Rows{{"p", R"({"a":1})", "2023-11-14T22:13:20.123Z", "7"},
               {"q", kNull, "2023-11-14T22:13:20.123Z", "100002"}});
}

TEST_CASE("an append finds its segment, and a list its order, by an index") {
  test::TemporaryDatabase db;
  db.close();
  test::PlainSqlite sqlite(db.file());
  const auto plan = [&](const std::string& sql) {
    std::string text;
    for (const Row& row : sqlite.rows("EXPLAIN QUERY PLAN " + sql))
      text += *row[3] + "\n";
    return text;
  };
  const std::string statement = GENERATE(
      as<std::string>{},
      "SELECT s.name FROM segment AS g LEFT JOIN session AS s ON s.session_key = g.session_key"
      " WHERE g.name = 'g'",
      "SELECT name FROM segment WHERE session_key = 1 AND (recency_us, segment_key) < (1, 1)"
      " ORDER BY recency_us DESC, segment_key DESC LIMIT 1",
      "SELECT name FROM session WHERE (recency_us, session_key) < (1, 1)"
      " ORDER BY recency_us DESC, session_key DESC LIMIT 1",
      "SELECT max(recency_us) FROM segment WHERE session_key = 1",
      "SELECT max(recency_us) FROM session");
  CAPTURE(statement);
  const std::string found = plan(statement);
  CAPTURE(found);
  REQUIRE(found.find("SEARCH") != std::string::npos);
  REQUIRE(found.find("SCAN") == std::string::npos);
  REQUIRE(found.find("TEMP B-TREE") == std::string::npos);
}

}  // namespace holdfast
