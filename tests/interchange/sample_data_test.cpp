// The sample in examples/data is what it should be: accepted whole, and of every kind.
#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"
#include "interchange/import_support.hpp"
#include "support/catch.hpp"
#include "support/source_files.hpp"
#include "support/temporary_database.hpp"

#include <cstdlib>
#include <set>
#include <string>

namespace holdfast {

namespace {

std::string sample(const std::string& name) {
  const char* root = std::getenv("HOLDFAST_SOURCE_DIR");
  REQUIRE(root != nullptr);
  return std::string(root) + "/examples/data/" + name;
}

// Imports it into an empty database; what comes out must be what is there.
ImportReport import_and_compare(Database& db, const std::string& name) {
  ImportReport report = import_from(db, sample(name));
  INFO(test::to_text(report));
  CHECK(report.findings.empty());
  CHECK(report.files_skipped == 0);
  const test::TemporaryFolder folder;
  ExportOptions options;
  options.format = report.format;
  export_to(db, folder.file("out"), options);
  CHECK(test::read_files(folder.file("out")) == test::read_files(sample(name)));
  return report;
}

}  // namespace

TEST_CASE("the sample sessions have segments, traces, pods, a fork and a compaction") {
  test::TemporaryDatabase db;
  const ImportReport report = import_and_compare(*db, "sessions");
  CHECK(report.sessions == 3);
  CHECK(report.segments == 5);
  CHECK(report.pods == 2);
  CHECK(report.records > 50);
  CHECK(report.trace_records == 7);
  std::set<std::string> kinds;
  bool forked = false;
  bool compacted = false;
  for (const std::string& session : db->sessions().list_sessions()) {
    for (const std::string& segment : db->sessions().list_segments(session)) {
      for (const std::string& entry : test::entries(*db, segment)) {
        kinds.insert(entry_facts(entry)->kind.value_or("none"));
        forked = forked || entry.find("\"forked_from\":{") != std::string::npos;
        compacted = compacted || entry.find("\"compacted_from\":{") != std::string::npos;
      }
    }
  }
  CHECK(forked);
  CHECK(compacted);
  CHECK(kinds == std::set<std::string>{"assistant_item",
                                       "config_changed",
                                       "extension",
                                       "invoke",
                                       "llm_usage",
                                       "paused_turn_abandoned",
                                       "run_completed",
                                       "run_errored",
                                       "segment_start",
                                       "system_item",
                                       "tool_result",
                                       "turn_end",
                                       "user_input"});
}

TEST_CASE("the sample of another program's folder goes by its folders, or by its field") {
  test::TemporaryDatabase db;
  const ImportReport report = import_and_compare(*db, "other");
  CHECK(report.segments == 3);
  CHECK(report.sessions == 2);
  test::TemporaryDatabase by_field;
  ImportOptions options;
  options.session_field = "sessionId";
  CHECK(import_from(*by_field, sample("other"), options).sessions == 3);
}

TEST_CASE("the sample manifests are valid, and the newest is not committed yet") {
  test::TemporaryDatabase db;
  const ImportReport report = import_and_compare(*db, "manifests");
  CHECK(report.manifests == 3);
  CHECK(report.states == 3);
  CHECK(db->manifests().recover_latest_validated().chosen_id == 3);
  CHECK(db->manifests().recover_latest_validated({.committed_only = true}).chosen_id == 2);
}

}  // namespace holdfast
