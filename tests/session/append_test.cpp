// What is appended and what comes back: the cases of entries, counts and concurrent writers.
#include "session/entries_of.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <string>
#include <vector>

namespace holdfast {

using test::require_error;
using test::Texts;
using test::texts_of;

TEST_CASE("entries come back in order, with positions from 0") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  REQUIRE(sessions.append("s", "g", "1") == 1);
  REQUIRE(sessions.append_all("s", "g", {"2", "3"}) == 3);
  REQUIRE(sessions.append_all("s", "g", {}) == 3);
  REQUIRE(sessions.append("s", "g", "4") == 4);
  const auto entries = sessions.read_all("s", "g");
  REQUIRE(texts_of(entries) == Texts{"1", "2", "3", "4"});
  for (std::size_t i = 0; i < entries.size(); ++i) {
    REQUIRE(entries[i].position == i);
    REQUIRE(entries[i].codec == "json");
  }
  REQUIRE(sessions.read_entry_count("s", "g") == 4);
}

TEST_CASE("an entry is kept byte for byte") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  test::Random random;
  INFO(random);
  std::string mebibytes = "\"";
  while (mebibytes.size() < 5'000'000)
    mebibytes += std::to_string(random.next());
  mebibytes += "\"";
  const Texts entries = {
      "0",
      "null",
      R"("")",
      R"(  { "b" : 1 , "a" : [ ] }  )",
      "\t{}\r",
      R"({"a":1,"a":2,"a":1})",
      R"({"n":[18446744073709551615,-9223372036854775808,9007199254740993,0.1,1e-7,-0,1E400]})",
      R"({"esc":"\u0000\u00e9\/\ud83d\ude00\ud83d"})",
      "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"",
      "\"" + std::string(65'534, 'x') + "\"",
      "\"" + std::string(65'535, 'x') + "\"",
      mebibytes,
  };
  for (const std::string& entry : entries)
    sessions.append("s", "one by one", entry);
  sessions.append_all("s", "together", entries);
  REQUIRE(texts_of(sessions.read_all("s", "one by one")) == entries);
  REQUIRE(texts_of(sessions.read_all("s", "together")) == entries);
  if (db.ground() == test::Ground::file) {
    db.reopen();
    REQUIRE(texts_of(db->sessions().read_all("s", "together")) == entries);
  }
}

TEST_CASE(
    "an entry that is not one JSON value without a line feed is refused, and nothing is appended") {
  test::TemporaryDatabase db(test::Ground::memory);
  SessionStore sessions = db->sessions();
  const std::string entry = GENERATE(as<std::string>{},
                                     "",
                                     " ",
                                     "{} {}",
                                     "1 2",
                                     "{\n}",
                                     "{}\n",
                                     "{",
                                     "x",
                                     "\"\xff\"",
                                     "\"\xed\xa0\x80\"",
                                     "\xef\xbb\xbf{}");
  CAPTURE(entry);
  require_error(ErrorCode::invalid_argument, [&] { sessions.append("s", "g", entry); });
  const auto detail = require_error(ErrorCode::invalid_argument, [&] {
    sessions.append_all("s", "g", {"1", entry, "3"});
  });
  REQUIRE(detail.actual == 1);
  require_error(ErrorCode::invalid_argument, [&] { sessions.create_segment("s", "g", {entry}); });
  REQUIRE_FALSE(sessions.lookup_session_of("g"));
  sessions.append("s", "g", "1");
  require_error(ErrorCode::invalid_argument, [&] { sessions.append_trace("s", "g", entry); });
  REQUIRE(texts_of(sessions.read_all("s", "g")) == Texts{"1"});
  REQUIRE(sessions.read_trace("s", "g").empty());
}

TEST_CASE("an entry nested deeper than 512 levels is refused") {
  test::TemporaryDatabase db(test::Ground::memory);
  SessionStore sessions = db->sessions();
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  sessions.append("s", "g", nested(512));
  require_error(ErrorCode::invalid_argument, [&] { sessions.append("s", "g", nested(513)); });
  require_error(ErrorCode::invalid_argument,
                [&] { sessions.append("s", "g", std::string(3'000'000, '[')); });
}

TEST_CASE("with another codec any bytes are an entry") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  test::Random random;
  INFO(random);
  const Texts entries = {"", "\n", std::string("\0\1", 2), "{}", random.bytes(100'000)};
  sessions.append_all("s", "g", entries, {.codec = "msgpack"});
  sessions.append("s", "g", "{}");
  sessions.append_trace("s", "g", entries[2], {.codec = "msgpack"});
  const auto read = sessions.read_all("s", "g");
  REQUIRE(texts_of({read.begin(), read.begin() + 5}) == entries);
  REQUIRE(read[4].codec == "msgpack");
  REQUIRE(read[5].codec == "json");
  REQUIRE(sessions.read_trace("s", "g").front().codec == "msgpack");
}

TEST_CASE("ids and codecs are UTF-8 text of 1 to 1,024 bytes without NUL") {
  test::TemporaryDatabase db(test::Ground::memory);
  SessionStore sessions = db->sessions();
  const std::string longest(kMaxIdBytes, 'i');
  sessions.append(longest, longest, "1", {.codec = longest});
  REQUIRE(sessions.lookup_session_of(longest) == longest);
  for (const std::string& bad : {std::string(),
                                 std::string(kMaxIdBytes + 1, 'i'),
                                 std::string("a\0b", 3),
                                 std::string("\xff")}) {
    const auto code = bad.size() > kMaxIdBytes ? ErrorCode::too_large : ErrorCode::invalid_argument;
    const auto refused = [&](auto&& call) { require_error(code, call); };
    refused([&] { sessions.append(bad, "g", "1"); });
    refused([&] { sessions.append("s", bad, "1"); });
    refused([&] { sessions.append("s", "g", "1", {.codec = bad}); });
    refused([&] { sessions.append_all("s", bad, {}); });
    refused([&] { sessions.append_trace("s", bad, "1"); });
    refused([&] { sessions.create_segment("s", bad); });
    refused([&] { sessions.create_segment("s", "g", {}, {.codec = bad}); });
    refused([&] { sessions.read_all("s", bad); });
    refused([&] { sessions.read("s", bad, 0, 1); });
    refused([&] { sessions.tail("s", bad, 1); });
    refused([&] { sessions.for_each("s", bad, [](const LogEntry&) {}); });
    refused([&] { sessions.read_trace("s", bad); });
    refused([&] { sessions.read_entry_count("s", bad); });
    refused([&] { sessions.exists(bad, "g"); });
    refused([&] { sessions.info(bad); });
    refused([&] { sessions.lookup_session_of(bad); });
    refused([&] { sessions.list_segments(bad); });
    refused([&] { sessions.truncate("s", bad, 0); });
    refused([&] { sessions.set_metadata("s", bad, ""); });
    refused([&] { sessions.remove_session(bad); });
    refused([&] { sessions.remove_segment("s", bad); });
  }
  REQUIRE(sessions.list_sessions() == Texts{longest});
}

TEST_CASE("a Uuid and its text are the same id") {
  test::TemporaryDatabase db(test::Ground::memory);
  SessionStore sessions = db->sessions();
  const Uuid session = Uuid::make_v7(1'700'000'000'000, 1, 2);
  const Uuid segment = Uuid::make_v7(1'700'000'000'001, 3, 4);
  sessions.append(session, segment, "1");
  REQUIRE(sessions.exists(session.to_string(), segment.to_string()));
  REQUIRE(sessions.lookup_session_of(segment) == session.to_string());
}

TEST_CASE("an entry beyond the configured maximum is too_large") {
  OpenOptions options;
  options.max_payload_bytes = 1000;
  test::TemporaryDatabase db(test::Ground::memory, options);
  SessionStore sessions = db->sessions();
  const std::string largest = "\"" + std::string(998, 'x') + "\"";
  const std::string beyond = "\"" + std::string(999, 'x') + "\"";
  sessions.append("s", "g", largest);
  const auto detail =
      require_error(ErrorCode::too_large, [&] { sessions.append("s", "g", beyond); });
  REQUIRE(detail.expected == 1000);
  REQUIRE(detail.actual == 1001);
  require_error(ErrorCode::too_large, [&] { sessions.append_all("s", "g", {"1", beyond}); });
  require_error(ErrorCode::too_large, [&] { sessions.append_trace("s", "g", beyond); });
  require_error(ErrorCode::too_large, [&] { sessions.create_segment("s", "h", {beyond}); });
  REQUIRE(texts_of(sessions.read_all("s", "g")) == Texts{largest});
}

TEST_CASE("append to an unknown segment creates it and its session") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  REQUIRE_FALSE(sessions.exists("s", "g"));
  sessions.append("s", "g", "1");
  REQUIRE(sessions.exists("s", "g"));
  REQUIRE_FALSE(sessions.exists("other", "g"));
  REQUIRE(sessions.lookup_session_of("g") == "s");
  REQUIRE(sessions.list_sessions() == Texts{"s"});
  REQUIRE(sessions.list_segments("s") == Texts{"g"});
  REQUIRE(sessions.append_all("s", "empty", {}) == 0);
  REQUIRE(sessions.exists("s", "empty"));
}

TEST_CASE("a segment that another session owns is a conflict, and nothing is changed") {
  test::TemporaryDatabase db(test::Ground::memory);
  SessionStore sessions = db->sessions();
  sessions.append("owner", "g", "1");
  const auto refused = [&](auto&& call) {
    REQUIRE(require_error(ErrorCode::conflict, call).id == "owner");
  };
  refused([&] { sessions.append("s", "g", "2"); });
  refused([&] { sessions.append_trace("s", "g", "2"); });
  refused([&] { sessions.create_segment("s", "g"); });
  refused([&] { sessions.read_all("s", "g"); });
  refused([&] { sessions.tail("s", "g", 1); });
  refused([&] { sessions.for_each("s", "g", [](const LogEntry&) {}); });
  refused([&] { sessions.read_trace("s", "g"); });
  refused([&] { sessions.read_entry_count("s", "g"); });
  refused([&] { sessions.truncate("s", "g", 0); });
  refused([&] { sessions.set_metadata("s", "g", "{}"); });
  refused([&] { sessions.remove_segment("s", "g"); });
  REQUIRE_FALSE(sessions.exists("s", "g"));
  REQUIRE(sessions.list_sessions() == Texts{"owner"});
  REQUIRE(texts_of(sessions.read_all("owner", "g")) == Texts{"1"});
}

TEST_CASE(
    "an append that expects another count is a conflict with both counts, and appends nothing") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  auto detail = require_error(ErrorCode::conflict,
                              [&] { sessions.append("s", "g", "1", {.expected_count = 1}); });
  REQUIRE(detail.expected == 1);
  REQUIRE(detail.actual == 0);
  REQUIRE_FALSE(sessions.exists("s", "g"));
  REQUIRE(sessions.append("s", "g", "1", {.expected_count = 0}) == 1);
  REQUIRE(sessions.append_all("s", "g", {"2", "3"}, {.expected_count = 1}) == 3);
  detail = require_error(ErrorCode::conflict,
                         [&] { sessions.append_all("s", "g", {"4"}, {.expected_count = 1}); });
  REQUIRE(detail.expected == 1);
  REQUIRE(detail.actual == 3);
  REQUIRE(detail.id == "g");
  REQUIRE(sessions.read_entry_count("s", "g") == 3);
}

TEST_CASE("an append joins the transaction of its thread and is undone with it") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  sessions.append("s", "g", "1");
  REQUIRE_THROWS_AS(db->transact([&] {
    sessions.append("s", "g", "2");
    sessions.append("s", "h", "\"" + std::string(100'000, 'x') + "\"");
    REQUIRE(sessions.read_entry_count("s", "g") == 2);
    throw std::runtime_error("undo");
  }),
                    std::runtime_error);
  REQUIRE(texts_of(sessions.read_all("s", "g")) == Texts{"1"});
  REQUIRE_FALSE(sessions.exists("s", "h"));
  db->transact([&] {
    sessions.append("s", "g", "2");
    require_error(ErrorCode::conflict, [&] { sessions.append("other", "g", "3"); });
    sessions.append("s", "g", "4");
  });
  REQUIRE(texts_of(sessions.read_all("s", "g")) == Texts{"1", "2", "4"});
}

TEST_CASE("a batch appends in its order, or not at all") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  Batch batch;
  batch.append("s", "g", "1").append("s", "g", "2").append_trace("s", "g", "\"t\"");
  db->commit(batch);
  REQUIRE(texts_of(db->sessions().read_all("s", "g")) == Texts{"1", "2"});
  REQUIRE(texts_of(db->sessions().read_trace("s", "g")) == Texts{"\"t\""});
  batch.append("s", "g", "not JSON");
  require_error(ErrorCode::invalid_argument, [&] { db->commit(batch); });
  REQUIRE(db->sessions().read_entry_count("s", "g") == 2);
}

TEST_CASE("trace entries are a stream of their own, never counted") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SessionStore sessions = db->sessions();
  sessions.append("s", "g", "1");
  REQUIRE(sessions.read_trace("s", "g").empty());
  sessions.append_trace("s", "g", "\"a\"");
  sessions.append("s", "g", "2");
  sessions.append_trace("s", "g", "\"b\"", {.expected_count = 1});
  sessions.append_trace("s", "g", "\"c\"");
  REQUIRE(sessions.read_entry_count("s", "g") == 2);
  REQUIRE(sessions.info("g")->entry_count == 2);
  REQUIRE(sessions.info("g")->trace_count == 3);
  REQUIRE(texts_of(sessions.read_all("s", "g")) == Texts{"1", "2"});
  REQUIRE(texts_of(sessions.read_trace("s", "g")) == Texts{"\"a\"", "\"b\"", "\"c\""});
  REQUIRE(texts_of(sessions.read_trace("s", "g", 1, 1)) == Texts{"\"b\""});
  REQUIRE(sessions.read_trace("s", "g", 1, 1).front().position == 1);
  REQUIRE(sessions.read_trace("s", "g", 3).empty());
  const auto detail = require_error(ErrorCode::conflict, [&] {
    sessions.append_trace("s", "g", "\"d\"", {.expected_count = 2});
  });
  REQUIRE(detail.actual == 3);
}

TEST_CASE("a trace entry does not create a segment") {
  test::TemporaryDatabase db(test::Ground::memory);
  SessionStore sessions = db->sessions();
  require_error(ErrorCode::not_found, [&] { sessions.append_trace("s", "g", "1"); });
  require_error(ErrorCode::not_found, [&] { sessions.read_trace("s", "g"); });
  REQUIRE(sessions.list_sessions().empty());
}

}  // namespace holdfast
