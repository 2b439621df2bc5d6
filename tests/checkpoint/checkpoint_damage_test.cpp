// Rows that another program changed: noticed, named, never silently older.
#include "checkpoint/checkpoint_cases.hpp"
#include "holdfast/error.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

namespace holdfast {

namespace {

using test::blob;
using test::data_of;
using test::require_error;
using Names = std::vector<std::string>;

// Trace "t" with a, b, c, d in this order; d is large if asked for. Another trace beside it.
void fill(test::TemporaryDatabase& db, std::size_t newest_bytes = 1) {
  auto store = db->checkpoints();
  for (const char* id : {"a", "b", "c"})
    store.save("t", blob(id, id));
  store.save("t", blob("d", std::string(newest_bytes, 'd')));
  store.save("other", blob("x", "x"));
  store.save("other", blob("y", "y"));
}

std::string damaged_id(const std::function<void()>& call) {
  return require_error(ErrorCode::corrupt, call).id;
}

constexpr std::size_t kLargeBytes = 1'000'000;

}  // namespace

TEST_CASE("a changed column of the newest checkpoint is corrupt and named", "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db);
  const std::string change = GENERATE(as<std::string>(),
                                      "payload = X'65'",
                                      "payload = 'd'",
                                      "payload = X'6464', raw_bytes = 2",
                                      "graph_hash = graph_hash + 1",
                                      "created_at_ns = created_at_ns + 1",
                                      "saved_at_us = saved_at_us + 1",
                                      "codec = 'json'",
                                      "value_version = 1",
                                      "parent = 'a'",
                                      "metadata = '{}'",
                                      "raw_bytes = raw_bytes + 1",
                                      "previous_ordinal = 1",
                                      "payload_digest = payload_digest + 1",
                                      "digest = digest + 1");
  CAPTURE(change);
  db.damage("UPDATE checkpoint SET " + change + " WHERE name = 'd'");
  auto store = db->checkpoints();
  CHECK(damaged_id([&] { (void)store.load_latest("t"); }) == "d");
  CHECK(damaged_id([&] { (void)store.load("d"); }) == "d");

  const auto recovery = store.recover_latest("t");
  CHECK(data_of(recovery.chosen) == "c");
  CHECK(recovery.damaged == Names{"d"});
  CHECK(data_of(store.load_latest("other")) == "y");
}

TEST_CASE("recovery passes over several damaged ones, newest first", "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("UPDATE checkpoint SET payload = X'00' WHERE name IN ('b', 'c', 'd')");
  const auto recovery = db->checkpoints().recover_latest("t");
  CHECK(data_of(recovery.chosen) == "a");
  CHECK(recovery.damaged == Names{"d", "c", "b"});
  CHECK_FALSE(recovery.incomplete);
}

TEST_CASE("recovery of a trace with nothing good left chooses nothing and names all",
          "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("UPDATE checkpoint SET payload = X'00'");
  const auto recovery = db->checkpoints().recover_latest("t");
  CHECK_FALSE(recovery.chosen);
  CHECK(recovery.damaged == Names{"d", "c", "b", "a"});
}

TEST_CASE("recovery of a sound trace reports nothing", "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db);
  const auto recovery = db->checkpoints().recover_latest("t");
  CHECK(data_of(recovery.chosen) == "d");
  CHECK(recovery.damaged.empty());
  CHECK_FALSE(recovery.incomplete);
}

TEST_CASE("two rows that changed places are both corrupt", "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db);
  SECTION("their payloads") {
    db.damage(
        "UPDATE checkpoint SET payload = CASE name WHEN 'c' THEN X'64' ELSE X'63' END"
        " WHERE name IN ('c', 'd')");
  }
  SECTION("their payloads with the digests of these") {
    db.damage(
        "CREATE TEMP TABLE old AS SELECT * FROM checkpoint;"
        "UPDATE checkpoint SET (payload, payload_digest) = (SELECT payload, payload_digest"
        " FROM old WHERE old.name = CASE checkpoint.name WHEN 'c' THEN 'd' ELSE 'c' END)"
        " WHERE name IN ('c', 'd')");
  }
  SECTION("their keys") {
    db.damage(
        "UPDATE checkpoint SET checkpoint_key = -checkpoint_key WHERE name IN ('c', 'd');"
        "UPDATE checkpoint SET checkpoint_key = -checkpoint_key +"
        " CASE name WHEN 'c' THEN 1 ELSE -1 END WHERE name IN ('c', 'd')");
  }
  SECTION("their ids") {
    db.damage(
        "UPDATE checkpoint SET name = name || '2' WHERE name IN ('c', 'd');"
        "UPDATE checkpoint SET name = CASE name WHEN 'c2' THEN 'd' ELSE 'c' END"
        " WHERE name IN ('c2', 'd2')");
  }
  auto store = db->checkpoints();
  CHECK_FALSE(damaged_id([&] { (void)store.load_latest("t"); }).empty());
  CHECK(damaged_id([&] { (void)store.load("c"); }) == "c");
  CHECK(damaged_id([&] { (void)store.load("d"); }) == "d");
  CHECK(data_of(store.recover_latest("t").chosen) == "b");
}

TEST_CASE("traces that changed names do not give each other's checkpoints", "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage(
      "UPDATE trace SET name = name || '2';"
      "UPDATE trace SET name = CASE name WHEN 't2' THEN 'other' ELSE 't' END");
  auto store = db->checkpoints();
  for (const char* trace : {"t", "other"}) {
    CHECK(damaged_id([&] { (void)store.load_latest(trace); }) == trace);
    CHECK_FALSE(store.recover_latest(trace).chosen);
  }
  CHECK(damaged_id([&] { (void)store.load("x"); }) == "x");
}

TEST_CASE("a newest row that vanished is corrupt, not silently older", "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("DELETE FROM checkpoint WHERE name = 'd'");
  auto store = db->checkpoints();
  CHECK(damaged_id([&] { (void)store.load_latest("t"); }) == "t");
  CHECK(damaged_id([&] { (void)store.list("t"); }) == "t");

  const auto recovery = store.recover_latest("t");
  CHECK(data_of(recovery.chosen) == "c");
  CHECK(recovery.damaged.empty());
  CHECK(recovery.incomplete);
}

TEST_CASE("a row that vanished between others is noticed where its place is passed",
          "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("DELETE FROM checkpoint WHERE name = 'c'");
  auto store = db->checkpoints();
  CHECK(data_of(store.load_latest("t")) == "d");
  CHECK(store.list("t", {.limit = 1}) == Names{"d"});
  CHECK(damaged_id([&] { (void)store.list("t"); }) == "t");
  CHECK(damaged_id([&] { (void)store.list("t", {.before = "d"}); }) == "t");

  SECTION("removing the newest does not make an older one the newest in silence") {
    CHECK(damaged_id([&] { (void)store.remove("d"); }) == "t");
  }
  SECTION("a prune that would count it is refused, and removes nothing") {
    CHECK(damaged_id([&] { (void)store.prune("t", 1); }) == "t");
    CHECK(store.load("a"));
  }
  SECTION("a prune below it is exact") {
    CHECK(store.prune("t", 3) == 1);
    CHECK(store.load("b"));
    CHECK_FALSE(store.load("a"));
  }
  SECTION("saving goes on") {
    store.save("t", blob("e", "e"));
    CHECK(data_of(store.load_latest("t")) == "e");
  }
  SECTION("removing all says how many there were") {
    CHECK(store.remove_trace("t") == 3);
    CHECK_FALSE(store.load_latest("t"));
  }
}

TEST_CASE("a trace whose rows have all vanished is corrupt", "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("DELETE FROM checkpoint WHERE name NOT IN ('x', 'y')");
  auto store = db->checkpoints();
  CHECK(damaged_id([&] { (void)store.load_latest("t"); }) == "t");
  const auto recovery = store.recover_latest("t");
  CHECK_FALSE(recovery.chosen);
  CHECK(recovery.incomplete);
}

TEST_CASE("a damaged record of a trace is corrupt, and recovery still finds the newest",
          "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db);
  const std::string change = GENERATE(as<std::string>(),
                                      "newest_ordinal = 3",
                                      "oldest_ordinal = 2",
                                      "last_ordinal = 9",
                                      "checkpoint_count = 1",
                                      "created_at_us = 0",
                                      "digest = digest + 1");
  CAPTURE(change);
  db.damage("UPDATE trace SET " + change + " WHERE name = 't'");
  auto store = db->checkpoints();
  const std::vector<std::function<void()>> calls{[&] { (void)store.load_latest("t"); },
                                                 [&] { (void)store.list("t"); },
                                                 [&] { (void)store.list_traces(); },
                                                 [&] { (void)store.size("t"); },
                                                 [&] { (void)store.size(); },
                                                 [&] { (void)store.remove("d"); },
                                                 [&] { (void)store.prune("t", 1); },
                                                 [&] { (void)store.remove_trace("t"); },
                                                 [&] { store.save("t", blob("e", "e")); }};
  for (const auto& call : calls)
    CHECK(damaged_id(call) == "t");

  CHECK(data_of(store.load("d")) == "d");
  const auto recovery = store.recover_latest("t");
  CHECK(data_of(recovery.chosen) == "d");
  CHECK(recovery.incomplete);
}

TEST_CASE("a checkpoint whose trace vanished is corrupt, not absent", "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("DELETE FROM trace WHERE name = 't'");
  auto store = db->checkpoints();
  CHECK(damaged_id([&] { (void)store.load("a"); }) == "a");
  CHECK(damaged_id([&] { (void)store.info("a"); }) == "a");
  CHECK(damaged_id([&] { store.save("t", blob("a", "1")); }) == "a");
}

TEST_CASE("a list is not stopped by damaged data, and goes on past a damaged row", "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage(
      "UPDATE checkpoint SET payload = X'00' WHERE name = 'c';"
      "UPDATE checkpoint SET graph_hash = 1 WHERE name = 'b'");
  auto store = db->checkpoints();
  CHECK(store.list("t", {.limit = 2}) == Names{"d", "c"});
  CHECK(damaged_id([&] { (void)store.list("t"); }) == "b");
  CHECK(store.list("t", {.before = "b"}) == Names{"a"});
}

TEST_CASE("a damaged checkpoint can be removed, replaced and pruned", "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("UPDATE checkpoint SET graph_hash = 1 WHERE name = 'b'");
  auto store = db->checkpoints();
  SECTION("removed") {
    CHECK(store.remove("b"));
    CHECK(store.list("t") == Names{"d", "c", "a"});
  }
  SECTION("replaced") {
    store.save("t", blob("b", "new"));
    CHECK(store.list("t") == Names{"b", "d", "c", "a"});
    CHECK(data_of(store.load("b")) == "new");
  }
  SECTION("pruned") {
    CHECK(store.prune("t", 2) == 2);
    CHECK(store.list("t") == Names{"d", "c"});
  }
  SECTION("but the one before it only after it, since its link is not believed") {
    CHECK(store.remove("a"));
    CHECK(damaged_id([&] { (void)store.list("t"); }) == "b");
  }
}

TEST_CASE("the neighbour of a removed row is not given a digest that hides its damage",
          "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db);
  db.damage("UPDATE checkpoint SET graph_hash = 1 WHERE name = 'c'");
  auto store = db->checkpoints();
  CHECK(damaged_id([&] { (void)store.remove("b"); }) == "c");
  CHECK(damaged_id([&] { (void)store.load("c"); }) == "c");
  CHECK(data_of(store.load("b")) == "b");
}

TEST_CASE("damage to large data is corrupt and named", "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db, kLargeBytes);
  const std::string change = GENERATE(as<std::string>(),
                                      "DELETE FROM content",
                                      "DELETE FROM chunk",
                                      "UPDATE content SET keyed_digest = zeroblob(16)",
                                      "UPDATE chunk_data SET bytes = zeroblob(length(bytes))");
  CAPTURE(change);
  db.damage(change);
  auto store = db->checkpoints();
  CHECK(damaged_id([&] { (void)store.load_latest("t"); }) == "d");
  const auto recovery = store.recover_latest("t");
  CHECK(data_of(recovery.chosen) == "c");
  CHECK(recovery.damaged == Names{"d"});
}

TEST_CASE("removing a damaged row does not free the content that it names wrongly",
          "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(db, kLargeBytes);
  db->checkpoints().save("other", blob("large", std::string(kLargeBytes, 'l')));
  db.damage(
      "UPDATE checkpoint SET content_key ="
      " (SELECT content_key FROM checkpoint WHERE name = 'large') WHERE name = 'd'");
  auto store = db->checkpoints();
  CHECK(damaged_id([&] { (void)store.load("d"); }) == "d");
  CHECK(store.remove("d"));
  CHECK(data_of(store.load("large")) == std::string(kLargeBytes, 'l'));
}

}  // namespace holdfast
