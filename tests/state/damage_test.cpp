// Damage to rows: reported at the read that meets it, never a wrong value and never a wrong absence.
#include "holdfast/database.hpp"
#include "holdfast/maintain.hpp"
#include "state/state_rows.hpp"
#include "support/catch.hpp"
#include "support/plain_sqlite.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <algorithm>
#include <string>

using namespace holdfast;
using test::require_error;
using test::text;

namespace {

const std::string kLarge(200'000, 'x');

// One checkpoint, with a change, a removal and an addition after it.
void fill(const Database& db) {
  auto orders = db.state("orders");
  orders.put("changed", "1");
  orders.put("large", kLarge);
  orders.put("removed", "1");
  orders.put("same", "1");
  orders.checkpoint(1);
  orders.put("changed", "2");
  orders.put("large", kLarge + "2");
  orders.put("made", "2");
  orders.remove("removed");
}

void require_corrupt(auto&& call) {
  require_error(ErrorCode::corrupt, call);
}

}  // namespace

TEST_CASE(
    "an entry whose columns were changed is corrupt for every read of it, and only for those") {
  test::TemporaryDatabase db;
  fill(*db);
  const std::string change = GENERATE("payload = CAST('3' AS BLOB)",
                                      "payload = CAST(payload AS TEXT)",
                                      "interval = interval - 1",
                                      "raw_bytes = 2",
                                      "digest = digest + 1");
  CAPTURE(change);
  db.damage("UPDATE state_entry SET " + change + " WHERE key = CAST('same' AS BLOB)");
  auto orders = db->state("orders");
  require_corrupt([&] { orders.get("same"); });
  require_corrupt([&] { orders.contains("same"); });
  require_corrupt([&] { orders.multi_get({"changed", "same"}); });
  require_corrupt([&] { orders.range_scan("s"); });
  require_corrupt([&] { orders.for_each("", [](const auto&) {}); });
  require_corrupt([&] { orders.update("same", [](const auto& now) { return now; }); });
  require_corrupt([&] { orders.export_snapshot(1); });
  require_corrupt([&] { orders.read_at(1).get("same"); });
  require_corrupt([&] { orders.export_snapshot(1, true); });
  REQUIRE(text(orders.get("changed")) == "2");
  REQUIRE(text(orders.range_scan("c")) == "changed=2");
}

TEST_CASE("an entry that stands in for another is corrupt") {
  test::TemporaryDatabase db;
  fill(*db);
  db.damage("UPDATE state_entry SET key = CAST('gone' AS BLOB) WHERE key = CAST('same' AS BLOB)");
  require_corrupt([&] { db->state("orders").get("gone"); });
}

TEST_CASE("a change to a damaged row of a large value is refused: its content may be another's") {
  test::TemporaryDatabase db;
  fill(*db);
  db->state("other").put("large", kLarge);
  db.damage(
      "UPDATE state_entry SET content_key = (SELECT max(content_key) FROM content)"
      " WHERE content_key = (SELECT min(content_key) FROM state_entry"
      "                       WHERE content_key IS NOT NULL)");
  auto orders = db->state("orders");
  require_corrupt([&] { orders.put("large", "3"); });
  require_corrupt([&] { orders.remove("large"); });
  require_corrupt([&] { orders.remove_all(); });
  require_corrupt([&] { orders.restore(1); });
  REQUIRE(text(db->state("other").get("large")) == kLarge);
}

TEST_CASE(
    "an undo row whose columns were changed is corrupt for reads at the checkpoint, and restore") {
  test::TemporaryDatabase db;
  fill(*db);
  const std::string key = GENERATE("changed", "large", "made", "removed");
  const std::string change = GENERATE("interval = interval + 1",
                                      "old_interval = old_interval + 1",
                                      "old_interval = NULL, raw_bytes = NULL, old_digest = NULL,"
                                      " payload = NULL, content_key = NULL",
                                      "old_interval = 1, raw_bytes = 1, old_digest = 1,"
                                      " payload = '1', content_key = NULL",
                                      "digest = digest + 1");
  CAPTURE(key, change);
  const std::string where = " WHERE key = CAST('" + key + "' AS BLOB)";
  db.close();
  {
    test::RowEditor file(db.file());
    const bool absence = file->text("SELECT raw_bytes IS NULL FROM state_undo" + where) == "1";
    // Changes that would leave such a row as it is.
    if (absence && change.starts_with("old_interval = old")) return;
    if (absence && change.starts_with("old_interval = NULL")) return;
    file->run("UPDATE state_undo SET " + change + where);
  }
  db.reopen();
  auto orders = db->state("orders");
  require_corrupt([&] { orders.read_at(1).get(key); });
  require_corrupt([&] { orders.read_at(1).range_scan(""); });
  require_corrupt([&] { orders.export_snapshot(1, true); });
  require_corrupt([&] { orders.restore(1); });
  REQUIRE(text(orders.get("changed")) == "2");
  REQUIRE(orders.list_checkpoints().size() == 1);
}

TEST_CASE("the payload of an undo row is checked when it is read at the checkpoint") {
  test::TemporaryDatabase db;
  fill(*db);
  db.damage(
      "UPDATE state_undo SET payload = CAST('3' AS BLOB) WHERE key = CAST('changed' AS BLOB)");
  auto orders = db->state("orders");
  require_corrupt([&] { orders.read_at(1).get("changed"); });
  // A restore moves the row without reading its payload, and the damage stays visible.
  orders.restore(1);
  require_corrupt([&] { orders.get("changed"); });
}

TEST_CASE("an undo row that is gone is corrupt for whoever needs it, not a silent later value") {
  test::TemporaryDatabase db;
  fill(*db);
  const std::string key = GENERATE("changed", "large", "made", "removed");
  CAPTURE(key);
  db.damage("DELETE FROM state_undo WHERE key = CAST('" + key + "' AS BLOB)");
  auto orders = db->state("orders");
  if (key != "removed") require_corrupt([&] { orders.read_at(1).get(key); });
  // What was made later is not in the export, whether its row says so or is gone.
  if (key != "made") require_corrupt([&] { orders.export_snapshot(1, true); });
  require_corrupt([&] { orders.restore(1); });
  require_corrupt([&] { orders.drop_checkpoint(1); });
  REQUIRE(text(orders.get("changed")) == "2");
}

TEST_CASE("an entry that is gone is corrupt for an export of the whole") {
  test::TemporaryDatabase db;
  fill(*db);
  db.damage("DELETE FROM state_entry WHERE key = CAST('same' AS BLOB)");
  auto orders = db->state("orders");
  require_corrupt([&] { orders.export_snapshot(1); });
  require_corrupt([&] { orders.export_snapshot(1, true); });
}

TEST_CASE("a changed head of a state is corrupt for its figures and for every write") {
  test::TemporaryDatabase db;
  fill(*db);
  const std::string change = GENERATE("version = version + 1",
                                      "entry_count = entry_count + 1",
                                      "size_bytes = size_bytes + 1",
                                      "interval = interval + 1",
                                      "created_at_us = created_at_us + 1");
  CAPTURE(change);
  db.damage("UPDATE state_backend SET " + change);
  auto orders = db->state("orders");
  require_corrupt([&] { orders.version(); });
  require_corrupt([&] { orders.size_bytes(); });
  require_corrupt([&] { orders.put("a", "1"); });
  require_corrupt([&] { orders.remove("changed"); });
  require_corrupt([&] { orders.checkpoint(2); });
  require_corrupt([&] { orders.list_states(); });
  require_corrupt([&] { orders.read_at(1); });
}

TEST_CASE("a changed row of a partition or a checkpoint is corrupt for whoever comes by it") {
  test::TemporaryDatabase db;
  fill(*db);
  SECTION("partition") {
    db.damage("UPDATE state_partition SET subtask = 1, operator = 'op'");
    require_corrupt([&] { db->state("orders").partition({"op", 0, 1}).get("same"); });
    require_corrupt([&] { db->state("orders").list_partitions(); });
  }
  SECTION("checkpoint") {
    const std::string change = GENERATE("checkpoint_id = 2, interval = 2",
                                        "interval = interval + 1",
                                        "version = version + 1",
                                        "entry_count = entry_count + 1",
                                        "size_bytes = size_bytes + 1",
                                        "created_at_us = created_at_us + 1");
    CAPTURE(change);
    db.damage("UPDATE state_checkpoint SET " + change);
    auto orders = db->state("orders");
    require_corrupt([&] { orders.list_checkpoints(); });
    if (change.starts_with("checkpoint_id")) return;
    require_corrupt([&] { orders.read_at(1); });
    require_corrupt([&] { orders.restore(1); });
    require_corrupt([&] { orders.drop_checkpoint(1); });
  }
}

TEST_CASE("errors name the state, and no key or value") {
  test::TemporaryDatabase db;
  auto orders = db->state("orders");
  orders.put("secret key", "secret value");
  db.damage("UPDATE state_entry SET raw_bytes = raw_bytes + 1");
  try {
    db->state("orders").get("secret key");
    FAIL("nothing was refused");
  } catch (const Error& error) {
    const std::string message = error.what();
    REQUIRE(message.find("orders") != std::string::npos);
    REQUIRE(message.find("secret") == std::string::npos);
    REQUIRE(error.detail().id == "orders");
  }
}

TEST_CASE("entries of an earlier time, each sound in itself, show in verify and in a restore") {
  test::TemporaryDatabase db;
  db->state("orders").checkpoint(1);
  db->state("orders").put("a", "1");
  db.damage("CREATE TABLE earlier AS SELECT * FROM state_entry");
  db->state("orders").put("a", "2");
  REQUIRE(verify(*db).sound());
  db.damage(
      "UPDATE state_entry SET (interval, raw_bytes, content_key, digest, payload) ="
      " (SELECT interval, raw_bytes, content_key, digest, payload FROM earlier)");
  const bool quick = GENERATE(true, false);
  const VerifyReport report = verify(*db, {.quick = quick});
  REQUIRE_FALSE(report.sound());
  REQUIRE(std::any_of(report.findings.begin(), report.findings.end(), [](const Finding& found) {
    return found.severity == Severity::error && found.place == "state orders";
  }));
  require_corrupt([&] { db->state("orders").restore(1); });
}
