// What is a record, what is not, and that every good one is taken.
#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"
#include "interchange/import_support.hpp"
#include "interchange/jsonl_file.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/source_files.hpp"
#include "support/temporary_database.hpp"

#include <filesystem>
#include <string>
#include <vector>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast {

namespace {

using test::entries;
using test::FindingKind;
using test::has;
using test::SourceFiles;
using test::TemporaryDatabase;
using Texts = std::vector<std::string>;

SourceFiles one_file(const std::string& bytes) {
  return SourceFiles(test::Files{{"s/a.jsonl", bytes}});
}

const std::string kFile = "s/a.jsonl";

}  // namespace

TEST_CASE("lines are split where a line feed stands, however the file is read") {
  // Longer than what is read at a time, and ending just before, at and after its border.
  const std::size_t chunk = std::size_t{1} << 18U;
  const std::size_t length = GENERATE_COPY(chunk - 2, chunk - 1, chunk, chunk + 1, 3 * chunk);
  const std::string first(length, 'a');
  const SourceFiles source = one_file(first + "\n\nb\n" + "c");
  interchange::JsonlFile file(source.file(kFile), 4 * chunk);
  const auto a = file.next();
  REQUIRE(a);
  CHECK(a->number == 1);
  CHECK(a->text == first);
  CHECK(a->terminated);
  const auto blank = file.next();
  REQUIRE(blank);
  CHECK(blank->text.empty());
  CHECK(blank->terminated);
  CHECK(file.next()->text == "b");
  const auto last = file.next();
  REQUIRE(last);
  CHECK(last->number == 4);
  CHECK(last->text == "c");
  CHECK_FALSE(last->terminated);
  CHECK_FALSE(file.next());
  CHECK_FALSE(file.next());
}

TEST_CASE("a line beyond the limit is counted, not kept") {
  const std::string text = std::string(1000, 'x') + "\nshort\n" + std::string(1'000'000, 'y') +
                           "\n12345678901\n1234567890\n" + std::string(600'000, 'z');
  const SourceFiles source = one_file(text);
  interchange::JsonlFile file(source.file(kFile), 10);
  Texts seen;
  while (const auto line = file.next()) {
    CHECK(line->number == seen.size() + 1);
    seen.push_back(line->too_long ? "-" : std::string(line->text));
  }
  CHECK(seen == Texts{"-", "short", "-", "-", "1234567890", "-"});
}

TEST_CASE("an unterminated last line is a record if it is JSON, else a torn tail") {
  TemporaryDatabase db;
  SECTION("JSON") {
    const SourceFiles source = one_file("{\"a\":1}\n{\"a\":2}");
    CHECK(import_from(*db, source.path()).findings.empty());
    CHECK(entries(*db, kFile) == Texts{R"({"a":1})", R"({"a":2})"});
  }
  SECTION("torn, and whole later") {
    SourceFiles source = one_file("{\"a\":1}\n{\"a\":");
    const ImportReport report = import_from(*db, source.path());
    CHECK(report.findings.size() == 1);
    CHECK(has(report, FindingKind::torn_tail, kFile, 2));
    CHECK(entries(*db, kFile) == Texts{R"({"a":1})"});
    source.add({{kFile, "{\"a\":1}\n{\"a\":2}\n"}});
    CHECK(import_from(*db, source.path()).records == 1);
    CHECK(entries(*db, kFile).size() == 2);
  }
  SECTION("zeros, as a crash leaves them") {
    const SourceFiles source = one_file("{\"a\":1}\n" + std::string(4096, '\0'));
    CHECK(has(import_from(*db, source.path()), FindingKind::torn_tail, kFile, 2));
    CHECK(entries(*db, kFile).size() == 1);
  }
  SECTION("every way to cut a file") {
    const std::string whole = "{\"a\":[1,\"\\\"\",null]}\n\n17\n\"text \\u00e9 é\"\n[true]\n";
    for (std::size_t length = 0; length <= whole.size(); ++length) {
      TemporaryDatabase fresh(test::Ground::memory);
      const SourceFiles source = one_file(whole.substr(0, length));
      const ImportReport report = import_from(*fresh, source.path());
      CAPTURE(length, test::to_text(report));
      // At most the last line is lost, and then it is reported.
      CHECK(report.findings.size() <= 1);
      CHECK(test::count(report, FindingKind::torn_tail) == report.findings.size());
      std::string text;
      for (const std::string& entry : entries(*fresh, kFile))
        text += entry + "\n";
      std::string expected;
      for (const char* line : {R"({"a":[1,"\"",null]})", "17", R"("text \u00e9 é")", "[true]"}) {
        const std::size_t end = whole.find(line) + std::string(line).size();
        if (end <= length) expected += std::string(line) + "\n";
      }
      // A number cut in two is a number, and nothing can tell.
      if (length == whole.find("17") + 1) expected += "1\n";
      CHECK(text == expected);
    }
  }
}

TEST_CASE("a bad line is reported with file, line and reason, and every other record is imported") {
  TemporaryDatabase db;
  const SourceFiles source = one_file(
      "{\"a\":1}\n"
      "{\"a\":2}{\"a\":3}\n"
      "\n"
      "not json\n"
      "{\"a\":4}\n"
      "\xff\xfe\n"
      "{\"a\":\"\xed\xa0\x80\"}\n"
      "{\"a\":5,}\n"
      "{\"a\":6}\n" +
      std::string(600, '[') + std::string(600, ']') + "\n{\"a\":7}\n");
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(report.records == 4);
  CHECK(entries(*db, kFile) == Texts{R"({"a":1})", R"({"a":4})", R"({"a":6})", R"({"a":7})"});
  REQUIRE(report.findings.size() == 6);
  const std::vector<std::uint64_t> lines = {2, 4, 6, 7, 8, 10};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK(report.findings[i].kind == FindingKind::bad_record);
    CHECK(report.findings[i].file == kFile);
    CHECK(report.findings[i].line == lines[i]);
  }
  CHECK(report.findings[0].reason == "more than one value on the line, at byte 8");
  CHECK(report.findings[2].reason == "not UTF-8");
  CHECK(report.findings[3].reason == "not UTF-8");
  CHECK(report.findings[5].reason == "JSON, but nested too deeply");
}

TEST_CASE("what JSON libraries refuse but JSON allows is a record") {
  TemporaryDatabase db;
  // Half a surrogate pair, as programs write that cut text between its halves; numbers beyond a double.
  const Texts records = {R"({"text":"\ud83d"})",
                         "1e999",
                         R"({"n":123456789012345678901234567890})",
                         R"({"a":1,"a":2})",
                         R"("Completed")",
                         "null"};
  std::string text;
  for (const std::string& record : records)
    text += record + "\n";
  const SourceFiles source = one_file(text);
  CHECK(import_from(*db, source.path()).findings.empty());
  CHECK(entries(*db, kFile) == records);
}

TEST_CASE("white space around a record is kept, and a byte order mark is no part of one") {
  TemporaryDatabase db;
  const SourceFiles source = one_file("\xef\xbb\xbf {\"a\":1}\r\n\t{\"a\":2} \r\n \r\n{\"a\":3}\r");
  CHECK(import_from(*db, source.path()).findings.empty());
  CHECK(entries(*db, kFile) == Texts{" {\"a\":1}\r", "\t{\"a\":2} \r", "{\"a\":3}\r"});
}

TEST_CASE("a record over the payload limit is a finding") {
  OpenOptions options;
  options.max_payload_bytes = 1000;
  TemporaryDatabase db(test::Ground::file, options);
  const std::string at_limit = "\"" + std::string(998, 'x') + "\"";
  const SourceFiles source =
      one_file("1\n" + at_limit + "\n\"" + std::string(999, 'x') + "\"\n2\n");
  const ImportReport report = import_from(*db, source.path());
  CHECK(report.findings.size() == 1);
  CHECK(has(report, FindingKind::bad_record, kFile, 3));
  CHECK(entries(*db, kFile) == Texts{"1", at_limit, "2"});
  const SourceFiles pod(test::Files{{"pods/p/metadata.json", at_limit + "\n"}});
  CHECK(has(import_from(*db, pod.path()), FindingKind::unreadable, "pods/p/metadata.json", 0));
}

TEST_CASE("a file that is no JSONL at all makes no segment, and a bounded report") {
  TemporaryDatabase db;
  std::string text;
  for (int i = 0; i < 12'000; ++i)
    text += "nonsense\n";
  const SourceFiles source = one_file(text + "torn");
  const ImportReport report = import_from(*db, source.path());
  CHECK(report.segments == 0);
  CHECK(report.findings.size() == 10'002);
  CHECK(has(report, FindingKind::torn_tail, kFile, 12'001));
  CHECK(report.findings.back().reason == "2000 more lines that are no records");
  CHECK_FALSE(db->sessions().lookup_session_of(kFile));
}

TEST_CASE("pod metadata that is no JSON is a finding") {
  TemporaryDatabase db;
  const SourceFiles source(
      test::Files{{"pods/bad/metadata.json", "{"}, {"pods/good/metadata.json", "{}"}});
  const ImportReport report = import_from(*db, source.path());
  CHECK(has(report, FindingKind::bad_record, "pods/bad/metadata.json", 0));
  CHECK(report.pods == 1);
  CHECK(db->sessions().pods().list_names() == Texts{"good"});
}

TEST_CASE("links are not followed, and what cannot be read or named is a finding") {
  TemporaryDatabase db;
  const SourceFiles outside(test::Files{{"s/secret.jsonl", "{\"secret\":1}\n"}});
  SourceFiles source({{"s/a.jsonl", "{}\n"}, {"s/bad\xff.jsonl", "{}\n"}});
  namespace fs = std::filesystem;
  fs::create_symlink(outside.file("s/secret.jsonl"), source.file("s/link.jsonl"));
  fs::create_directory_symlink(outside.path(), source.file("folder"));
  REQUIRE(mkfifo(source.file("s/pipe.jsonl").c_str(), 0600) == 0);
  // A path that can be on a disk, but is longer than an id.
  std::string deep;
  for (int i = 0; i < 6; ++i)
    deep += std::string(200, static_cast<char>('a' + i)) + "/";
  source.add({{deep + "x.jsonl", "{}\n"}});

  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(report.records == 1);
  CHECK(report.findings.size() == 5);
  CHECK(has(report, FindingKind::skipped_file, "folder", 0));
  CHECK(has(report, FindingKind::skipped_file, "s/link.jsonl", 0));
  CHECK(has(report, FindingKind::skipped_file, "s/pipe.jsonl", 0));
  CHECK(has(report, FindingKind::skipped_file, "s/bad\\xff.jsonl", 0));
  CHECK(has(report, FindingKind::skipped_file, deep + "x.jsonl", 0));
  CHECK(db->sessions().list_sessions() == Texts{"s"});
}

TEST_CASE("a file that cannot be read is a finding, and the rest goes on") {
  if (geteuid() == 0) {
    WARN("skipped: root can read every file");
    return;
  }
  TemporaryDatabase db;
  const SourceFiles source({{"s/a.jsonl", "{}\n"}, {"s/b.jsonl", "{}\n"}});
  std::filesystem::permissions(source.file("s/a.jsonl"), std::filesystem::perms::none);
  const ImportReport report = import_from(*db, source.path());
  CHECK(has(report, FindingKind::unreadable, "s/a.jsonl", 0));
  CHECK(report.records == 1);
}

TEST_CASE("damaged text never stops an import, and no good record is lost") {
  test::Random random;
  INFO(random);
  const Texts good = {R"({"kind":"invoke","ts":1})",
                      R"({"a":"\\\"é"})",
                      "[1,2,{\"b\":null}]",
                      "7",
                      R"({"nested":{"deep":[[[{}]]]}})"};
  for (int round = 0; round < 60; ++round) {
    Texts expected;
    std::string text;
    std::size_t bad = 0;
    for (std::size_t line = random.below(40); line > 0; --line) {
      std::string record = random.pick(good);
      if (random.one_in(3)) {
        // A changed byte, but none that ends a line; whether it is a record still, the log decides.
        record[random.below(record.size())] = static_cast<char>(random.next() | 0x80U);
        if (random.one_in(2)) record.resize(random.below(record.size()));
        if (record.find('\n') != std::string::npos) continue;
      }
      text += record + "\n";
      if (entry_facts(record)) {
        expected.push_back(record);
      } else if (record.find_first_not_of(" \t\r") != std::string::npos) {
        ++bad;
      }
    }
    TemporaryDatabase db(test::Ground::memory);
    const SourceFiles source = one_file(text);
    const ImportReport report = import_from(*db, source.path());
    CAPTURE(round, text, test::to_text(report));
    REQUIRE(report.findings.size() == bad);
    REQUIRE(test::count(report, FindingKind::bad_record) == bad);
    REQUIRE(entries(*db, kFile) == expected);
    REQUIRE(test::added_nothing(import_from(*db, source.path())));
  }
}

}  // namespace holdfast
