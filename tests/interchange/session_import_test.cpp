// Session folders, in: layouts, names, order, and importing again.
#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"
#include "interchange/import_support.hpp"
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/require_error.hpp"
#include "support/source_files.hpp"
#include "support/temporary_database.hpp"

#include <array>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>
#include <fcntl.h>
#include <sys/stat.h>

namespace holdfast {

namespace {

using test::entries;
using test::FindingKind;
using test::has;
using test::SourceFiles;
using test::TemporaryDatabase;
using Texts = std::vector<std::string>;

// Version 7, from 2026-01-01 to 2026-01-03.
const std::string kSession = "019b76da-a800-7000-8000-0000000000a1";
const std::string kFirst = "019b76da-a800-7000-8000-000000000001";
const std::string kSecond = "019b7c01-0400-7000-8000-000000000002";
const std::string kThird = "019b8127-6000-7000-8000-000000000003";

test::Ground any_ground() {
  return GENERATE(test::Ground::file, test::Ground::memory);
}

}  // namespace

TEST_CASE("a folder of sessions is imported with segments, traces and pods") {
  TemporaryDatabase db(any_ground());
  const std::string path = kSession + "/" + kFirst;
  const SourceFiles source({
      {path + ".jsonl", "{\"kind\":\"segment_start\",\"ts\":1}\n{\"kind\":\"invoke\",\"ts\":2}\n"},
      {path + ".trace.jsonl", "{\"t\":1}\n{\"t\":2}\n{\"t\":3}\n"},
      {"pods/worker/metadata.json", "{\n  \"name\": \"worker\"\n}\n"},
      {"pods/notes.txt", "not of this format"},
  });
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(report.findings.empty());
  CHECK(report.format == SourceFormat::session_folder);
  CHECK(report.files == 3);
  CHECK(report.files_skipped == 1);
  CHECK(report.sessions == 1);
  CHECK(report.segments == 1);
  CHECK(report.records == 2);
  CHECK(report.trace_records == 3);
  CHECK(report.pods == 1);
  CHECK(db->sessions().list_sessions() == Texts{kSession});
  CHECK(db->sessions().lookup_session_of(kFirst) == kSession);
  CHECK(entries(*db, kFirst) ==
        Texts{R"({"kind":"segment_start","ts":1})", R"({"kind":"invoke","ts":2})"});
  CHECK(test::trace(*db, kFirst) == Texts{R"({"t":1})", R"({"t":2})", R"({"t":3})"});
  CHECK(db->sessions().pods().read_by_name("worker") == "{\n  \"name\": \"worker\"\n}\n");
}

TEST_CASE("importing again adds nothing") {
  TemporaryDatabase db(any_ground());
  const SourceFiles source({
      {"s/" + kFirst + ".jsonl", "{\"a\":1}\n\n  {\"a\":2}\r\n{\"a\":3}"},
      {"s/" + kFirst + ".trace.jsonl", "{\"t\":1}\n"},
      {"s/empty.jsonl", ""},
      {"s/bad.jsonl", "{\"a\":1}\nnonsense\n{\"a\":2}\n"},
      {"pods/p/metadata.json", "{}"},
  });
  const ImportReport first = import_from(*db, source.path());
  CHECK(first.records == 5);
  CHECK(first.segments == 3);
  const auto before = db->sessions().info("s/bad.jsonl");
  const ImportReport again = import_from(*db, source.path());
  INFO(test::to_text(again));
  CHECK(test::added_nothing(again));
  CHECK(again.files_unchanged == 5);
  CHECK(again.findings.size() == first.findings.size());
  CHECK(db->sessions().info("s/bad.jsonl")->metadata == before->metadata);
}

TEST_CASE("a file that is longer with the same beginning appends") {
  TemporaryDatabase db(any_ground());
  SourceFiles source({{"s/" + kFirst + ".jsonl", "{\"a\":1}\n{\"a\":2}"},
                      {"s/" + kFirst + ".trace.jsonl", "{\"t\":1}\n"}});
  import_from(*db, source.path());
  source.add({{"s/" + kFirst + ".jsonl", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"},
              {"s/" + kFirst + ".trace.jsonl", "{\"t\":1}\n{\"t\":2}\n"}});
  const ImportReport report = import_from(*db, source.path());
  CHECK(report.findings.empty());
  CHECK(report.segments == 0);
  CHECK(report.sessions == 0);
  CHECK(report.records == 1);
  CHECK(report.trace_records == 1);
  CHECK(entries(*db, kFirst) == Texts{R"({"a":1})", R"({"a":2})", R"({"a":3})"});
  CHECK(test::added_nothing(import_from(*db, source.path())));
}

TEST_CASE("a file that differs is a conflict, and the rest goes on") {
  TemporaryDatabase db(any_ground());
  SourceFiles source({{"s/a.jsonl", "{\"a\":1}\n{\"a\":2}\n"},
                      {"s/b.jsonl", "{\"b\":1}\n{\"b\":2}\n"},
                      {"s/c.jsonl", "{\"c\":1}\n"},
                      {"pods/p/metadata.json", "{}"}});
  import_from(*db, source.path());
  source.add({{"s/a.jsonl", "{\"a\":1}\n{\"a\":3}\n{\"a\":4}\n"},  // differs in the middle
              {"s/b.jsonl", "{\"b\":1}\n"},                        // shorter
              {"s/c.jsonl", "{\"c\":1}\n{\"c\":2}\n"},
              {"pods/p/metadata.json", "[]"}});
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(report.findings.size() == 3);
  CHECK(has(report, FindingKind::conflict, "s/a.jsonl", 2));
  CHECK(has(report, FindingKind::conflict, "s/b.jsonl", 0));
  CHECK(has(report, FindingKind::conflict, "pods/p/metadata.json", 0));
  CHECK(report.records == 1);
  CHECK(entries(*db, "s/a.jsonl") == Texts{R"({"a":1})", R"({"a":2})"});
  CHECK(entries(*db, "s/b.jsonl").size() == 2);
  CHECK(entries(*db, "s/c.jsonl").size() == 2);
  CHECK(db->sessions().pods().read_by_name("p") == "{}");
}

TEST_CASE("a segment that another session owns is a conflict") {
  TemporaryDatabase db(any_ground());
  db->sessions().append("elsewhere", kFirst, R"({"a":1})");
  const SourceFiles source({{"s/" + kFirst + ".jsonl", "{\"a\":1}\n"},
                            {"t/" + kSecond + ".jsonl", "{\"a\":1}\n"},
                            {"u/" + kSecond + ".jsonl", "{\"a\":1}\n"}});
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(has(report, FindingKind::conflict, "s/" + kFirst + ".jsonl", 0));
  CHECK(has(report, FindingKind::conflict, "u/" + kSecond + ".jsonl", 0));
  CHECK(report.segments == 1);
  CHECK(db->sessions().lookup_session_of(kFirst) == "elsewhere");
  CHECK(db->sessions().lookup_session_of(kSecond) == "t");
}

TEST_CASE("a segment that the program has written goes on from a file that begins with it") {
  TemporaryDatabase db;
  db->sessions().append("s", kFirst, R"({"a":1})");
  const SourceFiles source({{"s/" + kFirst + ".jsonl", "{\"a\":1}\n{\"a\":2}\n"}});
  CHECK(import_from(*db, source.path()).records == 1);
  db->sessions().append("s", kFirst, R"({"a":3})");
  const ImportReport report = import_from(*db, source.path());
  CHECK(has(report, FindingKind::conflict, "s/" + kFirst + ".jsonl", 0));
  CHECK(entries(*db, kFirst).size() == 3);
}

TEST_CASE("other programs' folders: ids come from names and paths") {
  TemporaryDatabase db(any_ground());
  const SourceFiles source({
      {"top.jsonl", "{\"type\":\"user\"}\n"},
      {kFirst + ".jsonl", "{\"type\":\"user\"}\n"},
      {"project/deep/log.ndjson", "{\"type\":\"user\"}\n"},
      {"project/" + kSecond + ".jsonl", "{\"type\":\"user\"}\n"},
      {"project/build.trace.jsonl", "{\"no\":\"log beside it\"}\n"},
      {"project/.jsonl", "{}\n"},
      {"README.md", "# nothing"},
  });
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(report.findings.empty());
  CHECK(report.files_skipped == 2);
  const auto owner = [&](const std::string& segment) {
    return db->sessions().lookup_session_of(segment);
  };
  CHECK(owner("top.jsonl") == "source");
  CHECK(owner(kFirst) == "source");
  CHECK(owner("project/deep/log.ndjson") == "project/deep");
  CHECK(owner(kSecond) == "project");
  CHECK(owner("project/build.trace.jsonl") == "project");
}

TEST_CASE("the session can be a field of the records") {
  TemporaryDatabase db(any_ground());
  const SourceFiles source({
      {"a/1.jsonl", "{\"type\":\"summary\"}\n{\"sessionId\":\"one\"}\n{\"sessionId\":\"two\"}\n"},
      {"a/2.jsonl", "{\"sessionId\":\"\"}\n{\"sessionId\":7}\n{\"sessionId\":\"\\u00e9\"}\n"},
      {"a/3.jsonl", "{\"deep\":{\"sessionId\":\"no\"}}\n"},
  });
  ImportOptions options;
  SECTION("by its name at the top level") {
    options.session_field = "sessionId";
    CHECK(import_from(*db, source.path(), options).findings.empty());
    CHECK(db->sessions().lookup_session_of("a/1.jsonl") == "one");
    CHECK(db->sessions().lookup_session_of("a/2.jsonl") == "é");
    CHECK(db->sessions().lookup_session_of("a/3.jsonl") == "a");
  }
  SECTION("by a JSON pointer") {
    options.session_field = "/deep/sessionId";
    CHECK(import_from(*db, source.path(), options).findings.empty());
    CHECK(db->sessions().lookup_session_of("a/1.jsonl") == "a");
    CHECK(db->sessions().lookup_session_of("a/3.jsonl") == "no");
  }
}

TEST_CASE("a session.json names the session of the segments beside it") {
  TemporaryDatabase db(any_ground());
  const std::string json = R"({"schema_version": 3, "session_id": ")" + kSession + "\"}\n";
  const SourceFiles source({
      {"session/session.json", json},
      {"session/segments/" + kFirst + ".jsonl", "{\"kind\":\"annotated_segment_start\"}\n"},
      {"session/segments/" + kFirst + ".trace.jsonl", "{}\n"},
      {"other/session.json", "{\"session_id\": 3}"},
      {"other/segments/" + kSecond + ".jsonl", "{}\n"},
      {"alone/segments/" + kThird + ".jsonl", "{}\n"},
  });
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(report.findings.size() == 1);
  CHECK(has(report, FindingKind::bad_record, "other/session.json", 0));
  CHECK(report.files_skipped == 0);
  CHECK(db->sessions().lookup_session_of(kFirst) == kSession);
  CHECK(test::trace(*db, kFirst).size() == 1);
  CHECK(db->sessions().lookup_session_of(kSecond) == "other/segments");
  CHECK(db->sessions().lookup_session_of(kThird) == "alone/segments");
}

TEST_CASE("most recent first: by the id, else by the first time stamp, else by the file") {
  TemporaryDatabase db(any_ground());
  const SourceFiles source({
      // 2026-01-02T00:00:00Z; its own time stamps do not count.
      {"s/" + kSecond + ".jsonl", "{\"ts\":1}\n"},
      {"s/newest.jsonl", "{\"type\":\"summary\"}\n{\"timestamp\":\"2026-01-02T12:00:00.000Z\"}\n"},
      {"s/oldest.jsonl", "{\"ts\":1767225600000}\n{\"ts\":1999999999999}\n"},
      {"s/file.jsonl", "{}\n"},
  });
  const std::array<timespec, 2> times = {{{1'000'000'000, 0}, {1'000'000'000, 5000}}};
  REQUIRE(utimensat(AT_FDCWD, source.file("s/file.jsonl").c_str(), times.data(), 0) == 0);
  import_from(*db, source.path());
  CHECK(db->sessions().list_segments("s") ==
        Texts{"s/newest.jsonl", kSecond, "s/oldest.jsonl", "s/file.jsonl"});
  CHECK(db->sessions().info(kSecond)->created_at_us == 1'767'312'000'000'000);
  CHECK(db->sessions().info("s/oldest.jsonl")->created_at_us == 1'767'225'600'000'000);
  CHECK(db->sessions().info("s/file.jsonl")->created_at_us == 1'000'000'000'000'005);
}

TEST_CASE("a trace without its log is kept, too") {
  TemporaryDatabase db(any_ground());
  const SourceFiles source({{"s/" + kFirst + ".trace.jsonl", "{\"t\":1}\n"}});
  const ImportReport report = import_from(*db, source.path());
  CHECK(report.segments == 1);
  CHECK(report.records == 0);
  CHECK(report.trace_records == 1);
  CHECK(db->sessions().read_entry_count("s", kFirst) == 0);
  CHECK(test::trace(*db, kFirst) == Texts{R"({"t":1})"});
  CHECK(test::added_nothing(import_from(*db, source.path())));
}

TEST_CASE("one file can be imported, too") {
  TemporaryDatabase db;
  const SourceFiles source({{"a.jsonl", "{\"a\":1}\n"}, {"b.jsonl", "{\"b\":1}\n"}});
  const ImportReport report = import_from(*db, source.file("a.jsonl"));
  CHECK(report.segments == 1);
  CHECK(db->sessions().lookup_session_of("a.jsonl") == "source");
  // The folder, later, is the same session.
  CHECK(import_from(*db, source.path()).segments == 1);
}

TEST_CASE("many small files and a large one are imported in bounded transactions") {
  TemporaryDatabase db;
  test::Files files;
  for (int i = 0; i < 600; ++i)
    files["s/" + std::to_string(i) + ".jsonl"] = "{\"a\":1}\n";
  std::string large;
  for (int i = 0; i < 3000; ++i) {
    large += R"({"n":)" + std::to_string(i) + R"(,"x":")" + std::string(4000, 'x') + "\"}\n";
  }
  files["t/large.jsonl"] = large;
  const SourceFiles source(files);
  const auto before = db->statistics().commits;
  const ImportReport report = import_from(*db, source.path());
  const auto commits = db->statistics().commits - before;
  CHECK(report.segments == 601);
  CHECK(report.records == 3600);
  // 256 small files share a commit; the large one has 12 MB, in transactions of 4 MiB.
  CHECK(commits >= 5);
  CHECK(commits <= 8);
  CHECK(test::added_nothing(import_from(*db, source.path())));
}

TEST_CASE("a killed import goes on when it is run again, wherever it was killed") {
  std::string large;
  for (int i = 0; i < 700; ++i) {
    large += R"({"n":)" + std::to_string(i) + R"(,"x":")" + std::string(8000, 'x') + "\"}\n";
    if (i % 50 == 0) large += "\n";
  }
  const test::Files files = {{"s/a.jsonl", "{\"a\":1}"},
                             {"s/large.jsonl", large},
                             {"s/large.trace.jsonl", "{\"t\":1}\n{\"t\":2}"},
                             {"t/b.jsonl", "{\"b\":1}\n"},
                             {"pods/p/metadata.json", "{}"}};
  const SourceFiles source(files);
  // The database asks for the time in each of its writes: there the process ends, later each time.
  std::uint64_t kills = 0;
  for (std::uint64_t calls = 1;; calls += 1 + calls / 2) {
    const test::TemporaryFolder folder;
    const std::string path = folder.file("test.holdfast");
    test::ChildProcess child([&] {
      OpenOptions options;
      std::uint64_t left = calls;
      options.clock = [&]() -> std::int64_t {
        if (left-- == 0) raise(SIGKILL);
        return 1'767'225'600'000'000;
      };
      Database db = Database::open(path, options);
      import_from(db, source.path());
      return 0;
    });
    const bool killed = child.run_to_end() != 0;
    kills += killed ? 1 : 0;
    Database db = Database::open(path);
    CAPTURE(calls);
    CHECK(import_from(db, source.path()).findings.empty());
    export_to(db, folder.file("out"));
    CHECK(test::read_files(folder.file("out")) == files);
    CHECK(test::added_nothing(import_from(db, source.path())));
    if (!killed) break;
  }
  CHECK(kills > 3);
}

TEST_CASE("the progress function sees the work, and stops it before the next file") {
  TemporaryDatabase db;
  const SourceFiles source(
      {{"s/a.jsonl", "{\"a\":1}\n"}, {"s/b.jsonl", "{\"b\":1}\n"}, {"s/c.jsonl", "{\"c\":1}\n"}});
  ImportOptions options;
  std::vector<std::uint64_t> seen;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    CHECK(total == 24);
    seen.push_back(done);
    return done < 16;
  };
  const ImportReport stopped = import_from(*db, source.path(), options);
  CHECK(seen == std::vector<std::uint64_t>{0, 8, 16});
  CHECK(stopped.stopped);
  CHECK(stopped.files == 2);
  CHECK(stopped.records == 2);
  // Running it again goes on.
  const ImportReport rest = import_from(*db, source.path());
  CHECK_FALSE(rest.stopped);
  CHECK(rest.files_unchanged == 2);
  CHECK(rest.records == 1);
}

TEST_CASE("an import inside a transaction is undone with it") {
  TemporaryDatabase db(any_ground());
  const SourceFiles source(test::Files{{"s/a.jsonl", "{\"a\":1}\n"}});
  struct Undo {};
  CHECK_THROWS_AS(db->transact([&] {
    CHECK(import_from(*db, source.path()).records == 1);
    throw Undo();
  }),
                  Undo);
  CHECK(db->sessions().list_sessions().empty());
  CHECK(import_from(*db, source.path()).records == 1);
}

TEST_CASE("a source that is not there, or not recognised, is refused") {
  TemporaryDatabase db;
  const SourceFiles nothing(test::Files{{"README.md", "# nothing"}});
  const SourceFiles both({{"s/a.jsonl", "{}\n"}, {"manifests/manifest-000001.json", "{}"}});
  test::require_error(ErrorCode::not_found, [&] { import_from(*db, nothing.file("missing")); });
  test::require_error(ErrorCode::not_found,
                      [&] { import_from(*db, nothing.file("README.md/inside")); });
  test::require_error(ErrorCode::invalid_argument, [&] { import_from(*db, nothing.path()); });
  test::require_error(ErrorCode::invalid_argument,
                      [&] { import_from(*db, nothing.file("README.md")); });
  test::require_error(ErrorCode::invalid_argument, [&] { import_from(*db, both.path()); });
  ImportOptions sessions;
  sessions.format = SourceFormat::session_folder;
  CHECK(import_from(*db, both.path(), sessions).records == 1);
  CHECK(import_from(*db, nothing.path(), sessions).files_skipped == 1);
}

}  // namespace holdfast
