// What callers store is theirs: no key, no value and no payload is quoted in an error, a finding, a line of the log
// or of SQLite's own log. All of them are made of one word here, and whatever the library says is searched for it.
// Ids may be quoted.
#include "engine/folder.hpp"
#include "harness/dump.hpp"
#include "harness/ground.hpp"
#include "harness/scale.hpp"
#include "holdfast/interchange.hpp"
#include "holdfast/maintain.hpp"
#include "support/random.hpp"
#include "support/source_files.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <iostream>
#include <mutex>

using namespace holdfast;
using vfs::Verdict;

namespace {

const std::string kWord = "QuokkaZebra";
const std::string kJson = R"({")" + kWord + R"(":")" + kWord + R"("})";

// Everything that was said; searched in any case, also for the word in hexadecimal.
class Said {
 public:
  void note(std::string_view text) {
    const std::scoped_lock lock(mutex_);
    ++texts_;
    std::string lower(text);
    for (char& c : lower)
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    // Any part of the word would be a part of a secret.
    for (const char* part : {"quok", "okka", "zebr", "ebra", "51756f6b", "5a656272"}) {
      if (lower.find(part) == std::string::npos) continue;
      if (betrayed_.size() < 2000) betrayed_ += std::string(text) + "\n";
      return;
    }
  }
  LogFunction log() {
    return [this](LogLevel, std::string_view line) { note(line); };
  }
  // Calls, and notes what is thrown.
  template <class Function>
  void provoke(const Function& function) {
    try {
      function();
    } catch (const Error& error) {
      ++errors_;
      note(error.what());
      note(error.detail().id);
    } catch (const std::bad_alloc&) {
      ++errors_;
    }
  }
  void note_report(const VerifyReport& report) {
    for (const Finding& finding : report.findings) {
      note(finding.place);
      note(finding.what);
    }
  }
  void require_discretion() { REQUIRE(betrayed() == std::string()); }
  std::string betrayed() {
    const std::scoped_lock lock(mutex_);
    return betrayed_;
  }
  [[nodiscard]] std::uint64_t texts() const { return texts_; }
  [[nodiscard]] std::uint64_t errors() const { return errors_; }

 private:
  std::mutex mutex_;
  std::uint64_t texts_ = 0;
  std::uint64_t errors_ = 0;
  std::string betrayed_;
};

Said sqlite_said;
std::atomic<bool> damaging = false;  // by SQL of this test's own, which SQLite's log quotes

// Before SQLite is used for the first time.
const int configured = sqlite3_config(
    SQLITE_CONFIG_LOG,
    +[](void*, int, const char* message) {
      if (!damaging) sqlite_said.note(message);
    },
    nullptr);

std::string words(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes)
    text += kWord;
  return text;
}
std::string large_json() {
  return R"(["beginning",")" + words(150'000) + R"("])";
}

// Something of every kind; each call is one that a fault may hit.
void store_secrets(Said& said, Database& db) {
  const auto each = [&](const std::function<void()>& call) { said.provoke(call); };
  each([&] { db.checkpoints().save("trace", {.id = "c1", .data = to_bytes(kJson)}); });
  each([&] { db.checkpoints().save("trace", {.id = "c2", .data = to_bytes(words(150'000))}); });
  each([&] { db.sessions().append("session", "segment", kJson); });
  each([&] { db.sessions().append("session", "segment", large_json()); });
  each([&] { db.sessions().append_trace("session", "segment", kJson); });
  each([&] { db.sessions().set_metadata("session", "segment", kJson); });
  each([&] { db.sessions().pods().write("pod", kJson); });
  each([&] { db.runs().append("run", {kJson, kWord}); });
  each([&] { db.runs().save_snapshot({"run", 1, to_bytes(kWord)}); });
  each([&] { db.runs().save_snapshot({"run", 2, to_bytes(words(150'000))}); });
  each([&] { db.manifests().save_with_state(Manifest(1, 1, 1), kWord); });
  each([&] { db.manifests().save_with_state(Manifest(2, 2, 2), words(150'000)); });
  each([&] { db.manifests().save_state_data(9, {kWord}); });
  StateBackend state = db.state("state");
  each([&] { state.put(kWord, kJson); });
  each([&] { state.partition({"operator", 0, 0}).put(kWord + "2", words(150'000)); });
  each([&] { state.checkpoint(1); });
  each([&] { state.put(kWord, kWord); });
  each([&] { state.partition({"operator", 0, 0}).remove(kWord + "2"); });
  each([&] {
    db.commit(Batch().put(state, kWord + "3", kJson).append("session", "segment", kJson));
  });
}

void read_secrets(Said& said, Database& db) {
  const auto each = [&](const std::function<void()>& call) { said.provoke(call); };
  each([&] { db.checkpoints().load_latest("trace"); });
  each([&] { db.checkpoints().load("c1"); });
  each([&] { db.checkpoints().list("trace"); });
  each([&] { db.checkpoints().recover_latest("trace"); });
  each([&] { db.sessions().read_all("session", "segment"); });
  each([&] { db.sessions().tail("session", "segment", 1); });
  each([&] { db.sessions().read_trace("session", "segment"); });
  each([&] { db.sessions().info("segment"); });
  each([&] { db.sessions().list_segments("session"); });
  each([&] { db.sessions().pods().read_by_name("pod"); });
  each([&] { db.runs().scan("run"); });
  each([&] { db.runs().load_latest("run"); });
  each([&] { db.runs().load_at("run", 1); });
  each([&] { db.runs().recover_latest("run"); });
  for (const std::uint64_t id : {1U, 2U}) {
    each([&] { db.manifests().load_by_id(id); });
    each([&] { db.manifests().load_state_data(id); });
    each([&] { db.manifests().validate_checkpoint(id); });
  }
  each([&] { db.manifests().recover_latest_validated(); });
  const StateBackend state = db.state("state");
  each([&] { state.get(kWord); });
  each([&] { state.range_scan(""); });
  each([&] { state.multi_get({kWord, kWord + "3"}); });
  each([&] { state.partition({"operator", 0, 0}).range_scan(kWord); });
  each([&] { state.read_at(1).range_scan(""); });
  each([&] { state.read_at(1).get(PartitionKey{"operator", 0, 0}, kWord + "2"); });
  each([&] { state.export_snapshot(1, true); });
  each([&] { db.state("state").restore(1); });
  each([&] { storage_by_owner(db); });
  each([&] { test::dump(db); });
  each([&] { said.note_report(verify(db)); });
}

void refuse_sessions(Said& said, Database& db) {
  auto store = db.sessions();
  for (const std::string& bad : {kWord,
                                 "{" + kWord,
                                 kJson + "\n" + kJson,
                                 kJson + kJson,
                                 "\"" + kWord + "\xff\"",
                                 std::string(1000, '[') + kWord,
                                 R"({")" + kWord + R"(":1e})",
                                 "\"\\u12" + kWord}) {
    said.provoke([&] { store.append("session", "segment", bad); });
    said.provoke([&] { store.append_all("session", "segment", {kJson, bad}); });
    said.provoke([&] { store.create_segment("session", "new", {bad}); });
    said.provoke([&] { store.append_trace("session", "segment", bad); });
    said.provoke([&] { store.set_metadata("session", "segment", bad); });
    said.provoke([&] { store.pods().write("pod", bad); });
    said.provoke([&] { db.commit(Batch().append("session", "segment", bad)); });
    said.provoke([&] { db.commit_async(Batch().append("session", "segment", bad)).wait(); });
    // Nobody waits for this one: the log has to say it.
    said.provoke([&] { db.commit_async(Batch().append("session", "segment", bad)); });
  }
  said.provoke([&] { store.append("other", "segment", kJson); });
  said.provoke([&] { store.append("session", "segment", kJson, {.expected_count = 77}); });
  said.provoke([&] { store.append("session", "segment", large_json() + large_json()); });
  said.provoke([&] { store.append("session", "segment", "\"" + words(400'000) + "\""); });
  said.provoke([&] { store.set_metadata("session", "segment", "\"" + words(70'000) + "\""); });
  said.provoke([&] { store.create_segment("session", "segment", {kJson}); });
  said.provoke([&] { store.truncate("session", "segment", 77); });
}

void refuse_manifests(Said& said, Database& db) {
  auto store = db.manifests();
  const std::string head = R"({"version":1,"checkpoint_id":1,"epoch":1,"timestamp_ms":1,)";
  for (const std::string& bad : {kWord,
                                 kJson,
                                 head + "\"" + kWord + "\"",
                                 head + "\"" + kWord + "\":1,\"" + kWord + "\":2}",
                                 head + R"("sink_commit_statuses":{"s":")" + kWord + R"("}})",
                                 head + R"("sink_commit_statuses":{"s":{")" + kWord + R"(":1}}})",
                                 head + R"("sink_epochs":{"s":")" + kWord + R"("}})",
                                 head + R"("source_offsets":")" + kWord + R"("})",
                                 head + R"("operator_states":{"o":)" + kJson + R"(}})",
                                 head + R"("state_checksum":")" + kWord + R"("})",
                                 head + R"("vnode_count":")" + kWord + R"("})",
                                 R"({"version":")" + kWord + R"("})",
                                 R"({"checkpoint_id":)" + kWord + "}"}) {
    said.provoke([&] { Manifest::from_json(bad); });
    said.provoke([&] { store.import(50, bad, BytesView(kWord)); });
    said.provoke([&] { store.load_by_id(50); });
    said.provoke([&] { store.state_checksum(50); });
    for (const ManifestIssue& issue : store.validate_checkpoint(50).issues)
      said.note(issue.reason);
    for (const SkippedManifest& skipped : store.recover_latest_validated().skipped)
      said.note(skipped.reasons);
  }
  const Manifest other = Manifest::from_json(head + R"("x":")" + kWord + R"("})");
  said.provoke([&] { store.save(other); });
  said.provoke([&] { store.save_with_state(other, kWord + kWord); });
  said.provoke([&] { store.save_state_data(1, {kWord}); });
  said.provoke([&] { store.save_with_state(Manifest(7, 7, 7), words(400'000)); });
  said.provoke([&] { store.update_manifest(Manifest(77, 1, 1)); });
}

void refuse_others(Said& said, Database& db) {
  said.provoke([&] { db.checkpoints().save("other", {.id = "c1", .data = to_bytes(kWord)}); });
  said.provoke(
      [&] { db.checkpoints().save("trace", {.id = "c9", .data = to_bytes(words(400'000))}); });
  said.provoke([&] { db.runs().append("run", {kWord}, {.expected_head = 77}); });
  said.provoke([&] { db.runs().append("run", {kWord}, {.first_seq = 77}); });
  said.provoke([&] { db.runs().append("run", {words(400'000)}); });
  said.provoke([&] { db.runs().save_snapshot({"run", 777, to_bytes(kWord)}); });
  StateBackend state = db.state("state");
  said.provoke([&] { state.put(words(70'000), kWord); });
  said.provoke([&] { state.get(words(70'000)); });
  said.provoke([&] { state.put(kWord, words(400'000)); });
  said.provoke([&] { state.put_batch({{kWord, kWord}, {words(70'000), kWord}}); });
  said.provoke([&] { state.update(kWord, nullptr); });
  said.provoke([&] { state.restore(77); });
  // Two entries of one prefixed key, and snapshots that are cut off or changed.
  state.put("operator:0:0:" + kWord, kWord);
  state.partition({"operator", 0, 0}).put(kWord, kWord);
  said.provoke([&] { state.export_snapshot(5); });
  state.remove("operator:0:0:" + kWord);
  const Bytes whole = state.export_snapshot(5);
  for (std::size_t i = 0; i < std::min<std::size_t>(whole.size(), 400); ++i) {
    Bytes changed = whole;
    changed[i] ^= std::byte{0x81};
    said.provoke([&] { db.state("import").import_snapshot(changed); });
    said.provoke([&] { db.state("import").import_snapshot(BytesView(std::span(whole).first(i))); });
  }
  const Lease stale{.name = "lease", .holder = "holder", .token = 9};
  said.provoke([&] { db.with_fence(stale.fence()).state("state").put(kWord, kWord); });
  said.provoke([&] { db.read([&] { db.state("state").put(kWord, kWord); }); });
}

// SQL that empties each table, and makes each column another one: ids another id, everything else of the word.
std::vector<std::string> damages_of(const std::string& path) {
  std::vector<std::string> damages;
  test::PlainSqlite file(path);
  for (const auto& row : file.rows("SELECT m.name, c.name, c.type, c.cid, c.name IN ('name', "
                                   "'holder', 'operator', 'parent')"
                                   " FROM sqlite_master m, pragma_table_info(m.name) c"
                                   " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'")) {
    const std::string column = "\"" + *row[1] + "\"";
    const std::string text = *row[4] == "1" ? "'renamed'" : "'" + kWord + "'";
    const std::string value = *row[2] == "INTEGER" ? column + " + 1"
                              : *row[2] == "BLOB"  ? "CAST(" + text + " AS BLOB)"
                                                   : text;
    damages.push_back("UPDATE OR IGNORE " + *row[0] + " SET " + column + " = " + value);
    if (*row[3] == "0") damages.push_back("DELETE FROM " + *row[0]);
  }
  return damages;
}

// False: not even SQLite takes it. Of a whole page, the seal is broken as well.
bool damage(const std::string& path, std::string sql, bool whole_page) {
  damaging = true;
  bool done = true;
  try {
    sql = "PRAGMA ignore_check_constraints = ON;" + sql;
    if (whole_page) {
      test::PlainSqlite(path).run(sql);
    } else {
      test::RowEditor(path)->run(sql);
    }
  } catch (const std::runtime_error&) {
    done = false;
  }
  damaging = false;
  return done;
}

}  // namespace

TEST_CASE("a text that quotes a secret, in whole or in part, is found") {
  for (const char* text : {"cannot store QuokkaZebra", "near \"quokk\"", "x'5a65627261'"}) {
    Said said;
    said.note(text);
    REQUIRE(said.betrayed() == std::string(text) + "\n");
  }
  Said said;
  said.note("the payload fails its digest");
  said.require_discretion();
}

TEST_CASE("no refusal quotes what was to be stored") {
  Said said;
  test::TemporaryFolder folder;
  {
    Database db =
        Database::open(folder.file("app.holdfast"),
                       {.max_payload_bytes = 300'000, .committer_thread = true, .log = said.log()});
    store_secrets(said, db);
    read_secrets(said, db);
    REQUIRE(said.errors() == 0);
    refuse_sessions(said, db);
    refuse_manifests(said, db);
    refuse_others(said, db);
    db.close();
    said.provoke([&] { db.state("state").put(kWord, kWord); });
  }
  said.require_discretion();
  REQUIRE(said.errors() > 100);
  std::cout << said.errors() << " refusals, " << said.texts() << " texts, 0 secrets\n";
}

TEST_CASE("no report on damaged rows quotes what is in them") {
  Said said;
  test::TemporaryFolder folder;
  const std::string path = folder.file("app.holdfast");
  {
    Database db = Database::open(path);
    store_secrets(said, db);
  }
  const std::string whole = test::bytes_of(path);
  const std::vector<std::string> damages = damages_of(path);
  std::uint64_t opened = 0;
  test::Random random;
  INFO(random);
  for (const std::string& sql : damages) {
    if (test::scale() < 1 && !random.one_in(8)) continue;
    CAPTURE(sql);
    test::write_bytes(path, whole);
    if (!damage(path, sql, random.one_in(4))) continue;
    said.provoke([&] {
      Database db = Database::open(path, {.durability = Durability::normal, .log = said.log()});
      ++opened;
      read_secrets(said, db);
      store_secrets(said, db);
    });
    said.require_discretion();
  }
  REQUIRE(opened > 10);
  std::cout << opened << " damaged files, " << said.errors() << " errors, " << said.texts()
            << " texts, 0 secrets\n";
}

TEST_CASE("no failure of the disk quotes what was being written or read") {
  constexpr std::array kResults{SQLITE_IOERR_WRITE,
                                SQLITE_IOERR_READ,
                                SQLITE_FULL,
                                SQLITE_CORRUPT,
                                SQLITE_NOTADB,
                                SQLITE_PERM,
                                SQLITE_READONLY};
  test::Random random;
  INFO(random);
  Said said;
  const std::size_t cases = test::scaled(1000);
  for (std::size_t i = 0; i < cases; ++i) {
    vfs::MemoryDisk disk;
    test::Rule rule;
    {
      Database db = test::open_on(disk, {.cache_bytes = 1 << 20}, &rule);
      store_secrets(said, db);
    }
    said.provoke([&] {
      Database db = test::open_on(disk, {.cache_bytes = 1 << 20, .log = said.log()}, &rule);
      rule.set([&, left = 1 + random.below(60), result = random.pick(kResults)](
                   const vfs::Call& call) mutable {
        const bool io = call.operation == vfs::Operation::read ||
                        call.operation == vfs::Operation::write ||
                        call.operation == vfs::Operation::sync;
        return io && --left == 0 ? Verdict::fail(result) : Verdict::proceed();
      });
      random.one_in(2) ? store_secrets(said, db) : read_secrets(said, db);
      rule.set(nullptr);
    });
  }
  said.require_discretion();
  REQUIRE(said.errors() > 0);
  std::cout << cases << " failing disks, " << said.errors() << " errors, 0 secrets\n";
}

TEST_CASE("no finding of an import quotes a record") {
  Said said;
  const test::SourceFiles source(
      {{"session/bad.jsonl", kJson + "\n" + kWord + "\n{\"" + kWord + "\n" + kJson + kJson + "\n"},
       {"session/torn.jsonl", kJson + "\n{\"" + kWord},
       {"session/bytes.jsonl", "\"" + kWord + "\xff\"\n"},
       {"pods/pod/metadata.json", "{\"" + kWord},
       {"pods/other/metadata.json", kJson}});
  const test::SourceFiles manifests({{"manifests/manifest-000001.json", kJson},
                                     {"manifests/manifest-000002.json", "{\"" + kWord},
                                     {"manifests/latest.json", kJson},
                                     {"checkpoints/state-000002.bin", kWord}});
  Database db = Database::in_memory({.log = said.log()});
  std::size_t findings = 0;
  for (const std::string& path : {source.path(), manifests.path()}) {
    said.provoke([&] {
      for (const ImportFinding& finding : import_from(db, path).findings) {
        ++findings;
        said.note(finding.reason);
      }
    });
  }
  said.require_discretion();
  REQUIRE(findings >= 6);
}

TEST_CASE("SQLite's own log has quoted nothing either") {
  REQUIRE(configured == SQLITE_OK);
  REQUIRE(sqlite_said.texts() > 0);
  sqlite_said.require_discretion();
}
