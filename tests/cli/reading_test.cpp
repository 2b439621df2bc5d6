// info, ls and show: tables for people, JSON for programs.

#include "support/catch.hpp"
#include "support/command.hpp"
#include "support/full_database.hpp"
#include "support/temporary_database.hpp"

#include <nlohmann/json.hpp>

#include <sstream>
#include <string>

using namespace holdfast;
using nlohmann::json;

namespace {

json json_of(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = arguments;
  words.emplace_back("--json");
  const auto result = test::holdfast(words);
  INFO(result.err << result.out);
  REQUIRE(result.code == 0);
  REQUIRE(json::accept(result.out));
  return json::parse(result.out);
}

std::string text_of(const std::vector<std::string>& arguments) {
  const auto result = test::holdfast(arguments);
  INFO(result.err);
  REQUIRE(result.code == 0);
  REQUIRE(result.err.empty());
  return result.out;
}

std::vector<json> lines_of(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = arguments;
  words.emplace_back("--json");
  std::istringstream text(text_of(words));
  std::vector<json> lines;
  for (std::string line; std::getline(text, line);) {
    INFO(line);
    REQUIRE(json::accept(line));
    lines.push_back(json::parse(line));
  }
  return lines;
}

}  // namespace

TEST_CASE("info tells what the file is and what is in it") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const json info = json_of({"info", db.file()});
  CHECK(info["path"] == db.file());
  CHECK(info["store_id"] == db->store_id());
  CHECK(info["checkpoints"] == 4);
  CHECK(info["entries"] == 8);
  CHECK(info["state_entries"] == 5);
  CHECK(info["foreign_objects"].empty());
  CHECK(info["largest"].size() > 5);
  CHECK(json_of({"info", db.file(), "--largest", "2"})["largest"].size() == 2);
  CHECK(json_of({"info", db.file(), "--largest", "0"})["largest"].empty());
  const std::string text = text_of({"info", db.file()});
  CHECK(text.find("store id        " + db->store_id()) != std::string::npos);
  CHECK(text.find("trace-1") != std::string::npos);
  CHECK(text.find("KiB") != std::string::npos);
}

TEST_CASE("reading beside a writer that has the file open changes nothing in it") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const auto before = db->statistics().commits;
  text_of({"info", db.file()});
  text_of({"ls", db.file(), "traces"});
  text_of({"verify", db.file()});
  db->runs().append("run-1", {"{}"});
  CHECK(db->statistics().commits == before + 1);
  CHECK(json_of({"info", db.file()})["events"] == 11);
}

TEST_CASE("ls lists each kind, and what an owner has") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const std::string file = db.file();
  CHECK(json_of({"ls", file}).size() == 8);
  const json traces = json_of({"ls", file, "traces"});
  REQUIRE(traces.size() == 2);
  CHECK(traces[0]["trace"] == "trace-1");
  CHECK(traces[0]["checkpoints"] == 3);
  CHECK(traces[0]["newest"] == "c3");
  const json checkpoints = json_of({"ls", file, "traces", "trace-1"});
  REQUIRE(checkpoints.size() == 3);
  CHECK(checkpoints[0]["id"] == "c3");
  CHECK(checkpoints[2]["graph_hash"] == "0x0000000000000007");
  CHECK(json_of({"ls", file, "traces", "trace-1", "-n", "2"}).size() == 2);
  CHECK(json_of({"ls", file, "sessions"}).size() == 2);
  CHECK(json_of({"ls", file, "sessions", "session-1"}).size() == 2);
  CHECK(json_of({"ls", file, "segments"}).size() == 3);
  CHECK(json_of({"ls", file, "segments", "--limit", "1"}).size() == 1);
  CHECK(json_of({"ls", file, "runs"})[0]["head"] == 10);
  CHECK(json_of({"ls", file, "runs", "run-1"})[0]["at_seq"] == 7);
  CHECK(json_of({"ls", file, "streams"}).size() == 2);
  CHECK(json_of({"ls", file, "streams", ""}).size() == 3);
  CHECK(json_of({"ls", file, "streams", "job"})[0]["status"] == "committed");
  CHECK(json_of({"ls", file, "states"})[0]["entries"] == 5);
  CHECK(json_of({"ls", file, "states", "orders"}).size() == 2);
  CHECK(json_of({"ls", file, "pods"}).size() == 2);
  CHECK(json_of({"ls", file, "leases"})[0]["holder"] == "somebody");
}

TEST_CASE("ls of an empty file is an empty array, and no table") {
  test::TemporaryDatabase db;
  for (const char* kind :
       {"traces", "sessions", "segments", "runs", "streams", "states", "pods", "leases"}) {
    CHECK(json_of({"ls", db.file(), kind}) == json::array());
    CHECK(text_of({"ls", db.file(), kind}).empty());
  }
}

TEST_CASE("tables align, numbers to the right") {
  test::TemporaryDatabase db;
  db->runs().append("a", {"{}"});
  for (int i = 0; i < 12; ++i)
    db->runs().append("a-longer-name", {"{}"});
  std::istringstream table(text_of({"ls", db.file(), "runs"}));
  std::string title;
  std::string first;
  std::string second;
  std::getline(table, title);
  std::getline(table, first);
  std::getline(table, second);
  CHECK(title.rfind("RUN            FIRST  HEAD  SNAPSHOTS  CREATED", 0) == 0);
  CHECK(first.rfind("a                  1     1          0  2", 0) == 0);
  CHECK(second.rfind("a-longer-name      1    12          0  2", 0) == 0);
}

TEST_CASE("an id that could move a terminal's cursor is shown escaped, and exact in JSON") {
  test::TemporaryDatabase db;
  const std::string hostile = "t\x1b[2J\n\xc2\x9b\xc3\xa9";
  db->runs().append(hostile, {"{}"});
  const std::string text = text_of({"ls", db.file(), "runs"});
  CHECK(text.find("t\\x1b[2J\\x0a\\xc2\\x9b\xc3\xa9") != std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(json_of({"ls", db.file(), "runs"})[0]["run"] == hostile);
}

TEST_CASE("show of blobs: what is known of them, and with --raw the bytes and nothing else") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const std::string file = db.file();
  CHECK(text_of({"show", file, "checkpoint", "c1", "--raw"}) == "{\"step\":1}");
  CHECK(text_of({"show", file, "checkpoint", "c2", "--raw"}) == test::large_payload(1));
  CHECK(text_of({"show", file, "trace", "trace-1", "--raw"}) == "\x01\x02");
  CHECK(json_of({"show", file, "checkpoint", "c1"})["json"]["step"] == 1);
  CHECK(json_of({"show", file, "checkpoint", "c3"})["base64"] == "AQI=");
  CHECK(json_of({"show", file, "checkpoint", "d1"})["graph_hash"] == "0xffffffffffffffff");
  CHECK(text_of({"show", file, "checkpoint", "c3"}).find("2 bytes that are no text") !=
        std::string::npos);
  CHECK(text_of({"show", file, "checkpoint", "c1"}).find("{\"step\":1}") != std::string::npos);
  CHECK(text_of({"show", file, "snapshot", "run-1", "--raw"}) == test::large_payload(4));
  CHECK(text_of({"show", file, "snapshot", "run-1", "--at", "3", "--raw"}) == "three");
  CHECK(json_of({"show", file, "manifest", "1"})["json"]["epoch"] == 1);
  CHECK(json_of({"show", file, "manifest", "1"})["valid"] == true);
  CHECK(text_of({"show", file, "manifest", "1", "--state", "--raw"}) == "state of 1");
  CHECK(json_of({"show", file, "manifest", "8", "--stream", "job"})["stream"] == "job");
  CHECK(text_of({"show", file, "pod", "pod-1", "--raw"}) == "{\"image\":\"x\"}");
}

TEST_CASE("show of logs: entries as they were given, from either end") {
  test::TemporaryDatabase db;
  test::fill(*db);
  for (int i = 0; i < 600; ++i)
    db->runs().append("long", {"{\"i\":" + std::to_string(i) + "}"});
  const std::string file = db.file();
  CHECK(lines_of({"show", file, "segment", "g1"}).size() == 6);
  const auto tail = lines_of({"show", file, "segment", "g1", "--tail", "2"});
  REQUIRE(tail.size() == 2);
  CHECK(tail[0]["position"] == 4);
  CHECK(tail[0]["json"]["n"] == 4);
  const auto middle = lines_of({"show", file, "segment", "g1", "--from", "1", "-n", "2"});
  REQUIRE(middle.size() == 2);
  CHECK(middle[0]["json"]["n"] == 1);
  CHECK(text_of({"show", file, "segment", "g1", "--from", "2", "--limit", "1", "--raw"}) ==
        "{\"kind\":\"user_input\",\"n\":2}\n");
  CHECK(lines_of({"show", file, "segment", "g1", "--traces"}).size() == 1);
  CHECK(lines_of({"show", file, "segment", "h1"})[0]["base64"] == "AQ==");
  CHECK(lines_of({"show", file, "segment", "g1", "--tail", "0"}).empty());
  CHECK(lines_of({"show", file, "segment", "g1", "--from", "99"}).empty());
  const auto events = lines_of({"show", file, "run", "long"});
  REQUIRE(events.size() == 600);
  for (std::size_t i = 0; i < events.size(); ++i)
    REQUIRE(events[i]["position"] == i + 1);
  CHECK(lines_of({"show", file, "run", "long", "--tail", "300"})[0]["position"] == 301);
  CHECK(lines_of({"show", file, "run", "run-2"}).empty());
}

TEST_CASE("numbers in payloads stay exact in JSON") {
  test::TemporaryDatabase db;
  const std::string entry =
      R"({"big":18446744073709551615,"bigger":123456789012345678901234567890,"tiny":1e-400,"d":1.10})";
  db->sessions().append("s", "g", entry);
  const std::string text = text_of({"show", db.file(), "segment", "g", "--json"});
  CHECK(text.find("\"json\": " + entry + "}") != std::string::npos);
}

TEST_CASE(
    "show state: entries, flat and of partitions, one value, as it was, and the snapshot bytes") {
  test::TemporaryDatabase db;
  test::fill(*db);
  db->state("orders").put(std::string("\x00\xff", 2), "binary key");
  const std::string file = db.file();
  const auto entries = lines_of({"show", file, "state", "orders"});
  REQUIRE(entries.size() == 6);
  CHECK(entries[0]["key"] == "");
  CHECK(entries[1]["key_hex"] == "00ff");
  CHECK(entries[5]["operator"] == "op:1");
  CHECK(entries[5]["partition"] == 2);
  CHECK(entries[5]["subtask"] == 3);
  CHECK(lines_of({"show", file, "state", "orders", "--prefix", "new"}).size() == 1);
  CHECK(lines_of({"show", file, "state", "orders", "--limit", "2"}).size() == 2);
  CHECK(lines_of({"show", file, "state", "orders", "--partition", "op:1:2:3"}).size() == 1);
  CHECK(text_of({"show", file, "state", "orders", "--key", "a", "--raw"}) == "3");
  CHECK(text_of({"show", file, "state", "orders", "--key", "a", "--at", "9", "--raw"}) == "1");
  CHECK(json_of({"show", file, "state", "orders", "--key", "c", "--at", "9"})["json"]["n"] == 1);
  CHECK(text_of(
            {"show", file, "state", "orders", "--key", "a", "--partition", "op:1:2:3", "--raw"}) ==
        "of the partition");
  const Bytes snapshot = db->state("orders").export_snapshot(9, true);
  CHECK(text_of({"show", file, "state", "orders", "--at", "9", "--raw"}) ==
        std::string(as_text(snapshot)));
  CHECK(text_of({"show", file, "state", "orders"}).find("op:1:2:3:a  of the partition") !=
        std::string::npos);
}
