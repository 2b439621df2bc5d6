// Segments as a whole: creating, reading, cutting, removing, metadata and origins.
#include "session/entries_of.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <string>
#include <thread>
#include <vector>

namespace holdfast {

using test::require_error;
using test::Texts;
using test::texts_of;

TEST_CASE("create_segment makes a segment with its entries and metadata") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  sessions.create_segment("s", "empty");
  sessions.create_segment("s", "g", {"1", "2"}, {.metadata = R"({"from":"a file"})"});
  REQUIRE(sessions.read_all("s", "empty").empty());
  REQUIRE(texts_of(sessions.read_all("s", "g")) == Texts{"1", "2"});
  const auto info = sessions.info("g");
  REQUIRE(info->session == "s");
  REQUIRE(info->id == "g");
  REQUIRE(info->entry_count == 2);
  REQUIRE(info->trace_count == 0);
  REQUIRE(info->raw_bytes == 2);
  REQUIRE(info->metadata == R"({"from":"a file"})");
  REQUIRE(sessions.info("empty")->metadata.empty());
  REQUIRE_FALSE(sessions.info("unknown"));
}

TEST_CASE("create_segment on an existing one is already_exists and leaves it as it is") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  sessions.create_segment("s", "g", {"1"}, {.metadata = "{}"});
  const auto detail = require_error(ErrorCode::already_exists, [&] {
    sessions.create_segment("s", "g", {"2"}, {.metadata = "[]"});
  });
  REQUIRE(detail.id == "g");
  REQUIRE(texts_of(sessions.read_all("s", "g")) == Texts{"1"});
  REQUIRE(sessions.info("g")->metadata == "{}");
}

TEST_CASE("read_all, the count and truncate of an unknown segment are not_found") {
  test::TemporaryDatabase db(test::Ground::memory);
  SessionStore sessions = db->sessions();
  sessions.append("s", "g", "1");
  const auto refused = [&](auto&& call) {
    REQUIRE(require_error(ErrorCode::not_found, call).id == "unknown");
  };
  refused([&] { sessions.read_all("s", "unknown"); });
  refused([&] { sessions.read("s", "unknown", 0, 1); });
  refused([&] { sessions.tail("s", "unknown", 1); });
  refused([&] { sessions.for_each("s", "unknown", [](const LogEntry&) {}); });
  refused([&] { sessions.read_entry_count("s", "unknown"); });
  refused([&] { sessions.truncate("s", "unknown", 0); });
  refused([&] { sessions.set_metadata("s", "unknown", "{}"); });
  REQUIRE_FALSE(sessions.lookup_session_of("unknown"));
}

TEST_CASE("a part of a log is read from a position, or from its end") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  sessions.create_segment("s", "g", {"0", "1", "2", "3"});
  REQUIRE(texts_of(sessions.read("s", "g", 1, 2)) == Texts{"1", "2"});
  REQUIRE(sessions.read("s", "g", 1, 2).front().position == 1);
  REQUIRE(texts_of(sessions.read("s", "g", 3, kNoLimit)) == Texts{"3"});
  REQUIRE(sessions.read("s", "g", 4, 1).empty());
  REQUIRE(sessions.read("s", "g", ~std::uint64_t{0}, kNoLimit).empty());
  REQUIRE(sessions.read("s", "g", 0, 0).empty());
  REQUIRE(texts_of(sessions.tail("s", "g", 3)) == Texts{"1", "2", "3"});
  REQUIRE(texts_of(sessions.tail("s", "g", 99)) == Texts{"0", "1", "2", "3"});
  REQUIRE(sessions.tail("s", "g", 3).front().position == 1);
  REQUIRE(sessions.tail("s", "g", 0).empty());
}

TEST_CASE("for_each visits what was there at the call, while the visitor may write") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  const std::string large = "\"" + std::string(300'000, 'x') + "\"";
  for (int i = 0; i < 10; ++i)
    sessions.append("s", "g", large);
  std::uint64_t visited = 0;
  sessions.for_each("s", "g", [&](const LogEntry& entry) {
    REQUIRE(entry.position == visited++);
    REQUIRE(entry.text() == large);
    sessions.append("s", "g", "1");
  });
  REQUIRE(visited == 10);
  REQUIRE(sessions.read_entry_count("s", "g") == 20);
}

TEST_CASE("for_each ends where others cut the log, and says when it is gone") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  const std::string large = "\"" + std::string(1'100'000, 'x') + "\"";
  for (int i = 0; i < 4; ++i)
    sessions.append("s", "g", large);
  std::uint64_t visited = 0;
  sessions.for_each("s", "g", [&](const LogEntry&) {
    if (++visited == 1) sessions.truncate("s", "g", 2);
  });
  REQUIRE(visited == 2);
  require_error(ErrorCode::not_found, [&] {
    sessions.for_each("s", "g", [&](const LogEntry&) { sessions.remove_segment("s", "g"); });
  });
}

TEST_CASE("reads inside Database::read are of one instant, whatever others append meanwhile") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  sessions.append("s", "g", "1");
  const std::size_t seen = db->read([&] {
    REQUIRE(sessions.read_entry_count("s", "g") == 1);
    std::thread([&] { sessions.append("s", "g", "2"); }).join();
    std::size_t visited = 0;
    sessions.for_each("s", "g", [&](const LogEntry&) { ++visited; });
    return visited;
  });
  REQUIRE(seen == 1);
  REQUIRE(sessions.read_entry_count("s", "g") == 2);
}

TEST_CASE("truncate cuts to a count and says how many went") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  sessions.create_segment("s", "g", {"0", "1", "2", "3"});
  REQUIRE(sessions.truncate("s", "g", 4) == 0);
  REQUIRE(sessions.truncate("s", "g", 2) == 2);
  REQUIRE(sessions.read_entry_count("s", "g") == 2);
  REQUIRE(sessions.info("g")->raw_bytes == 2);
  REQUIRE(sessions.append("s", "g", "\"new\"") == 3);
  REQUIRE(texts_of(sessions.read_all("s", "g")) == Texts{"0", "1", "\"new\""});
  REQUIRE(sessions.truncate("s", "g", 0, {.expected_count = 3}) == 3);
  REQUIRE(sessions.read_all("s", "g").empty());
  REQUIRE(sessions.exists("s", "g"));
}

TEST_CASE("truncate beyond the end is invalid_argument with both counts") {
  test::TemporaryDatabase db(test::Ground::memory);
  SessionStore sessions = db->sessions();
  sessions.create_segment("s", "g", {"0"});
  const auto detail =
      require_error(ErrorCode::invalid_argument, [&] { sessions.truncate("s", "g", 2); });
  REQUIRE(detail.expected == 2);
  REQUIRE(detail.actual == 1);
  REQUIRE(detail.id == "g");
  require_error(ErrorCode::invalid_argument,
                [&] { sessions.truncate("s", "g", ~std::uint64_t{0}); });
  REQUIRE(sessions.read_entry_count("s", "g") == 1);
}

TEST_CASE("a truncate that expects another count is a conflict, and cuts nothing") {
  test::TemporaryDatabase db(test::Ground::memory);
  SessionStore sessions = db->sessions();
  sessions.create_segment("s", "g", {"0", "1"});
  const auto detail = require_error(ErrorCode::conflict,
                                    [&] { sessions.truncate("s", "g", 1, {.expected_count = 3}); });
  REQUIRE(detail.expected == 3);
  REQUIRE(detail.actual == 2);
  REQUIRE(sessions.read_entry_count("s", "g") == 2);
}

TEST_CASE("metadata is one JSON value of at most 64 KiB, or nothing") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  const auto metadata = [&] { return sessions.info("g")->metadata; };
  const std::string largest = "\"" + std::string(kMaxSegmentMetadataBytes - 2, 'x') + "\"";
  sessions.append("s", "g", "1");
  sessions.set_metadata("s", "g", "{\n \"a\": 1\n}\n");
  REQUIRE(metadata() == "{\n \"a\": 1\n}\n");
  sessions.append("s", "g", "2");
  REQUIRE(metadata() == "{\n \"a\": 1\n}\n");
  sessions.set_metadata("s", "g", largest);
  REQUIRE(metadata() == largest);
  require_error(ErrorCode::invalid_argument, [&] { sessions.set_metadata("s", "g", "{"); });
  require_error(ErrorCode::invalid_argument, [&] { sessions.set_metadata("s", "g", " "); });
  const auto detail =
      require_error(ErrorCode::too_large, [&] { sessions.set_metadata("s", "g", largest + " "); });
  REQUIRE(detail.expected == kMaxSegmentMetadataBytes);
  require_error(ErrorCode::invalid_argument,
                [&] { sessions.create_segment("s", "h", {}, {.metadata = "x"}); });
  require_error(ErrorCode::too_large,
                [&] { sessions.create_segment("s", "h", {}, {.metadata = largest + " "}); });
  REQUIRE(metadata() == largest);
  sessions.set_metadata("s", "g", "");
  REQUIRE(metadata().empty());
  sessions.set_metadata("s", "g", "");
  REQUIRE(sessions.list_segments("s") == Texts{"g"});
}

TEST_CASE("removing what is not there is nothing") {
  test::TemporaryDatabase db(test::Ground::memory);
  SessionStore sessions = db->sessions();
  sessions.append("s", "g", "1");
  REQUIRE_FALSE(sessions.remove_segment("s", "unknown"));
  REQUIRE_FALSE(sessions.remove_segment("unknown", "unknown"));
  const RemovedSession removed = sessions.remove_session("unknown");
  REQUIRE(removed.segments == 0);
  REQUIRE(removed.entries == 0);
  REQUIRE(sessions.list_sessions() == Texts{"s"});
}

TEST_CASE("a session goes with its last segment") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  sessions.create_segment("s", "g", {"0", "1"});
  sessions.create_segment("s", "h", {"2"});
  REQUIRE(sessions.remove_segment("s", "g") == 2);
  REQUIRE_FALSE(sessions.exists("s", "g"));
  REQUIRE(sessions.list_segments("s") == Texts{"h"});
  REQUIRE(sessions.remove_segment("s", "h") == 1);
  REQUIRE(sessions.list_sessions().empty());
  REQUIRE(sessions.list_segments("s").empty());
  REQUIRE(sessions.append("t", "g", "0") == 1);
}

TEST_CASE("removing frees every row, and touches nobody else's") {
  test::TemporaryDatabase db(test::Ground::file);
  SessionStore sessions = db->sessions();
  const std::string large = "\"" + std::string(200'000, 'x') + "\"";
  for (const std::string segment : {"g", "h"}) {
    sessions.create_segment("s", segment, {"1", large}, {.metadata = "{}"});
    sessions.append_trace("s", segment, large);
    sessions.append_trace("s", segment, "1");
  }
  sessions.create_segment("kept", "k", {large, "2"}, {.metadata = "{}"});
  sessions.append_trace("kept", "k", "3");
  const RemovedSession removed = sessions.remove_session("s");
  REQUIRE(removed.segments == 2);
  REQUIRE(removed.entries == 4);
  REQUIRE(texts_of(sessions.read_all("kept", "k")) == Texts{large, "2"});
  db.close();
  {
    test::PlainSqlite sqlite(db.file());
    REQUIRE(sqlite.integer("SELECT count(*) FROM session") == 1);
    REQUIRE(sqlite.integer("SELECT count(*) FROM segment") == 1);
    REQUIRE(sqlite.integer("SELECT count(*) FROM segment_metadata") == 1);
    REQUIRE(sqlite.integer("SELECT count(*) FROM log_node") == 2);
    REQUIRE(sqlite.integer("SELECT count(*) FROM log_entry") == 3);
    REQUIRE(sqlite.integer("SELECT count(*) FROM content") == 1);
  }
  db.reopen();
  REQUIRE(db->sessions().remove_segment("kept", "k") == 2);
  db.close();
  test::PlainSqlite sqlite(db.file());
  for (const std::string table : {"session",
                                  "segment",
                                  "segment_metadata",
                                  "log_node",
                                  "log_entry",
                                  "content",
                                  "chunk",
                                  "chunk_data"}) {
    CAPTURE(table);
    REQUIRE(sqlite.integer("SELECT count(*) FROM " + table) == 0);
  }
}

TEST_CASE("the origins of a segment_start at position 0 are the segment's") {
  test::TemporaryDatabase db(test::Ground::file);
  SessionStore sessions = db->sessions();
  const std::string forked =
      R"({"kind":"segment_start","forked_from":{"segment_id":"a","at_turn_index":3}})";
  const std::string compacted =
      R"({"kind":"segment_start","compacted_from":{"segment_id":"b","at_turn_index":4}})";
  sessions.append("s", "appended", forked);
  sessions.create_segment("s", "created", {compacted, forked});
  sessions.append("s", "other kind", R"({"kind":"other","forked_from":{"segment_id":"a"}})");
  sessions.create_segment("s", "later", {"1", forked});
  sessions.append("s", "cut", forked);
  sessions.truncate("s", "cut", 0);
  sessions.append("s", "cut and begun anew", forked);
  sessions.truncate("s", "cut and begun anew", 0);
  sessions.append("s", "cut and begun anew", compacted);
  REQUIRE(sessions.read_entry_count("s", "appended") == 1);
  db.close();
  const auto rows = test::PlainSqlite(db.file()).rows(
      "SELECT segment, forked_from, forked_at_turn, compacted_from, compacted_at_turn"
      " FROM segments ORDER BY recency");
  const std::optional<std::string> none;
  REQUIRE(rows == std::vector<test::PlainSqlite::Row>{
                      {"appended", "a", "3", none, none},
                      {"created", none, none, "b", "4"},
                      {"other kind", none, none, none, none},
                      {"later", none, none, none, none},
                      {"cut", none, none, none, none},
                      {"cut and begun anew", none, none, "b", "4"},
                  });
}

}  // namespace holdfast
