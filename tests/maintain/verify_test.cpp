#include "access.hpp"
#include "holdfast/maintain.hpp"
#include "maintain/stored_tables.hpp"
#include "support/catch.hpp"
#include "support/full_database.hpp"
#include "support/plain_sqlite.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace holdfast;

namespace {

std::string text_of(const VerifyReport& report) {
  std::string text;
  for (const Finding& finding : report.findings)
    text += finding.place + ": " + finding.what + "\n";
  return text;
}

bool has_error_at(const VerifyReport& report, const std::string& place) {
  return std::any_of(report.findings.begin(), report.findings.end(), [&](const Finding& finding) {
    return finding.severity == Severity::error && finding.place == place;
  });
}

struct Damage {
  const char* sql;
  const char* place;  // of one of the findings
  bool quick;         // is it found without digests?
};

// A row that goes, or comes.
const std::vector<Damage> kMissingRows = {
    {"DELETE FROM log_entry WHERE entry_key ="
     " (SELECT (node_key << 32) + 2 FROM segment WHERE name = 'g1')",
     "segment g1",
     true},
    {"DELETE FROM log_entry WHERE entry_key ="
     " (SELECT (node_key << 32) + 6 FROM segment WHERE name = 'g1')",
     "segment g1",
     true},
    {"DELETE FROM log_entry WHERE entry_key ="
     " (SELECT (trace_node_key << 32) + 1 FROM segment WHERE name = 'g1')",
     "segment g1",
     true},
    {"INSERT INTO log_entry (entry_key, created_at_us, raw_bytes, payload, digest)"
     " SELECT (node_key << 32) + 99, 0, 2, '{}', 0 FROM segment WHERE name = 'g2'",
     "segment g2",
     true},
    {"DELETE FROM log_entry WHERE entry_key ="
     " (SELECT (node_key << 32) + 10 FROM run WHERE name = 'run-1')",
     "run run-1",
     true},
    {"DELETE FROM snapshot WHERE at_seq = 3", "run run-1", true},
    {"DELETE FROM checkpoint WHERE name = 'c3'", "trace trace-1", true},
    {"DELETE FROM checkpoint WHERE name = 'c2'", "trace trace-1", true},
    {"DELETE FROM state_entry WHERE key = x'61'", "state orders", true},
    {"DELETE FROM state_undo WHERE key = x'61' AND interval = 2",
     "state orders checkpoint 9",
     true},
    {"DELETE FROM state_undo WHERE key = x'61' AND interval = 3", "state orders", true},
    {"DELETE FROM state_checkpoint WHERE checkpoint_id = 10", "state orders", true},
    {"DELETE FROM manifest WHERE checkpoint_id = 1", "stream ", true},
    {"DELETE FROM manifest_state WHERE checkpoint_id = 1", "manifest 1 of stream ", true},
    {"DELETE FROM segment WHERE name = 'g2'", "session session-1", true},
    {"DELETE FROM session WHERE name = 'session-1'", "session 1", true},
    {"DELETE FROM segment WHERE name = 'g1'", "segment 1", true},  // its metadata
    {"DELETE FROM run WHERE name = 'run-1'", "run 1", true},
    {"DELETE FROM trace WHERE name = 'trace-1'", "trace 1", true},
    {"DELETE FROM stream WHERE name = ''", "stream 1", true},
    {"DELETE FROM state_backend", "state 1", true},
    {"DELETE FROM state_partition WHERE operator = ''", "state partition 1", true},
    {"DELETE FROM log_node WHERE node_key = 1", "log node 1", true},
    {"UPDATE run SET node_key = 1 WHERE name = 'run-1'", "log node 1", true},
    {"DELETE FROM content WHERE content_key = 1", "chunk 1", true},
    {"DELETE FROM chunk WHERE chunk_key = 1", "chunk 1", true},
    {"DELETE FROM chunk_data WHERE chunk_key = 1", "chunk 1", true},
    {"INSERT INTO chunk_data (chunk_key, bytes) VALUES (1000000, x'00')", "chunk 1000000", true},
    {"UPDATE chunk SET users = users + 1 WHERE chunk_key = 1", "chunk 1", true},
    {"UPDATE chunk SET dependants = dependants + 1 WHERE chunk_key = 1", "chunk 1", true},
    {"DELETE FROM content_secret", "secret of digests", true},
    {"DELETE FROM content_secret_copy", "secret of digests", true},
    {"INSERT INTO content (raw_bytes, stored_bytes, chunk_count, keyed_digest, digest, recipe)"
     " VALUES (0, 0, 0, zeroblob(16), 0, x'')",
     "content 8",
     true},
    {"UPDATE snapshot SET payload = NULL, content_key = 1 WHERE at_seq = 3", "content 1", true},
};

// A value that is not what was written.
const std::vector<Damage> kChangedRows = {
    {"UPDATE lease SET token = token + 1", "lease leader", true},
    {"UPDATE session SET recency_us = 1 WHERE name = 'session-1'", "session session-1", false},
    {"UPDATE segment SET forked_from = 'x' WHERE name = 'g1'", "segment g1", false},
    {"UPDATE segment_metadata SET metadata = '{}'", "metadata of segment g1", false},
    {"UPDATE pod SET updated_at_us = 1 WHERE name = 'pod-1'", "pod pod-1", false},
    {"UPDATE log_entry SET kind = 'x' WHERE entry_key ="
     " (SELECT (node_key << 32) + 2 FROM segment WHERE name = 'g1')",
     "segment g1 entry 1",
     false},
    {"UPDATE log_entry SET payload = '{}' WHERE entry_key ="
     " (SELECT (trace_node_key << 32) + 1 FROM segment WHERE name = 'g1')",
     "segment g1 trace entry 0",
     false},
    {"UPDATE log_entry SET payload = CAST(payload AS BLOB) WHERE entry_key ="
     " (SELECT (node_key << 32) + 4 FROM run WHERE name = 'run-1')",
     "run run-1 event 4",
     false},
    {"UPDATE trace SET created_at_us = 1 WHERE name = 'trace-2'", "trace trace-2", false},
    {"UPDATE checkpoint SET graph_hash = 8 WHERE name = 'c1'", "checkpoint c1", false},
    {"UPDATE checkpoint SET payload = '{\"step\":2}' WHERE name = 'c1'", "checkpoint c1", false},
    {"UPDATE run SET created_at_us = 1 WHERE name = 'run-2'", "run run-2", false},
    {"UPDATE snapshot SET codec = 'x' WHERE at_seq = 3", "snapshot of run run-1 at 3", false},
    {"UPDATE snapshot SET payload = x'00' WHERE at_seq = 3", "snapshot of run run-1 at 3", false},
    {"UPDATE stream SET created_at_us = 1 WHERE name = 'job'", "stream job", true},
    {"UPDATE manifest SET committed = 0 WHERE checkpoint_id = 8",
     "manifest 8 of stream job",
     false},
    {"UPDATE manifest SET payload = '{}' WHERE checkpoint_id = 8",
     "manifest 8 of stream job",
     false},
    {"UPDATE manifest_state SET payload = 'State of 1' WHERE checkpoint_id = 1",
     "state of manifest 1 of stream ",
     false},
    {"UPDATE state_backend SET version = 1", "state orders", false},
    {"UPDATE state_partition SET subtask = 4 WHERE operator <> ''",
     "state orders partition op:1:2:4",
     false},
    {"UPDATE state_checkpoint SET entry_count = 1", "state orders checkpoint 10", false},
    {"UPDATE state_entry SET payload = x'34' WHERE key = x'61' AND partition_key = 1",
     "an entry of state orders",
     false},
    {"UPDATE state_entry SET interval = 5 WHERE partition_key = 2",
     "an entry of state orders",
     false},
    {"UPDATE state_undo SET payload = x'33' WHERE key = x'61'",
     "what checkpoints keep of an entry of state orders",
     false},
    {"UPDATE state_undo SET old_interval = 77 WHERE key = x'62'",
     "what checkpoints keep of an entry of state orders",
     false},
    // Large payloads: told by the row that owns them.
    {"UPDATE chunk_data SET bytes = CAST(substr(bytes, 1, 9) || x'ff' || substr(bytes, 11)"
     " AS BLOB)",
     "checkpoint c2",
     false},
    {"UPDATE chunk SET keyed_digest = zeroblob(16) WHERE chunk_key = 1", "chunk 1", false},
    {"UPDATE content_secret SET secret = zeroblob(16)", "secret of digests", true},
    {"UPDATE content SET keyed_digest = zeroblob(16)"
     " WHERE content_key = (SELECT content_key FROM snapshot WHERE at_seq = 7)",
     "snapshot of run run-1 at 7",
     false},
};

void require_found(const Damage& damage) {
  test::TemporaryDatabase db;
  test::fill(*db);
  db.damage(damage.sql);
  INFO(damage.sql);
  const VerifyReport full = verify(*db);
  INFO(text_of(full));
  REQUIRE_FALSE(full.sound());
  // Places of entries are more exact than these tests need: an entry of a partition says which.
  const bool named =
      std::any_of(full.findings.begin(), full.findings.end(), [&](const auto& found) {
        return found.severity == Severity::error && found.place.rfind(damage.place, 0) == 0;
      });
  REQUIRE(named);
  const VerifyReport quick = verify(*db, {.quick = true});
  INFO(text_of(quick));
  REQUIRE(quick.sound() == !damage.quick);
}

}  // namespace

TEST_CASE("verify is silent on a sound file, and has looked at everything") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  SECTION("empty") {
    const VerifyReport report = verify(*db);
    INFO(text_of(report));
    REQUIRE(report.sound());
    REQUIRE(report.findings.empty());
    REQUIRE(report.bytes_checked == 0);
  }
  SECTION("with something of every kind") {
    test::fill(*db);
    const VerifyReport report = verify(*db);
    INFO(text_of(report));
    REQUIRE(report.sound());
    REQUIRE(report.findings.empty());
    REQUIRE(report.bytes_checked > 7 * 200'000);
    const VerifyReport quick = verify(*db, {.quick = true});
    REQUIRE(quick.sound());
    REQUIRE(quick.bytes_checked == 0);
    REQUIRE(quick.rows_checked < report.rows_checked);
  }
}

TEST_CASE("verify finds every row that is missing or too many, also in a quick run") {
  for (const Damage& damage : kMissingRows)
    require_found(damage);
}

TEST_CASE("verify finds every value that is not as it was written") {
  for (const Damage& damage : kChangedRows)
    require_found(damage);
}

TEST_CASE("every table whose rows have a digest or a content is known to verify") {
  test::TemporaryDatabase db;
  db.close();
  std::set<std::string> digested;
  std::set<std::string> owning;
  for (const auto& table : maintain::stored_tables()) {
    if (table.rows != nullptr) digested.insert(table.name);
    if (table.contents != nullptr) owning.insert(table.name);
  }
  test::PlainSqlite plain(db.file());
  const auto tables_with = [&](const std::string& column) {
    std::vector<std::string> names;
    for (const auto& row :
         plain.rows("SELECT t.name FROM sqlite_schema AS t, pragma_table_info(t.name)"
                    " AS c WHERE t.type = 'table' AND c.name = '" +
                    column + "'")) {
      names.push_back(*row.front());
    }
    return names;
  };
  for (const auto& name : tables_with("digest")) {
    INFO(name);
    // Nobody writes pending writes yet, so nobody has said what their digest covers; the engine looks at
    // its own rows.
    const bool engines = name == "store" || name == "lease";
    REQUIRE((digested.count(name) == 1 || engines || name == "pending_write"));
  }
  for (const auto& name : tables_with("content_key")) {
    INFO(name);
    REQUIRE((owning.count(name) == 1 || name == "content"));
  }
}

TEST_CASE("verify reports damaged pages, and goes on with the other parts") {
  test::TemporaryDatabase db;
  test::fill(*db);
  db->state("orders").put("marker", "UNMISTAKABLE");
  db.close();
  db.skip_final_check();
  // Zeroes the page that has the marker: a leaf of the tree of state_entry.
  std::fstream file(db.file(), std::ios::in | std::ios::out | std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto at = bytes.find("UNMISTAKABLE");
  REQUIRE(at != std::string::npos);
  const std::size_t page_bytes =
      256U * static_cast<unsigned char>(bytes[16]) + static_cast<unsigned char>(bytes[17]);
  file.clear();
  file.seekp(static_cast<std::streamoff>(at / page_bytes * page_bytes));
  file << std::string(page_bytes, '\0');
  file.close();
  db.reopen();
  const VerifyReport report = verify(*db);
  INFO(text_of(report));
  REQUIRE_FALSE(report.sound());
  REQUIRE(has_error_at(report, "sqlite"));
  REQUIRE(has_error_at(report, "state_entry"));
  REQUIRE(report.bytes_checked > 200'000);  // the checkpoints were looked at all the same
}

TEST_CASE("a row that identifies the store and vanishes while the file is open is noticed") {
  test::TemporaryDatabase db;
  engine::Access::link(*db).write([](engine::Connection& c) { c.execute("DELETE FROM store"); });
  const VerifyReport report = verify(*db, {.quick = true});
  REQUIRE(has_error_at(report, "store"));
}

TEST_CASE("what a person added is told and does not make a file unsound") {
  test::TemporaryDatabase db;
  test::fill(*db);
  db.damage("CREATE TABLE notes (text); CREATE VIEW recent AS SELECT * FROM notes");
  const VerifyReport report = verify(*db);
  INFO(text_of(report));
  REQUIRE(report.sound());
  REQUIRE(report.findings.size() == 3);
  REQUIRE(report.findings[0].severity == Severity::info);
  REQUIRE(report.findings[0].what.find("table notes") == 0);
  REQUIRE(report.findings[2].what.find("checksums of pages") != std::string::npos);
}

TEST_CASE("state without a manifest is told as an orphan, not as damage") {
  test::TemporaryDatabase db;
  db->manifests().save_state_data(5, {"ahead of its manifest"});
  const VerifyReport report = verify(*db);
  INFO(text_of(report));
  REQUIRE(report.sound());
  REQUIRE(report.findings.size() == 1);
  REQUIRE(report.findings[0].severity == Severity::info);
}

TEST_CASE(
    "a file that is damaged all over gives a hundred findings of a kind and the number of the "
    "rest") {
  test::TemporaryDatabase db;
  std::vector<std::string> entries(250, "{}");
  db->sessions().append_all("s", "g", entries);
  db.damage("UPDATE log_entry SET kind = 'x'");
  const VerifyReport report = verify(*db);
  REQUIRE(report.findings.size() == 101);
  REQUIRE(report.findings.back().what == "and 150 more findings like these");
}

TEST_CASE("a state that came before its manifest, by itself or by import, is sound") {
  test::TemporaryDatabase db;
  auto store = db->manifests();
  store.save_state_data(5, {"ahead of its manifest"});
  store.save(Manifest(5, 1, 1));
  store.update_manifest(Manifest(5, 2, 2));
  store.import(6, Manifest(6, 1, 1).json(), BytesView("imported"));
  store.import(7, Manifest(7, 1, 1).json(), std::nullopt);
  const VerifyReport report = verify(*db);
  INFO(text_of(report));
  REQUIRE(report.findings.empty());
}

TEST_CASE("a manifest that came damaged is a warning, since it is kept as it came") {
  test::TemporaryDatabase db;
  db->manifests("job").import(4, "{\"no\": \"manifest\"}", std::nullopt);
  const VerifyReport report = verify(*db);
  INFO(text_of(report));
  REQUIRE(report.sound());
  REQUIRE(report.findings.size() == 1);
  REQUIRE(report.findings[0].severity == Severity::warning);
  REQUIRE(report.findings[0].place == "manifest 4 of stream job");
}

TEST_CASE("the progress of verify rises to its total, and can stop it") {
  test::TemporaryDatabase db;
  test::fill(*db);
  std::uint64_t last = 0;
  std::uint64_t calls = 0;
  const VerifyReport report =
      verify(*db, {.progress = [&](std::uint64_t done, std::uint64_t total) {
        CHECK(done >= last);
        CHECK(done <= total);
        last = done;
        ++calls;
        return true;
      }});
  REQUIRE(report.sound());
  REQUIRE(calls > 5);
  std::uint64_t left = 4;
  const VerifyReport stopped = verify(*db, {.progress = [&](auto, auto) { return --left > 0; }});
  REQUIRE(left == 0);
  REQUIRE(stopped.stopped);
  REQUIRE_FALSE(stopped.sound());
  REQUIRE(stopped.findings.empty());
}

TEST_CASE("verify finds nothing beside writers that move, add and remove contents all the time") {
  test::TemporaryDatabase db;
  test::fill(*db);
  std::jthread writer([&](const std::stop_token& stop) {
    auto state = db->state("orders");
    auto checkpoints = db->checkpoints();
    for (std::uint64_t i = 0; !stop.stop_requested(); ++i) {
      const std::string payload = test::large_payload(i, 70'000);
      state.put("moving", payload);
      if (i % 4 == 0) state.checkpoint(1000 + i);
      if (i % 8 == 0 && i > 0) state.drop_checkpoint(1000 + i - 4);
      checkpoints.save("busy", {std::to_string(i), to_bytes(payload), 0, 0});
      checkpoints.prune("busy", 3);
      db->sessions().append("session-1", "g1", "{\"i\":" + std::to_string(i) + "}");
      db->runs().append("run-1", {"{}"});
    }
  });
  std::string findings;
  for (int round = 0; round < 10; ++round)
    findings += text_of(verify(*db, {.quick = round % 2 == 0}));
  writer.request_stop();
  writer.join();
  REQUIRE(findings.empty());
  REQUIRE(verify(*db).sound());
}

TEST_CASE(
    "verify gives up its long look at the whole file rather than let writers run into a limit") {
  test::TemporaryDatabase db(
      test::Ground::file, {.durability = Durability::normal, .wal_hard_limit_bytes = 6ULL << 20});
  db->sessions().append_all("s", "g", std::vector<std::string>(40'000, "{}"));
  bool full = false;
  const auto write_until_full = [&](std::uint64_t done, std::uint64_t) {
    for (int i = 0; done == 0 && !full && i < 10'000; ++i) {
      try {
        db->state("x").put("k", std::string(10'000, 'x'));
      } catch (const Error& error) {
        full = error.code() == ErrorCode::full;
      }
    }
    return true;
  };
  test::require_error(ErrorCode::full, [&] { verify(*db, {.progress = write_until_full}); });
  REQUIRE(full);
  db->state("x").put("k", "the writer goes on");
  REQUIRE(verify(*db).sound());
}

TEST_CASE("the long look at the whole file can be stopped, too") {
  test::TemporaryDatabase db;
  db->sessions().append_all("s", "g", std::vector<std::string>(40'000, "{}"));
  std::uint64_t calls = 0;
  const VerifyReport report = verify(*db, {.progress = [&](std::uint64_t done, std::uint64_t) {
    CHECK(done == 0);
    ++calls;
    return false;
  }});
  REQUIRE(calls == 1);
  REQUIRE(report.stopped);
}

TEST_CASE("findings come by severity, the worst first") {
  test::TemporaryDatabase db;
  test::fill(*db);
  db->manifests("job").import(4, "{\"no\": \"manifest\"}", std::nullopt);
  db.damage("CREATE TABLE notes (text); UPDATE checkpoint SET graph_hash = 8 WHERE name = 'c1'");
  const VerifyReport report = verify(*db);
  INFO(text_of(report));
  REQUIRE(report.count(Severity::error) == 1);
  REQUIRE(report.count(Severity::warning) == 1);
  REQUIRE(report.count(Severity::info) >= 1);
  REQUIRE(report.findings.front().severity == Severity::error);
  REQUIRE(report.findings.back().severity == Severity::info);
}
