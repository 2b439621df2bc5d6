// Rows that another program changed: noticed, named, never silently older.
#include "holdfast/error.hpp"
#include "run/run_cases.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <functional>

namespace holdfast {

namespace {

using test::at_seqs;
using test::require_error;
using test::snapshot;
using test::State;
using test::state_of;
using Numbers = std::vector<std::uint64_t>;

constexpr std::size_t kLargeBytes = 1'000'000;

// Run "r" with events 11..14 and snapshots at 11, 12, 13, 14; the newest is large if asked for.
void fill(test::TemporaryDatabase& db, std::size_t newest_bytes = 1) {
  auto runs = db->runs();
  runs.append("r", {"a", "b", "c", "d"}, {.first_seq = 11});
  for (const std::uint64_t at_seq : {11U, 12U, 13U})
    runs.save_snapshot(snapshot("r", at_seq, "s"));
  runs.save_snapshot(snapshot("r", 14, std::string(newest_bytes, 'n')));
  runs.append("other", {"x"});
  runs.save_snapshot(snapshot("other", 1, "o"));
}

ErrorDetail damage_of(const std::function<void()>& call) {
  return require_error(ErrorCode::corrupt, call);
}

}  // namespace

TEST_CASE("a changed column of the newest snapshot is corrupt and named; recovery falls back",
          "[run]") {
  test::TemporaryDatabase db;
  fill(db);
  const std::string change = GENERATE(as<std::string>(),
                                      "payload = X'65'",
                                      "payload = 'n'",
                                      "created_at_us = created_at_us + 1",
                                      "codec = 'json'",
                                      "value_version = 1",
                                      "raw_bytes = raw_bytes + 1",
                                      "previous_at_seq = 11",
                                      "payload_digest = payload_digest + 1",
                                      "digest = digest + 1");
  CAPTURE(change);
  db.damage("UPDATE snapshot SET " + change + " WHERE at_seq = 14");
  auto runs = db->runs();
  const auto detail = damage_of([&] { (void)runs.load_latest("r"); });
  CHECK(detail.id == "r");
  CHECK(detail.actual == 14);
  CHECK(damage_of([&] { (void)runs.load_at("r", 20); }).actual == 14);

  const auto recovery = runs.recover_latest("r");
  CHECK(state_of(recovery.chosen) == State(13, "s"));
  CHECK(recovery.damaged == Numbers{14});
  CHECK(state_of(runs.load_at("r", 13)) == State(13, "s"));
}

TEST_CASE("with no good snapshot left, recovery chooses none: full replay", "[run]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("UPDATE snapshot SET payload = X'00'");
  const auto recovery = db->runs().recover_latest("r");
  CHECK_FALSE(recovery.chosen);
  CHECK(recovery.damaged == Numbers{14, 13, 12, 11});
  CHECK_FALSE(recovery.incomplete);
  CHECK(db->runs().scan("r").size() == 4);
}

TEST_CASE("recovery of a sound run reports nothing", "[run]") {
  test::TemporaryDatabase db;
  fill(db);
  const auto recovery = db->runs().recover_latest("r");
  CHECK(state_of(recovery.chosen) == State(14, "n"));
  CHECK(recovery.damaged.empty());
  CHECK_FALSE(recovery.incomplete);
  CHECK_FALSE(db->runs().recover_latest("unknown").chosen);
}

TEST_CASE("snapshots that changed places are corrupt", "[run]") {
  test::TemporaryDatabase db;
  fill(db);
  SECTION("within a run") {
    db.damage(
        "UPDATE snapshot SET at_seq = at_seq + 100, previous_at_seq = NULL WHERE at_seq > 12;"
        "UPDATE snapshot SET at_seq = 127 - at_seq WHERE at_seq > 100");
  }
  SECTION("between runs") {
    db.damage(
        "UPDATE snapshot SET run_key = run_key + 10;"
        "UPDATE snapshot SET run_key = 3 - (run_key - 10)");
    CHECK(damage_of([&] { (void)db->runs().load_latest("other"); }).id == "other");
    CHECK_FALSE(db->runs().recover_latest("other").chosen);
  }
  CHECK(damage_of([&] { (void)db->runs().load_latest("r"); }).id == "r");
}

TEST_CASE("a newest snapshot that vanished is corrupt, not silently older", "[run]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("DELETE FROM snapshot WHERE at_seq = 14");
  auto runs = db->runs();
  CHECK(damage_of([&] { (void)runs.load_latest("r"); }).id == "r");
  CHECK(damage_of([&] { (void)runs.list("r"); }).id == "r");
  CHECK(damage_of([&] { runs.save_snapshot(snapshot("r", 14, "n")); }).id == "r");
  const auto recovery = runs.recover_latest("r");
  CHECK(state_of(recovery.chosen) == State(13, "s"));
  CHECK(recovery.incomplete);
  CHECK(runs.append("r", {"e"}) == 15);
  runs.save_snapshot(snapshot("r", 15, "e"));
  CHECK(state_of(runs.load_latest("r")) == State(15, "e"));
}

TEST_CASE("a snapshot that vanished between others is noticed where its place is passed", "[run]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("DELETE FROM snapshot WHERE at_seq = 13");
  auto runs = db->runs();
  CHECK(state_of(runs.load_latest("r")) == State(14, "n"));
  CHECK(damage_of([&] { (void)runs.load_at("r", 13); }).id == "r");
  CHECK(state_of(runs.load_at("r", 11)) == State(11, "s"));
  CHECK(at_seqs(runs.list("r", {.limit = 1})) == Numbers{14});
  CHECK(damage_of([&] { (void)runs.list("r"); }).id == "r");
  CHECK(damage_of([&] { (void)runs.list("r", {.before = 14}); }).id == "r");
  CHECK(damage_of([&] { (void)runs.prune("r", 1); }).id == "r");
  CHECK(damage_of([&] { runs.save_snapshot(snapshot("r", 13, "s")); }).id == "r");
  CHECK(runs.prune("r", 3) == 1);
  CHECK(runs.prune("r", 0) == 2);
  CHECK(runs.info("r")->snapshots == 0);
}

TEST_CASE("a damaged record of a run is corrupt, and recovery still finds the newest", "[run]") {
  test::TemporaryDatabase db;
  fill(db);
  const std::string change = GENERATE(as<std::string>(),
                                      "node_key = 2",
                                      "first_seq = 1",
                                      "event_count = 3",
                                      "raw_bytes = 0",
                                      "snapshot_count = 1",
                                      "oldest_at_seq = 12",
                                      "newest_at_seq = 13",
                                      "created_at_us = 0",
                                      "digest = digest + 1");
  CAPTURE(change);
  db.damage("UPDATE run SET " + change + " WHERE name = 'r'");
  auto runs = db->runs();
  const std::vector<std::function<void()>> calls{
      [&] { (void)runs.head("r"); },
      [&] { (void)runs.scan("r"); },
      [&] { runs.for_each("r", 1, [](const LogEntry&) {}); },
      [&] { (void)runs.append("r", {"e"}); },
      [&] { (void)runs.append("r", {}); },
      [&] { (void)runs.info("r"); },
      [&] { (void)runs.list_runs(); },
      [&] { (void)runs.load_latest("r"); },
      [&] { (void)runs.list("r"); },
      [&] { runs.save_snapshot(snapshot("r", 11, "s")); },
      [&] { (void)runs.prune("r", 1); },
      [&] { (void)runs.remove("r"); }};
  for (const auto& call : calls)
    CHECK(damage_of(call).id == "r");

  const auto recovery = runs.recover_latest("r");
  CHECK(state_of(recovery.chosen) == State(14, "n"));
  CHECK(recovery.incomplete);
  CHECK(runs.head("other") == 1);
}

TEST_CASE("runs that changed names do not give each other's events or snapshots", "[run]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage(
      "UPDATE run SET name = name || '2';"
      "UPDATE run SET name = CASE name WHEN 'r2' THEN 'other' ELSE 'r' END");
  for (const char* run : {"r", "other"}) {
    CHECK(damage_of([&] { (void)db->runs().scan(run); }).id == run);
    CHECK_FALSE(db->runs().recover_latest(run).chosen);
  }
}

TEST_CASE("a damaged event is corrupt and named by its sequence number; those before are read",
          "[run]") {
  test::TemporaryDatabase db;
  fill(db);
  const std::string change =
      GENERATE(as<std::string>(),
               "UPDATE log_entry SET payload = X'00' WHERE entry_key & 4294967295 = 3",
               "UPDATE log_entry SET kind = 'x' WHERE entry_key & 4294967295 = 3",
               "DELETE FROM log_entry WHERE entry_key & 4294967295 = 3");
  CAPTURE(change);
  db.damage(change);
  auto runs = db->runs();
  const auto detail = damage_of([&] { (void)runs.scan("r"); });
  CHECK(detail.id == "r");
  CHECK(detail.actual == 13);
  CHECK(damage_of([&] { runs.for_each("r", 12, [](const LogEntry&) {}); }).actual == 13);
  CHECK(runs.scan("r", 11, 2).size() == 2);
  CHECK(test::events_of(runs.scan("r", 14)) == test::Events{{14, "d"}});
  CHECK(runs.append("r", {"e"}) == 15);
  CHECK(runs.remove("r"));
}

TEST_CASE("a newest event that vanished is corrupt, not a lower head", "[run]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("DELETE FROM log_entry WHERE entry_key & 4294967295 = 4");
  CHECK(db->runs().head("r") == 14);
  CHECK(damage_of([&] { (void)db->runs().scan("r", 14); }).actual == 14);
}

TEST_CASE("a list is not stopped by a damaged state, and goes on past a damaged row", "[run]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage(
      "UPDATE snapshot SET payload = X'00' WHERE at_seq = 13;"
      "UPDATE snapshot SET value_version = 1 WHERE at_seq = 12");
  auto runs = db->runs();
  CHECK(at_seqs(runs.list("r", {.limit = 2})) == Numbers{14, 13});
  CHECK(damage_of([&] { (void)runs.list("r"); }).actual == 12);
  CHECK(at_seqs(runs.list("r", {.before = 12})) == Numbers{11});
}

TEST_CASE("a damaged snapshot can be replaced and pruned", "[run]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("UPDATE snapshot SET value_version = 1 WHERE at_seq = 12");
  auto runs = db->runs();
  SECTION("replaced") {
    runs.save_snapshot(snapshot("r", 12, "new"));
    CHECK(at_seqs(runs.list("r")) == Numbers{14, 13, 12, 11});
    CHECK(state_of(runs.load_at("r", 12)) == State(12, "new"));
  }
  SECTION("pruned") {
    CHECK(runs.prune("r", 2) == 2);
    CHECK(at_seqs(runs.list("r")) == Numbers{14, 13});
  }
  SECTION("its neighbour is believed all the same") {
    CHECK(state_of(runs.load_at("r", 11)) == State(11, "s"));
  }
  SECTION("a new one before it is refused, for it would need a digest that hides the damage") {
    runs.prune("r", 3);
    CHECK(damage_of([&] { runs.save_snapshot(snapshot("r", 11, "s")); }).actual == 12);
  }
}

TEST_CASE("damage to a large state is corrupt and named", "[run]") {
  test::TemporaryDatabase db;
  fill(db, kLargeBytes);
  const std::string change = GENERATE(as<std::string>(),
                                      "DELETE FROM content",
                                      "DELETE FROM chunk",
                                      "UPDATE content SET keyed_digest = zeroblob(16)",
                                      "UPDATE chunk_data SET bytes = zeroblob(length(bytes))");
  CAPTURE(change);
  db.damage(change);
  CHECK(damage_of([&] { (void)db->runs().load_latest("r"); }).actual == 14);
  CHECK(state_of(db->runs().recover_latest("r").chosen) == State(13, "s"));
}

}  // namespace holdfast
