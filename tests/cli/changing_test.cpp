// import, export, verify, prune, backup, restore and salvage: what they do, and how they tell.

#include "holdfast/maintain.hpp"
#include "support/catch.hpp"
#include "support/command.hpp"
#include "support/full_database.hpp"
#include "support/source_files.hpp"
#include "support/temporary_database.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

using namespace holdfast;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const test::Files kSessions = {
    {"s1/0190f3c2-0000-7000-8000-000000000001.jsonl",
     "{\"kind\":\"invoke\"}\n{\"kind\":\"turn_end\"}\n"},
    {"s1/0190f3c2-0000-7000-8000-000000000002.jsonl", "{\"kind\":\"invoke\",\"ts\":1}\n"},
    {"s2/0190f3c2-0000-7000-8000-000000000003.jsonl",
     "{\"kind\":\"invoke\",\"n\":18446744073709551615}\n"},
};

json parsed(const test::CommandResult& result) {
  INFO(result.err << result.out);
  REQUIRE(json::accept(result.out));
  return json::parse(result.out);
}

}  // namespace

TEST_CASE("import makes the file, takes every record, and adds nothing the second time") {
  const test::SourceFiles source(kSessions);
  const test::TemporaryFolder folder;
  const std::string file = folder.file("new.holdfast");
  const auto first = test::holdfast({"import", file, source.path(), "--json"});
  REQUIRE(first.code == 0);
  const json report = parsed(first);
  CHECK(report["format"] == "sessions");
  CHECK(report["segments"] == 3);
  CHECK(report["records"] == 4);
  CHECK(report["findings"].empty());
  const auto second = test::holdfast({"import", file, source.path(), "--json"});
  CHECK(second.code == 0);
  CHECK(parsed(second)["records"] == 0);
  CHECK(parsed(second)["files_unchanged"] == 3);
  const auto text = test::holdfast({"import", file, source.path()});
  CHECK(text.out.find("unchanged files  3\n") != std::string::npos);
  CHECK(test::holdfast({"verify", file}).code == 0);
}

TEST_CASE("an import that recognises nothing leaves no new file behind") {
  const test::TemporaryFolder empty;
  const test::TemporaryFolder folder;
  const auto result = test::holdfast({"import", folder.file("new.holdfast"), empty.path()});
  REQUIRE(result.code == 4);
  REQUIRE(result.err.find("nothing that is recognised") != std::string::npos);
  REQUIRE(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("import tells bad records as file:line: and ends with code 1, the good ones are there") {
  test::SourceFiles source(kSessions);
  source.add({{"s1/bad.jsonl", "{\"kind\":\"invoke\"}\nno JSON\n{\"kind\":\"turn_end\"}\n"}});
  const test::TemporaryFolder folder;
  const std::string file = folder.file("new.holdfast");
  const auto result = test::holdfast({"import", file, source.path()});
  INFO(result.out << result.err);
  REQUIRE(result.code == 1);
  CHECK(result.out.find("s1/bad.jsonl:2: bad record: ") != std::string::npos);
  CHECK(result.out.find("new records   6\n") != std::string::npos);
  const auto again = test::holdfast({"import", file, source.path(), "--json"});
  CHECK(again.code == 1);
  const json findings = parsed(again)["findings"];
  REQUIRE(findings.size() == 1);
  CHECK(findings[0]["file"] == "s1/bad.jsonl");
  CHECK(findings[0]["line"] == 2);
}

TEST_CASE("a torn tail is told and is no failure") {
  const test::Files files = {{"s1/torn.jsonl", "{\"kind\":\"invoke\"}\n{\"kind\":\"tu"}};
  const test::SourceFiles source(files);
  const test::TemporaryFolder folder;
  const auto result = test::holdfast({"import", folder.file("new.holdfast"), source.path()});
  INFO(result.out << result.err);
  CHECK(result.code == 0);
  CHECK(result.out.find("torn tail") != std::string::npos);
}

TEST_CASE("export writes back what was imported, byte for byte, or only some sessions") {
  const test::SourceFiles source(kSessions);
  const test::TemporaryFolder folder;
  const std::string file = folder.file("new.holdfast");
  REQUIRE(test::holdfast({"import", file, source.path()}).code == 0);
  const auto all = test::holdfast({"export", file, folder.file("all"), "--json"});
  INFO(all.err);
  REQUIRE(all.code == 0);
  CHECK(parsed(all)["records"] == 4);
  CHECK(test::read_files(folder.file("all")) == kSessions);
  const auto some = test::holdfast({"export", file, folder.file("some"), "--session", "s2"});
  REQUIRE(some.code == 0);
  CHECK(test::read_files(folder.file("some")).size() == 1);
  const auto again = test::holdfast({"export", file, folder.file("all")});
  CHECK(again.code == 4);
  CHECK(again.err.find("holdfast: error: ") == 0);
}

TEST_CASE("manifests go in and out in both layouts") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const test::TemporaryFolder folder;
  for (const char* layout : {"1", "2"}) {
    const std::string out = folder.file(std::string("layout-") + layout);
    const auto exported =
        test::holdfast({"export", db.file(), out, "--format", "manifests", "--layout", layout});
    INFO(exported.err);
    REQUIRE(exported.code == 0);
    const std::string file = folder.file(std::string("copy-") + layout);
    const auto imported = test::holdfast({"import", file, out, "--stream", "other", "--json"});
    REQUIRE(imported.code == 0);
    CHECK(parsed(imported)["manifests"] == 3);
    CHECK(test::holdfast({"show", file, "manifest", "2", "--stream", "other", "--state", "--raw"})
              .out == test::large_payload(5));
  }
}

TEST_CASE("verify says sound with code 0, and names damage with code 1") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const auto sound = test::holdfast({"verify", db.file()});
  CHECK(sound.code == 0);
  CHECK(sound.out.find(": sound\n") != std::string::npos);
  CHECK(parsed(test::holdfast({"verify", db.file(), "--json"}))["sound"] == true);
  db.damage("UPDATE checkpoint SET graph_hash = 8 WHERE name = 'c1'");
  const auto damaged = test::holdfast({"verify", db.file()});
  CHECK(damaged.code == 1);
  CHECK(damaged.out.find("error     checkpoint c1  the row fails its digest") != std::string::npos);
  CHECK(damaged.out.find(": 1 error\n") != std::string::npos);
  const auto quick = test::holdfast({"verify", db.file(), "--quick"});
  CHECK(quick.code == 0);
  CHECK(quick.out.find("(digests not compared)") != std::string::npos);
  // Whoever reads the damaged thing is told as well.
  const auto shown = test::holdfast({"show", db.file(), "checkpoint", "c1"});
  CHECK(shown.code == 1);
  CHECK(shown.out.empty());
}

TEST_CASE("prune shows its plan, changes nothing without --yes, and then does just that") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const std::string file = db.file();
  const auto plan = test::holdfast({"prune", file, "--trace", "trace-1", "--keep", "1"});
  CHECK(plan.code == 0);
  CHECK(plan.out ==
        "would remove 2 checkpoints of trace trace-1, 1 stay\n  c2\n  c1\n"
        "nothing was changed; --yes removes them\n");
  CHECK(db->checkpoints().size("trace-1") == 3);
  CHECK(parsed(test::holdfast(
            {"prune", file, "--trace", "trace-1", "--keep", "1", "--json"}))["removed"] ==
        json::array({"c2", "c1"}));
  const auto done =
      test::holdfast({"prune", file, "--trace", "trace-1", "--keep", "1", "--yes", "--shrink"});
  CHECK(done.code == 0);
  CHECK(done.out.find("removed 2 checkpoints of trace trace-1, 1 stay\n") == 0);
  CHECK(done.out.find("went back to the file system\n") != std::string::npos);
  CHECK(db->checkpoints().list("trace-1") == std::vector<std::string>{"c3"});
  CHECK(info(*db).free_pages == 0);
  CHECK(test::holdfast({"prune", file, "--run", "run-1", "--keep", "1", "--yes"}).code == 0);
  CHECK(db->runs().list("run-1").size() == 1);
  CHECK(db->runs().head("run-1") == 10);
  // A stream keeps more than it is told to: its own rule makes the plan.
  const json stream =
      parsed(test::holdfast({"prune", file, "--stream", "", "--keep", "0", "--json"}));
  CHECK(stream["removed"] == json::array({"2", "1"}));
  CHECK(stream["kept"] == 1);
  CHECK(db->manifests().list_ids().size() == 3);
  CHECK(test::holdfast({"prune", file, "--trace", "nobody", "--keep", "0", "--yes"}).code == 0);
  CHECK(test::holdfast({"verify", file}).code == 0);
}

TEST_CASE("backup makes a file that opens, and refuses one that is there") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const test::TemporaryFolder folder;
  const std::string target = folder.file("copy.holdfast");
  const auto result = test::holdfast({"backup", db.file(), target, "--json"});
  REQUIRE(result.code == 0);
  CHECK(parsed(result)["target"] == target);
  CHECK(parsed(result)["file_bytes"] == fs::file_size(target));
  CHECK(test::holdfast({"verify", target}).code == 0);
  const auto again = test::holdfast({"backup", db.file(), target});
  CHECK(again.code == 4);
  CHECK(again.err.find("File exists") != std::string::npos);
  CHECK(test::holdfast({"backup", db.file(), folder.file("no/copy")}).code == 5);
}

TEST_CASE("restore puts a backup in place, and refuses to overwrite") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const test::TemporaryFolder folder;
  const std::string copy = folder.file("copy.holdfast");
  const std::string target = folder.file("app.holdfast");
  REQUIRE(test::holdfast({"backup", db.file(), copy}).code == 0);
  const auto result = test::holdfast({"restore", copy, target, "--json"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(parsed(result)["target"] == target);
  CHECK(parsed(result)["file_bytes"] == fs::file_size(target));
  CHECK(test::holdfast({"verify", target}).code == 0);
  const auto again = test::holdfast({"restore", copy, target});
  CHECK(again.code == 4);
  CHECK(again.err.find("File exists") != std::string::npos);
  CHECK(test::holdfast({"restore", folder.file("nothing"), folder.file("new")}).code == 3);
  CHECK(test::holdfast({"restore", copy, folder.file("no/file")}).code == 5);
  // The process that fills it has it open.
  CHECK(test::holdfast({"restore", db.file(), folder.file("new")}).code == 3);
}

TEST_CASE("salvage exports what is sound with code 0 or 1, and lists what is lost") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const test::TemporaryFolder folder;
  const std::string sound = folder.file("sound.holdfast");
  const auto busy = test::holdfast({"salvage", db.file(), sound});
  CHECK(busy.code == 3);
  CHECK(busy.err.find("open in another process") != std::string::npos);
  db.close();
  const auto whole = test::holdfast({"salvage", db.file(), sound, "--json"});
  INFO(whole.err);
  REQUIRE(whole.code == 0);
  CHECK(parsed(whole)["whole"] == true);
  CHECK(parsed(whole)["losses"].empty());
  CHECK(parsed(whole)["counts"][0]["table"] == "content");
  CHECK(test::holdfast({"verify", sound}).code == 0);
  CHECK(test::holdfast({"salvage", db.file(), sound}).code == 4);

  db.reopen();
  db.damage(
      "DELETE FROM log_entry WHERE entry_key ="
      " (SELECT (node_key << 32) + 3 FROM segment WHERE name = 'g1')");
  db.close();
  const std::string target = folder.file("new.holdfast");
  const auto damaged = test::holdfast({"salvage", db.file(), target});
  CHECK(damaged.code == 1);
  CHECK(damaged.out.find("session session-1 segment g1  entries     2   6  0..1 kept; 2 is damaged "
                         "or missing; 3 readable ones behind it were left out\n") !=
        std::string::npos);
  CHECK(damaged.out.find("not everything could be kept, see above\n") != std::string::npos);
  CHECK(test::holdfast({"verify", target}).code == 0);
  CHECK(test::holdfast({"salvage", folder.file("nothing"), folder.file("x")}).code == 3);
}
