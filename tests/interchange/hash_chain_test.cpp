// Flat session logs whose records are chained by hashes. The hashes were computed with sha256sum.
#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"
#include "interchange/import_support.hpp"
#include "support/catch.hpp"
#include "support/source_files.hpp"
#include "support/temporary_database.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace holdfast {

namespace {

using test::FindingKind;
using test::has;
using test::SourceFiles;
using test::TemporaryDatabase;

const std::string kSession = "019b76da-a800-7000-8000-0000000000a1";
const std::string kFirst = "f765d88b0bb9eaa10954d2d3c024a5c97899ff2632e439b478a9825c334e3e78";
const std::string kSecond = "92cf673edb71b11671f52cd14579c00333d7a12d8e8c864390dfa1dd6e05686e";
const std::string kThird = "a2efdc88529b04040387368e8e811fd7268fc75b0939477f5ba0fa4ed3c7e639";

std::string link(const std::string& hash, const std::string& previous, const std::string& members) {
  return R"({"hash":")" + hash + R"(","prev_hash":)" +
         (previous.empty() ? "null" : "\"" + previous + "\"") + "," + members + "}\n";
}

const std::string kOne = link(kFirst, "", R"("kind":"session_start","ts":1)");
const std::string kTwo = link(kSecond, kFirst, R"("kind":"invoke","ts":2)");
const std::string kThree = link(kThird, kSecond, R"("kind":"turn_end","ts":3,"turn_count":1)");

}  // namespace

TEST_CASE("a flat log with a sound chain is one session and one segment of its name") {
  TemporaryDatabase db;
  const SourceFiles source({{kSession + ".jsonl", kOne + kTwo + kThree}, {"plain.jsonl", "{}\n"}});
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(report.findings.empty());
  CHECK(db->sessions().lookup_session_of(kSession) == kSession);
  CHECK(db->sessions().lookup_session_of("plain.jsonl") == "source");
  CHECK(db->sessions().read_entry_count(kSession, kSession) == 3);
}

TEST_CASE("the hashes may stand behind the entry, with spaces, or the entry in a member") {
  TemporaryDatabase db;
  const SourceFiles source({
      {"behind.jsonl",
       R"({"kind": "session_start", "ts": 1, "hash": "a86e28efab418a5cbdd38991887ff47c9b103faa0ccc12fbbba3758734e72c62", "prev_hash": null})"
       "\n"},
      {"member.jsonl",
       R"({"prev_hash":"0000000000000000000000000000000000000000000000000000000000000000","hash":"f765d88b0bb9eaa10954d2d3c024a5c97899ff2632e439b478a9825c334e3e78","entry":{"kind":"session_start","ts":1}})"
       "\n"},
  });
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(report.findings.empty());
  CHECK(db->sessions().lookup_session_of("member.jsonl") == "member");
}

TEST_CASE("a break in the chain is reported where it is, once, and every record is imported") {
  TemporaryDatabase db;
  std::string text;
  std::uint64_t line = 0;
  SECTION("changed content") {
    text = kOne + link(kSecond, kFirst, R"("kind":"invoke","ts":9)") + kThree;
    line = 2;
  }
  SECTION("a record is missing") {
    text = kOne + kThree;
    line = 2;
  }
  SECTION("the first is missing") {
    text = kTwo + kThree;
    line = 1;
  }
  SECTION("a record without a hash") {
    text = kOne + "{\"kind\":\"invoke\",\"ts\":2}\n" + kTwo;
    line = 2;
  }
  const SourceFiles source(test::Files{{kSession + ".jsonl", text}});
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(report.findings.size() == 1);
  CHECK(has(report, FindingKind::broken_chain, kSession + ".jsonl", line));
  CHECK(report.records == static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')));
  CHECK(db->sessions().lookup_session_of(kSession) == kSession);
}

}  // namespace holdfast
