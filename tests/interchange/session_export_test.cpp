// Session folders, out: byte for byte what came in, and what came from elsewhere.
#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"
#include "interchange/import_support.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/source_files.hpp"
#include "support/temporary_database.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace holdfast {

namespace {

using test::Files;
using test::SourceFiles;
using test::TemporaryDatabase;
using test::TemporaryFolder;

const std::string kSession = "019b76da-a800-7000-8000-0000000000a1";
const std::string kFirst = "019b76da-a800-7000-8000-000000000001";
const std::string kSecond = "019b7c01-0400-7000-8000-000000000002";

Files exported(const Database& db, const ExportOptions& options = {}) {
  const TemporaryFolder folder;
  export_to(db, folder.file("out"), options);
  return test::read_files(folder.file("out"));
}

}  // namespace

TEST_CASE("a folder that was accepted whole is exported byte for byte") {
  TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  const Files files = {
      {kSession + "/" + kFirst + ".jsonl", "{\"a\":1}\n{\"a\":2}\n"},
      {kSession + "/" + kFirst + ".trace.jsonl", "{\"t\":1}\n\n{\"t\":2}"},
      {"only/" + kSecond + ".trace.jsonl", "\xef\xbb\xbf{\"t\":1}\n"},
      {"top.jsonl", R"({"no":"end"})"},
      {"crlf.ndjson", "{\"a\":1}\r\n\r\n{\"a\":2}\r\n"},
      {"blank/lines.jsonl", "\n \n{\"a\":1}\n\n\n\t\n{\"a\":2}\n\n  "},
      {"blank/only.jsonl", "\n\n"},
      {"blank/nothing.jsonl", ""},
      {"blank/mark.jsonl", "\xef\xbb\xbf"},
      {"mark.jsonl", "\xef\xbb\xbf\n{\"a\":1}\r"},
      {"pods/worker/metadata.json", "{\n  \"kind\": \"worker\"\n}\n"},
      {"x/session/session.json", "{\"schema_version\":3,\"session_id\":\"x-1\"}\n"},
      {"x/session/segments/a.jsonl", "{\"kind\":\"annotated_segment_start\"}\n"},
      {"x/session/segments/b.jsonl", "{\"kind\":\"annotated_segment_start\"}\n"},
  };
  const SourceFiles source(files);
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  REQUIRE(report.findings.empty());
  CHECK(exported(*db) == files);
  const TemporaryFolder folder;
  const ExportReport written = export_to(*db, folder.file("out"));
  CHECK(written.files == files.size());
  CHECK(written.records == report.records + report.trace_records);
  CHECK(written.records_left_out == 0);
}

TEST_CASE("every way to leave the lines of a file is exported as it was") {
  test::Random random;
  INFO(random);
  const std::vector<std::string> pieces = {"{\"a\":1}", "[]", " ", "\t", "\r", "\n", "\n", "\n"};
  for (int round = 0; round < 100; ++round) {
    std::string text = random.one_in(4) ? "\xef\xbb\xbf" : "";
    for (std::size_t piece = random.below(30); piece > 0; --piece)
      text += random.pick(pieces);
    const SourceFiles source(Files{{"s/a.jsonl", text}});
    TemporaryDatabase db(test::Ground::memory);
    const ImportReport report = import_from(*db, source.path());
    // Two values on a line are no record; such a file is not whole.
    if (!report.findings.empty()) continue;
    CAPTURE(round, text);
    REQUIRE(exported(*db) == Files{{"s/a.jsonl", text}});
  }
}

TEST_CASE("of a file that was not accepted whole every accepted record is exported") {
  TemporaryDatabase db;
  const SourceFiles source(
      Files{{"s/a.jsonl", "{\"a\":1}\nnonsense\n\n{\"a\":2}\n{\"a\":3}\n{\"torn\":"}});
  import_from(*db, source.path());
  CHECK(exported(*db) == Files{{"s/a.jsonl", "{\"a\":1}\n\n{\"a\":2}\n{\"a\":3}\n"}});
}

TEST_CASE("records that came after the import are exported, too") {
  TemporaryDatabase db;
  const SourceFiles source(Files{{"s/a.jsonl", "\xef\xbb\xbf{\"a\":1}\n\n{\"a\":2}"}});
  import_from(*db, source.path());
  db->sessions().append("s", "s/a.jsonl", R"({"a":3})");
  CHECK(exported(*db).at("s/a.jsonl") == "\xef\xbb\xbf{\"a\":1}\n\n{\"a\":2}\n{\"a\":3}\n");
  db->sessions().truncate("s", "s/a.jsonl", 1);
  CHECK(exported(*db).at("s/a.jsonl") == "\xef\xbb\xbf{\"a\":1}\n\n");
}

TEST_CASE("what the program wrote is exported under its ids, and imported again as it was") {
  TemporaryDatabase db;
  SessionStore sessions = db->sessions();
  sessions.append(kSession, kFirst, R"({"a":1})");
  sessions.append_trace(kSession, kFirst, R"({"t":1})");
  sessions.create_segment(kSession, kSecond);
  sessions.pods().write("worker", "{}");
  const Files files = exported(*db);
  CHECK(files == Files{{kSession + "/" + kFirst + ".jsonl", "{\"a\":1}\n"},
                       {kSession + "/" + kFirst + ".trace.jsonl", "{\"t\":1}\n"},
                       {kSession + "/" + kSecond + ".jsonl", ""},
                       {"pods/worker/metadata.json", "{}"}});
  const SourceFiles source(files);
  TemporaryDatabase other;
  CHECK(import_from(*other, source.path()).findings.empty());
  CHECK(other->sessions().list_sessions() == sessions.list_sessions());
  CHECK(test::entries(*other, kFirst) == test::entries(*db, kFirst));
  CHECK(exported(*other) == files);
}

TEST_CASE("no id leads out of the folder, and no two ids share a file") {
  TemporaryDatabase db;
  SessionStore sessions = db->sessions();
  const std::string longest(1024, 'x');
  std::string controls;
  for (int i = 0; i < 1024; ++i)
    controls += '\x01';
  const std::vector<std::pair<std::string, std::string>> names = {
      {"..", ".."},
      {"../..", "../../etc"},
      {"/etc", "/etc/passwd"},
      {"a//b", "a//b"},
      {".", ".hidden"},
      {"a", "a%2Fb"},
      {"a", "a/b"},
      {"A/b", "C\\d:e"},
      {longest, longest},
      {longest, longest.substr(1) + "y"},
      {controls, controls},
      {"a", "a.jsonl"},
      {"a", "a"},
      {"a.jsonl", "b"},
      {"a", "é\n"},
  };
  const std::size_t segments = names.size();
  for (std::size_t i = 0; i < segments; ++i) {
    sessions.append(names[i].first, names[i].second, "\"" + std::to_string(i) + "\"");
  }
  sessions.pods().write("...", "{}");
  const TemporaryFolder folder;
  const std::string target = folder.file("deep/out");
  const ExportReport report = export_to(*db, target);
  CHECK(report.files == segments + 1);
  const Files files = test::read_files(target);
  CHECK(files.size() == segments + 1);
  // Nothing beside it.
  CHECK(test::read_files(folder.path()).size() == segments + 1);
  std::string all;
  for (const auto& [path, bytes] : files)
    all += bytes;
  for (std::size_t i = 0; i < segments; ++i) {
    CHECK(all.find("\"" + std::to_string(i) + "\"\n") != std::string::npos);
  }
}

TEST_CASE("metadata that somebody wrote leads nowhere") {
  TemporaryDatabase db;
  const auto note = [&](const std::string& segment, const std::string& metadata) {
    db->sessions().append("s", segment, "{}");
    db->sessions().set_metadata("s", segment, metadata);
  };
  note("1", R"({"source":{"file":"../../outside.jsonl"}})");
  note("2", R"({"source":{"file":"/tmp/outside.jsonl"}})");
  note("3", R"({"source":{"file":"a/../../outside.jsonl","records":1,"unterminated":true}})");
  note("4", R"({"source":{"file":".bashrc"}})");
  note("5",
       R"({"source":{"file":"same.jsonl"},"session_file":{"file":"../session.json","text":"x"}})");
  note("6", R"({"source":{"file":"same.jsonl"},"session_file":{"file":"x/.profile","text":"x"}})");
  note("7", R"({"source":{"file":7,"blanks":[[0,"{\"forged\":1}\n"],[0],"x",[-1,"\n"]]}})");
  note("8", R"({"source":[]})");
  note("9", R"([1,2])");
  CHECK(exported(*db) == Files{{"s/1.jsonl", "{}\n"},
                               {"s/2.jsonl", "{}\n"},
                               {"s/3.jsonl", "{}"},
                               {"s/4.jsonl", "{}\n"},
                               {"same.jsonl", "{}\n"},
                               {"s/5.jsonl", "{}\n"},
                               {"s/7.jsonl", "{}\n"},
                               {"s/8.jsonl", "{}\n"},
                               {"s/9.jsonl", "{}\n"}});
}

TEST_CASE("an import keeps what a program has in a segment's metadata") {
  TemporaryDatabase db;
  const std::string theirs = R"({"title":"mine","z":1,"a":[1.50]})";
  SegmentOptions options;
  options.metadata = theirs;
  db->sessions().create_segment("s", "s/a.jsonl", {"{\"a\":1}"}, options);
  db->sessions().create_segment("s", "s/b.jsonl", {"{\"a\":1}"});
  db->sessions().set_metadata("s", "s/b.jsonl", "[\"not an object\"]");
  const SourceFiles source({{"s/a.jsonl", "{\"a\":1}\n{\"a\":2}"}, {"s/b.jsonl", "{\"a\":1}"}});
  CHECK(import_from(*db, source.path()).findings.empty());
  const std::string metadata = db->sessions().info("s/a.jsonl")->metadata;
  CHECK(metadata.starts_with(R"({"title":"mine","z":1,"a":[1.5],"source":{)"));
  CHECK(db->sessions().info("s/b.jsonl")->metadata == "[\"not an object\"]");
  CHECK(exported(*db).at("s/a.jsonl") == "{\"a\":1}\n{\"a\":2}");
}

TEST_CASE("a file that is mostly blank is exported with every record") {
  TemporaryDatabase db;
  std::string text;
  for (int i = 0; i < 5000; ++i)
    text += "\n\n{\"n\":" + std::to_string(i) + "}\n";
  const SourceFiles source(Files{{"s/a.jsonl", text}});
  const ImportReport report = import_from(*db, source.path());
  CHECK(report.findings.size() == 1);
  CHECK(report.records == 5000);
  CHECK(test::added_nothing(import_from(*db, source.path())));
  const Files files = exported(*db);
  TemporaryDatabase other;
  const SourceFiles again(files);
  CHECK(import_from(*other, again.path()).records == 5000);
  CHECK(test::entries(*other, "s/a.jsonl") == test::entries(*db, "s/a.jsonl"));
}

TEST_CASE("a file that is there already is refused before anything is written") {
  TemporaryDatabase db;
  db->sessions().append("a", "1", "{}");
  db->sessions().append("b", "2", "{}");
  const TemporaryFolder folder;
  namespace fs = std::filesystem;
  SECTION("a file") {
    test::write_file(folder.file("out/a/1.jsonl"), "theirs");
  }
  SECTION("a link to nowhere") {
    fs::create_directories(folder.file("out/a"));
    fs::create_symlink("/nowhere", folder.file("out/a/1.jsonl"));
  }
  SECTION("a link in place of a folder") {
    fs::create_directories(folder.file("out"));
    fs::create_directories(folder.file("elsewhere"));
    fs::create_directory_symlink(folder.file("elsewhere"), folder.file("out/a"));
  }
  SECTION("a file in place of a folder") {
    test::write_file(folder.file("out/a"), "theirs");
  }
  SECTION("a file in place of the target") {
    test::write_file(folder.file("out"), "theirs");
  }
  const Files before = test::read_files(folder.path());
  test::require_error(ErrorCode::already_exists, [&] { export_to(*db, folder.file("out")); });
  CHECK(test::read_files(folder.path()) == before);
}

TEST_CASE("an export adds to a folder that holds other files") {
  TemporaryDatabase db;
  db->sessions().append("a", "1", "{}");
  const TemporaryFolder folder;
  test::write_file(folder.file("a/other.jsonl"), "theirs");
  export_to(*db, folder.path());
  CHECK(test::read_files(folder.path()) ==
        Files{{"a/1.jsonl", "{}\n"}, {"a/other.jsonl", "theirs"}});
}

TEST_CASE("an export can be of some sessions, and be stopped") {
  TemporaryDatabase db;
  db->sessions().append("a", "1", "{}");
  db->sessions().append("b", "2", "{}");
  db->sessions().pods().write("p", "{}");
  ExportOptions options;
  options.sessions = {"b"};
  CHECK(exported(*db, options) == Files{{"b/2.jsonl", "{}\n"}});
  options.sessions = {"b", "missing"};
  const ErrorDetail detail =
      test::require_error(ErrorCode::not_found, [&] { exported(*db, options); });
  CHECK(detail.id == "missing");
  options.sessions = {};
  int calls = 0;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    CHECK(total == 6);
    CHECK(done <= total);
    return ++calls < 2;
  };
  const TemporaryFolder folder;
  const ExportReport report = export_to(*db, folder.file("out"), options);
  CHECK(report.stopped);
  CHECK(report.files == 1);
  CHECK(test::read_files(folder.file("out")).size() == 1);
}

TEST_CASE("entries of another codec are left out, and counted") {
  TemporaryDatabase db;
  AppendOptions opaque;
  opaque.codec = "raw";
  db->sessions().append("a", "1", "{}");
  db->sessions().append("a", "1", "any\nbytes", opaque);
  db->sessions().append("a", "1", "[]");
  const TemporaryFolder folder;
  const ExportReport report = export_to(*db, folder.file("out"));
  CHECK(report.records == 2);
  CHECK(report.records_left_out == 1);
  CHECK(test::read_files(folder.file("out")) == Files{{"a/1.jsonl", "{}\n[]\n"}});
}

TEST_CASE("an export needs a format and a layout that there are") {
  TemporaryDatabase db;
  const TemporaryFolder folder;
  ExportOptions options;
  options.format = SourceFormat::automatic;
  test::require_error(ErrorCode::invalid_argument,
                      [&] { export_to(*db, folder.file("out"), options); });
  options.format = SourceFormat::manifest_directory;
  options.manifest_layout = 3;
  test::require_error(ErrorCode::invalid_argument,
                      [&] { export_to(*db, folder.file("out"), options); });
  CHECK(test::read_files(folder.path()).empty());
}

}  // namespace holdfast
