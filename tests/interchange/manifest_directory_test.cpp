// Manifest directories, in and out, in both layouts.
#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"
#include "interchange/import_support.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"
#include "support/source_files.hpp"
#include "support/temporary_database.hpp"

#include <string>
#include <vector>

namespace holdfast {

namespace {

using test::Files;
using test::FindingKind;
using test::has;
using test::SourceFiles;
using test::TemporaryDatabase;
using test::TemporaryFolder;
using Ids = std::vector<std::uint64_t>;

// SHA-256 of "state", by sha256sum.
const std::string kStateSum = "4ba69735ca53765ed6a709edb56c6ea236b7193a3b29a6b390c346f0f4340e4e";

std::string manifest_json(std::uint64_t id, const std::string& more = "") {
  const std::string number = std::to_string(id);
  return R"({"version":1,"checkpoint_id":)" + number + R"(,"epoch":)" + number +
         R"(,"timestamp_ms":1767225600000)" + more + "}";
}

std::string with_sum(std::uint64_t id, const std::string& sum = kStateSum) {
  return manifest_json(id, R"(,"state_checksum":")" + sum + "\"");
}

Files exported(const Database& db, int layout = 2, const std::string& stream = "") {
  const TemporaryFolder folder;
  ExportOptions options;
  options.format = SourceFormat::manifest_directory;
  options.manifest_layout = layout;
  options.stream = stream;
  export_to(db, folder.file("out"), options);
  return test::read_files(folder.file("out"));
}

std::string state_of(const Database& db, std::uint64_t id) {
  const auto state = db.manifests().load_state_data(id);
  return state ? std::string(as_text(*state)) : "(none)";
}

const Files kV1 = {
    {"checkpoints/checkpoint_000001/manifest.json", manifest_json(1)},
    {"checkpoints/checkpoint_000002/manifest.json", with_sum(2)},
    {"checkpoints/checkpoint_000002/state.bin", "state"},
    {"checkpoints/latest.txt", "checkpoint_000002"},
};
const Files kV2 = {
    {"manifests/manifest-000001.json", manifest_json(1)},
    {"manifests/manifest-000002.json", with_sum(2)},
    {"checkpoints/state-000002.bin", "state"},
    {"manifests/latest.json", R"({"checkpoint_id":2})"},
};

}  // namespace

TEST_CASE("a manifest directory is imported, in either layout, and exported in either") {
  TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  const bool v1 = GENERATE(true, false);
  const SourceFiles source(v1 ? kV1 : kV2);
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(report.findings.empty());
  CHECK(report.format == SourceFormat::manifest_directory);
  CHECK(report.files == 4);
  CHECK(report.manifests == 2);
  CHECK(report.states == 1);
  CHECK(db->manifests().list_ids() == Ids{1, 2});
  CHECK(db->manifests().load_by_id(2)->json() == with_sum(2));
  CHECK(state_of(*db, 2) == "state");
  CHECK(state_of(*db, 1) == "(none)");

  const ImportReport again = import_from(*db, source.path());
  CHECK(test::added_nothing(again));
  CHECK(again.findings.empty());
  CHECK(again.files_unchanged == 3);

  CHECK(exported(*db, 1) == kV1);
  CHECK(exported(*db, 2) == kV2);
}

TEST_CASE("of both layouts in one folder the newer wins, file by file") {
  TemporaryDatabase db;
  const SourceFiles source({
      {"checkpoints/checkpoint_000001/manifest.json", manifest_json(1, R"(,"from":"v1")")},
      {"manifests/manifest-000001.json", manifest_json(1, R"(,"from":"v2")")},
      {"checkpoints/checkpoint_000002/manifest.json", with_sum(2)},
      {"checkpoints/checkpoint_000002/state.bin", "older"},
      {"checkpoints/state-000002.bin", "state"},
      {"manifests/manifest-000003.json", with_sum(3)},
      {"checkpoints/checkpoint_000003/state.bin", "state"},
  });
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(report.findings.size() == 2);
  CHECK(has(report, FindingKind::skipped_file, "checkpoints/checkpoint_000001/manifest.json", 0));
  CHECK(has(report, FindingKind::skipped_file, "checkpoints/checkpoint_000002/state.bin", 0));
  CHECK(db->manifests().load_by_id(1)->json() == manifest_json(1, R"(,"from":"v2")"));
  CHECK(state_of(*db, 2) == "state");
  CHECK(state_of(*db, 3) == "state");
}

TEST_CASE("ids wider than six digits simply grow") {
  TemporaryDatabase db;
  const std::uint64_t largest = kMaxNumber;
  const Files files = {
      {"manifests/manifest-999999.json", manifest_json(999'999)},
      {"manifests/manifest-1000000.json", with_sum(1'000'000)},
      {"checkpoints/state-1000000.bin", "state"},
      {"manifests/manifest-" + std::to_string(largest) + ".json", manifest_json(largest)},
      {"manifests/latest.json", R"({"checkpoint_id":)" + std::to_string(largest) + "}"},
  };
  SourceFiles source(files);
  CHECK(import_from(*db, source.path()).findings.empty());
  CHECK(db->manifests().list_ids() == Ids{999'999, 1'000'000, largest});
  CHECK(exported(*db) == files);
  // No id of this format: too short, a needless zero, no number, beyond 64 bits; and one beyond ours.
  source.add({{"manifests/manifest-1.json", manifest_json(1)},
              {"manifests/manifest-0000001.json", manifest_json(1)},
              {"manifests/manifest-00000x.json", manifest_json(1)},
              {"manifests/manifest-99999999999999999999.json", manifest_json(1)},
              {"manifests/manifest-9223372036854775808.json", manifest_json(1)}});
  const ImportReport report = import_from(*db, source.path());
  CHECK(report.files_skipped == 4);
  CHECK(report.findings.size() == 1);
  CHECK(has(report, FindingKind::skipped_file, "manifests/manifest-9223372036854775808.json", 0));
  CHECK(test::added_nothing(report));
}

TEST_CASE("a damaged manifest is kept as it was found, reported, and exported again") {
  TemporaryDatabase db;
  const Files files = {
      {"manifests/manifest-000001.json", with_sum(1)},
      {"checkpoints/state-000001.bin", "state"},
      {"manifests/manifest-000002.json", "{\"version\":1,"},
      {"checkpoints/state-000002.bin", "state"},
      {"manifests/manifest-000003.json", with_sum(3, std::string(64, '0'))},
      {"checkpoints/state-000003.bin", "state"},
      {"manifests/manifest-000004.json",
       R"({"version":1,"checkpoint_id":4,"epoch":0,"timestamp_ms":1})"},
      {"manifests/manifest-000005.json", "\xff\xfe"},
      {"manifests/manifest-000006.json", ""},
      {"manifests/latest.json", R"({"checkpoint_id":4})"},
  };
  const SourceFiles source(files);
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(report.manifests == 6);
  CHECK(report.findings.size() == 5);
  for (const char* id : {"2", "3", "4", "5", "6"}) {
    const std::string file = std::string("manifests/manifest-00000") + id + ".json";
    CHECK(has(report, FindingKind::bad_record, file, 0));
  }
  CHECK(db->manifests().list_ids() == Ids{1, 2, 3, 4, 5, 6});
  CHECK(db->manifests().recover_latest_validated().chosen_id == 1);
  CHECK(exported(*db) == files);
  CHECK(test::added_nothing(import_from(*db, source.path())));
}

TEST_CASE("a manifest that calls itself otherwise is kept under the id of its file, and reported") {
  TemporaryDatabase db;
  const SourceFiles source(Files{{"manifests/manifest-000007.json", manifest_json(8)}});
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(has(report, FindingKind::bad_record, "manifests/manifest-000007.json", 0));
  CHECK(db->manifests().list_ids() == Ids{7});
  CHECK(db->manifests().export_json(7) == manifest_json(8));
}

TEST_CASE("another manifest under an id is a conflict; manifest and state stay as they were") {
  TemporaryDatabase db;
  const SourceFiles source(kV2);
  import_from(*db, source.path());
  Files other = kV2;
  other["manifests/manifest-000001.json"] = manifest_json(1, R"(,"other":true)");
  other["checkpoints/state-000002.bin"] = "changed";
  other["manifests/manifest-000003.json"] = manifest_json(3);
  const SourceFiles changed(other);
  const ImportReport report = import_from(*db, changed.path());
  INFO(test::to_text(report));
  CHECK(has(report, FindingKind::conflict, "manifests/manifest-000001.json", 0));
  CHECK(has(report, FindingKind::conflict, "manifests/manifest-000002.json", 0));
  CHECK(report.manifests == 1);
  CHECK(db->manifests().export_json(1) == manifest_json(1));
  CHECK(state_of(*db, 2) == "state");
  CHECK(db->manifests().list_ids() == Ids{1, 2, 3});
}

TEST_CASE("state without a manifest is kept as an orphan, until the manifest comes") {
  TemporaryDatabase db;
  SourceFiles source({{"checkpoints/state-000001.bin", "state"},
                      {"checkpoints/checkpoint_000002/state.bin", "state"}});
  const ImportReport report = import_from(*db, source.path());
  CHECK(report.findings.empty());
  CHECK(report.states == 2);
  CHECK(report.manifests == 0);
  CHECK(db->manifests().list_ids().empty());
  const ImportReport again = import_from(*db, source.path());
  CHECK(test::added_nothing(again));
  CHECK(again.files_unchanged == 2);
  source.add({{"manifests/manifest-000001.json", with_sum(1)}});
  CHECK(import_from(*db, source.path()).manifests == 1);
  CHECK(state_of(*db, 1) == "state");
  CHECK(db->manifests().cleanup_orphans() == 1);
}

TEST_CASE("decision markers are counted as skipped, and dangling pointers are reported") {
  TemporaryDatabase db;
  Files files = kV2;
  files["checkpoint-decisions/epoch=1/commit"] = "";
  files["checkpoint-decisions/epoch=2/commit"] = "";
  files["epoch=2/vnode=7/partial.bin"] = "x";
  files["epoch=2/_COMMIT"] = "instance-1";
  files["epoch=x/other"] = "";
  files["manifests/latest.json"] = R"({"checkpoint_id":9})";
  files["checkpoints/latest.txt"] = "checkpoint_000002\n";
  const SourceFiles source(files);
  const ImportReport report = import_from(*db, source.path());
  INFO(test::to_text(report));
  CHECK(test::count(report, FindingKind::skipped_file) == 5);
  CHECK(has(report, FindingKind::skipped_file, "epoch=2/_COMMIT", 0));
  CHECK(has(report, FindingKind::skipped_file, "manifests/latest.json", 0));
  CHECK(report.files_skipped == 1);
  CHECK(report.manifests == 2);
}

TEST_CASE("export adds a checksum where there is none, and changes nothing else") {
  TemporaryDatabase db;
  ManifestStore store = db->manifests();
  const std::string pretty =
      "{\n  \"version\": 1,\n  \"checkpoint_id\": 1,\n  \"epoch\": 1,\n"
      "  \"timestamp_ms\": 5,\n  \"watermark\": -3,\n"
      "  \"pipeline_hash\": 18446744073709551615\n}\n";
  store.save_with_state(Manifest::from_json(pretty), "state");
  // Inline states only, and both: as the format defines them.
  const std::string inline_states =
      R"(,"operator_states":{"b":{"state_b64":"Yg==","external":false},"a":{"state_b64":"YQ==","external":false}})";
  store.save(Manifest::from_json(manifest_json(2, inline_states)));
  store.save_with_state(Manifest::from_json(manifest_json(3, inline_states)), "state");
  store.save(Manifest::from_json(manifest_json(4)));
  const Files files = exported(*db);
  const auto sum = [](const std::string& hex) { return R"(,"state_checksum":")" + hex + "\""; };
  std::string expected = pretty;
  expected.insert(expected.find("\n}"), sum(kStateSum));
  CHECK(files.at("manifests/manifest-000001.json") == expected);
  CHECK(files.at("manifests/manifest-000002.json") ==
        manifest_json(2,
                      inline_states +
                          sum("7144a66b706d6c6f5436a9dbcce4a2ebda356b5b23c412f7d05251c08a90a372")));
  CHECK(files.at("manifests/manifest-000003.json") ==
        manifest_json(3,
                      inline_states +
                          sum("4a90ac1231a5ab309fa44423ea7932f478d173849d97c4819320765c55d38993")));
  CHECK(files.at("manifests/manifest-000004.json") == manifest_json(4));
  CHECK(files.at("manifests/latest.json") == R"({"checkpoint_id":4})");
  // What we wrote is valid to whoever checks it.
  TemporaryDatabase other;
  const SourceFiles source(files);
  CHECK(import_from(*other, source.path()).findings.empty());
}

TEST_CASE("a directory goes into a stream of its own, and comes out of it") {
  TemporaryDatabase db;
  const SourceFiles source(kV2);
  ImportOptions options;
  options.stream = "orders";
  CHECK(import_from(*db, source.path(), options).manifests == 2);
  CHECK(db->manifests().list_ids().empty());
  CHECK(db->manifests("orders").list_ids() == Ids{1, 2});
  CHECK(exported(*db, 2, "orders") == kV2);
  CHECK(exported(*db).empty());
}

TEST_CASE("an export of manifests refuses files that are there") {
  TemporaryDatabase db;
  const SourceFiles source(kV2);
  import_from(*db, source.path());
  const TemporaryFolder folder;
  test::write_file(folder.file("manifests/latest.json"), "theirs");
  ExportOptions options;
  options.format = SourceFormat::manifest_directory;
  test::require_error(ErrorCode::already_exists, [&] { export_to(*db, folder.path(), options); });
  CHECK(test::read_files(folder.path()) == Files{{"manifests/latest.json", "theirs"}});
}

TEST_CASE("an import of manifests can be stopped, and goes on") {
  TemporaryDatabase db;
  const SourceFiles source(kV2);
  ImportOptions options;
  int calls = 0;
  options.progress = [&](std::uint64_t /*done*/, std::uint64_t /*total*/) { return ++calls < 2; };
  const ImportReport report = import_from(*db, source.path(), options);
  CHECK(report.stopped);
  CHECK(report.manifests == 1);
  CHECK(import_from(*db, source.path()).manifests == 1);
}

}  // namespace holdfast
