// Real agents' session logs, where they are given: HOLDFAST_TEST_DATA names a folder with agent/*.tar.zst.
// Nothing is taken on trust: what is expected is counted in the files themselves, and in their index.
#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"
#include "interchange/import_support.hpp"
#include "interchange/sha256.hpp"
#include "support/catch.hpp"
#include "support/source_files.hpp"
#include "support/temporary_database.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace holdfast {

namespace {

namespace fs = std::filesystem;
using test::FindingKind;
using test::has;
using test::read_file;
using test::TemporaryDatabase;
using test::TemporaryFolder;

// Unpacks the archive, which holds one folder of its name, and returns that folder's path. nullopt, with
// a warning: the data is not given, or cannot be unpacked.
std::optional<std::string> unpack(const std::string& name, const TemporaryFolder& folder) {
  const char* data = std::getenv("HOLDFAST_TEST_DATA");
  if (data == nullptr) {
    WARN("skipped: HOLDFAST_TEST_DATA is not set");
    return std::nullopt;
  }
  const std::string archive = std::string(data) + "/agent/" + name + ".tar.zst";
  if (!fs::exists(archive)) {
    WARN("skipped: there is no " << archive);
    return std::nullopt;
  }
  if (std::system("command -v zstd tar >/dev/null") != 0) {
    WARN("skipped: zstd and tar are needed to unpack " << archive);
    return std::nullopt;
  }
  const std::string command =
      "zstd -q -d --long=27 -c '" + archive + "' | tar -x -C '" + folder.path() + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  return folder.file(name);
}

struct Lines {
  std::vector<std::string> records = {};
  std::vector<std::uint64_t> bad = {};  // terminated ones
  std::optional<std::uint64_t> torn = std::nullopt;
};

Lines lines_of(const std::string& text) {
  Lines lines;
  std::uint64_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t feed = text.find('\n', begin);
    const std::size_t end = std::min(feed, text.size());
    const std::string line = text.substr(begin, end - begin);
    ++number;
    begin = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (entry_facts(line)) {
      lines.records.push_back(line);
    } else if (feed != std::string::npos) {
      lines.bad.push_back(number);
    } else {
      lines.torn = number;
    }
  }
  return lines;
}

std::string digest(const std::string& bytes) {
  return interchange::to_hex(interchange::sha256({bytes}));
}

}  // namespace

TEST_CASE("real sessions come back byte for byte") {
  const TemporaryFolder folder;
  const auto source = unpack("agent-sessions", folder);
  if (!source) return;
  const auto index = nlohmann::json::parse(read_file(*source + "/INDEX.json"));
  std::uint64_t lines = 0;
  for (const auto& session : index)
    lines += session["lines"].get<std::uint64_t>();

  TemporaryDatabase db;
  const ImportReport report = import_from(*db, *source);
  INFO(test::to_text(report));
  CHECK(report.findings.empty());
  CHECK(report.files == index.size());
  CHECK(report.files_skipped == 1);  // the index
  CHECK(report.segments == index.size());
  CHECK(report.records == lines);
  CHECK(db->sessions().list_sessions() == std::vector<std::string>{"agent-sessions"});
  CHECK(db->sessions().list_segments("agent-sessions").size() == index.size());

  const ExportReport written = export_to(*db, folder.file("out"));
  CHECK(written.files == index.size());
  CHECK(written.records == lines);
  for (const auto& session : index) {
    const std::string file = session["session"].get<std::string>() + ".jsonl";
    CAPTURE(file);
    const std::string bytes = read_file(folder.file("out/" + file));
    CHECK(bytes.size() == session["bytes"].get<std::size_t>());
    CHECK(digest(bytes) == session["sha256"].get<std::string>());
  }

  const ImportReport again = import_from(*db, *source);
  CHECK(test::added_nothing(again));
  CHECK(again.findings.empty());
  CHECK(again.files_unchanged == index.size());
}

TEST_CASE("real sessions can go by the field that names them") {
  const TemporaryFolder folder;
  const auto source = unpack("agent-sessions", folder);
  if (!source) return;
  TemporaryDatabase db;
  ImportOptions options;
  options.session_field = "sessionId";
  CHECK(import_from(*db, *source, options).findings.empty());
  std::size_t checked = 0;
  for (const auto& entry : fs::directory_iterator(*source)) {
    const std::string stem = entry.path().stem().string();
    if (entry.path().extension() != ".jsonl" || !Uuid::parse(stem)) continue;
    std::optional<std::string> first;
    for (const std::string& record : lines_of(read_file(entry.path())).records) {
      const auto json = nlohmann::json::parse(record);
      if (!first && json.contains("sessionId")) first = json["sessionId"].get<std::string>();
    }
    CHECK(db->sessions().lookup_session_of(stem) == first.value_or("agent-sessions"));
    ++checked;
  }
  CHECK(checked > 10);
}

TEST_CASE("real checkpoint chains come back byte for byte") {
  const TemporaryFolder folder;
  const auto source = unpack("agent-checkpoint-chains", folder);
  if (!source) return;
  TemporaryDatabase db;
  const ImportReport report = import_from(*db, *source);
  std::size_t bad = 0;
  std::size_t files = 0;
  std::uint64_t records = 0;
  export_to(*db, folder.file("out"));
  for (const auto& [path, bytes] : test::read_files(*source)) {
    if (!path.ends_with(".jsonl")) continue;
    CAPTURE(path);
    const Lines lines = lines_of(bytes);
    ++files;
    bad += lines.bad.size();
    records += lines.records.size();
    CHECK(test::entries(*db, path) == lines.records);
    for (const std::uint64_t line : lines.bad) {
      CHECK(has(report, FindingKind::bad_record, path, line));
    }
    if (lines.bad.empty()) CHECK(read_file(folder.file("out/" + path)) == bytes);
  }
  CHECK(files == 40);
  CHECK(report.segments == files);
  CHECK(report.records == records);
  CHECK(report.findings.size() == bad);
  CHECK(test::added_nothing(import_from(*db, *source)));
}

TEST_CASE("a real session grows from checkpoint to checkpoint, or is a conflict") {
  const TemporaryFolder folder;
  const auto source = unpack("agent-checkpoint-chains", folder);
  if (!source) return;
  TemporaryDatabase db;
  std::map<std::string, std::vector<std::string>> stored;
  std::size_t grown = 0;
  std::size_t conflicts = 0;
  for (const auto& [path, bytes] : test::read_files(*source)) {  // in the order of the checkpoints
    if (!path.ends_with("/full.jsonl")) continue;
    const std::string session = path.substr(0, path.find('/'));
    const std::string segment = session + "/log.jsonl";
    const test::SourceFiles now(test::Files{{segment, bytes}});
    CAPTURE(path);
    const ImportReport report = import_from(*db, now.path());
    const std::vector<std::string> records = lines_of(bytes).records;
    std::vector<std::string>& before = stored[session];
    const bool continues = before.size() <= records.size() &&
                           std::equal(before.begin(), before.end(), records.begin());
    CHECK((test::count(report, FindingKind::conflict) == 0) == continues);
    (continues ? grown : conflicts) += 1;
    if (continues) before = records;
    CHECK(test::entries(*db, segment) == before);
  }
  CHECK(grown > 6);
  CHECK(conflicts > 0);
}

TEST_CASE("of real malformed sessions every record is imported, and every bad line is reported") {
  const TemporaryFolder folder;
  const auto source = unpack("agent-sessions-malformed", folder);
  if (!source) return;
  TemporaryDatabase db;
  const ImportReport report = import_from(*db, *source);
  std::size_t findings = 0;
  std::uint64_t records = 0;
  for (const auto& [path, bytes] : test::read_files(*source)) {
    CAPTURE(path);
    const Lines lines = lines_of(bytes);
    CHECK(lines.bad.size() + (lines.torn ? 1U : 0U) > 0);
    for (const std::uint64_t line : lines.bad) {
      CHECK(has(report, FindingKind::bad_record, path, line));
    }
    if (lines.torn) CHECK(has(report, FindingKind::torn_tail, path, *lines.torn));
    findings += lines.bad.size() + (lines.torn ? 1U : 0U);
    records += lines.records.size();
    const std::string stem = fs::path(path).stem().string();
    CHECK(test::entries(*db, Uuid::parse(stem) ? stem : path) == lines.records);
  }
  CHECK(report.files == 5);
  CHECK(report.findings.size() == findings);
  CHECK(report.records == records);
  CHECK(records > 700);
  const ImportReport again = import_from(*db, *source);
  CHECK(test::added_nothing(again));
  CHECK(again.findings.size() == findings);
}

}  // namespace holdfast
