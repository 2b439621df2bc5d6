// A removal of many entries is done at once for everybody who looks, and frees them in slices.
#include "access.hpp"
#include "content/removal.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"
#include "holdfast/maintain.hpp"
#include "log/log.hpp"
#include "session/segment_table.hpp"
#include "session/session_table.hpp"
#include "support/catch.hpp"
#include "support/temporary_database.hpp"

#include <string>
#include <vector>

namespace holdfast {

namespace {

using Names = std::vector<std::string>;

constexpr std::size_t kMany = 2 * content::kSliceRows + 10;
const std::string kLarge = std::string(80'000, 'l');

// Two segments of session "s" with so many entries each, trace entries, and one large; another session beside it.
void fill(Database& db) {
  const std::vector<std::string> entries(kMany, "{\"n\":1}");
  db.transact([&] {
    auto store = db.sessions();
    for (const char* segment : {"a", "b"}) {
      store.append_all("s", segment, entries);
      store.append_trace("s", segment, "{\"t\":1}");
      store.append("s", segment, kLarge, {.codec = "raw"});
    }
    store.append("beside", "c", "1");
  });
}

std::int64_t count(const Database& db, const std::string& sql) {
  return engine::Access::link(db).read(
      [&](engine::Connection& c) { return c.integer(("SELECT count(*) FROM " + sql).c_str()); });
}

bool free_slice(Database& db) {
  return engine::Access::link(db).write([](engine::Connection& c) { return log::free_slice(c); });
}

// The first transaction of remove_session, as a crash right behind it leaves the file.
void begin_removal(Database& db) {
  engine::Access::link(db).write([&](engine::Connection& c) {
    session::SessionTable sessions(c);
    session::SegmentTable segments(c);
    content::Freeing freeing(c);
    const auto row = *sessions.find("s");
    for (const std::string& name : segments.list(row, kNoLimit))
      segments.remove(freeing, segments.get("s", name));
    sessions.remove(row);
    REQUIRE(freeing.noted());
  });
}

void require_removed(const Database& db) {
  const auto store = db.sessions();
  CHECK(store.list_sessions() == Names{"beside"});
  CHECK_FALSE(store.info("a"));
  CHECK(store.list_segments("s").empty());
  CHECK(count(db, "log") == 1);
  CHECK(count(db, "trace_log") == 0);
  const VerifyReport report = verify(db);
  for (const Finding& finding : report.findings)
    UNSCOPED_INFO(finding.place << ": " << finding.what);
  REQUIRE(report.findings.empty());
}

void require_freed(const Database& db) {
  for (const char* table : {"content", "chunk", "chunk_data", "removal"})
    CHECK(count(db, table) == 0);
  CHECK(count(db, "log_entry") == 1);
  CHECK(count(db, "log_node") == 1);
}

test::Ground any_ground() {
  return GENERATE(test::Ground::file, test::Ground::memory);
}

}  // namespace

TEST_CASE("a session, a segment and a run with many entries are freed before the call returns") {
  test::TemporaryDatabase db(any_ground());
  fill(*db);
  const std::vector<std::string> events(kMany, "{}");
  db->runs().append("run", events);
  const auto removed = db->sessions().remove_session("s");
  CHECK(removed.segments == 2);
  CHECK(removed.entries == 2 * (kMany + 1));
  CHECK(db->runs().remove("run"));
  require_removed(*db);
  require_freed(*db);
  fill(*db);
  CHECK(db->sessions().remove_segment("s", "a") == kMany + 1);
  CHECK(db->sessions().list_segments("s") == Names{"b"});
  CHECK(count(*db, "log_entry") == static_cast<std::int64_t>(kMany) + 4);
}

TEST_CASE("between the slices of a removal everybody sees it done, and verify nothing wrong") {
  test::TemporaryDatabase db(any_ground());
  fill(*db);
  begin_removal(*db);
  std::size_t slices = 0;
  for (bool more = true; more; ++slices) {
    require_removed(*db);
    CHECK(count(*db, "storage_by_owner WHERE kind = 'removed' AND rows > 0") == 1);
    more = free_slice(*db);
  }
  CHECK(slices == 4);
  require_removed(*db);
  require_freed(*db);
}

TEST_CASE(
    "a removal that was interrupted is seen as done by others, and finished by the next opening") {
  test::TemporaryDatabase db;
  fill(*db);
  begin_removal(*db);
  db.close();
  CHECK(test::PlainSqlite(db.file()).integer("SELECT count(*) FROM log") == 1);
  require_removed(Database::open(db.file(), {.read_only = true}));
  db.reopen();
  require_removed(*db);
  require_freed(*db);
}

TEST_CASE("a segment's name is free before its old entries are") {
  test::TemporaryDatabase db(any_ground());
  fill(*db);
  begin_removal(*db);
  auto store = db->sessions();
  store.append("s", "a", "\"new\"");
  store.append_trace("s", "a", "\"new trace\"");
  for (bool more = true; more;) {
    CHECK(store.read_entry_count("s", "a") == 1);
    CHECK(store.read_all("s", "a").front().text() == "\"new\"");
    CHECK(verify(*db).findings.empty());
    more = free_slice(*db);
  }
  CHECK(store.read_trace("s", "a").size() == 1);
  CHECK(count(*db, "log_entry") == 3);
}

TEST_CASE("salvage brings no entry back that was removed and not yet freed") {
  test::TemporaryDatabase db;
  fill(*db);
  begin_removal(*db);
  db.close();
  const test::TemporaryFolder folder;
  const std::string path = folder.file("salvaged.holdfast");
  const SalvageReport report = salvage(db.file(), path);
  for (const Finding& finding : report.findings)
    UNSCOPED_INFO(finding.place << ": " << finding.what);
  CHECK(report.whole());
  auto salvaged = Database::open(path);
  require_removed(salvaged);
  require_freed(salvaged);
}

TEST_CASE("verify finds entries that nothing has removed, and a removal of what is there") {
  test::TemporaryDatabase db;
  fill(*db);
  begin_removal(*db);
  const auto damage = [&](const char* sql) {
    engine::Access::link(*db).write([&](engine::Connection& c) { c.execute(sql); });
    CHECK_FALSE(verify(*db).sound());
  };
  SECTION("the removal is lost") {
    damage("DELETE FROM removal");
  }
  SECTION("it is damaged") {
    damage("UPDATE removal SET last_key = last_key - 1");
  }
  SECTION("the node is there") {
    damage("INSERT INTO log_node (node_key) SELECT first_key >> 32 FROM removal");
  }
}

}  // namespace holdfast
