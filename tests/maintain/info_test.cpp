#include "holdfast/maintain.hpp"
#include "holdfast/version.hpp"
#include "support/catch.hpp"
#include "support/full_database.hpp"
#include "support/plain_sqlite.hpp"
#include "support/temporary_database.hpp"

#include <algorithm>
#include <filesystem>
#include <string>

using namespace holdfast;

TEST_CASE("info counts what is there") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  test::fill(*db);
  const DatabaseInfo facts = info(*db);
  CHECK(facts.path == db->path());
  CHECK(facts.store_id == db->store_id());
  CHECK(facts.incarnation == db->incarnation());
  CHECK(facts.holdfast_version == version());
  CHECK_FALSE(facts.sqlite_version.empty());
  CHECK(facts.schema_version > 0);
  CHECK(facts.created_at_us > 1'600'000'000'000'000);
  CHECK(facts.page_count > 0);
  CHECK(facts.traces == 2);
  CHECK(facts.checkpoints == 4);
  CHECK(facts.sessions == 2);
  CHECK(facts.segments == 3);
  CHECK(facts.entries == 8);
  CHECK(facts.runs == 2);
  CHECK(facts.events == 10);
  CHECK(facts.snapshots == 3);
  CHECK(facts.streams == 2);
  CHECK(facts.manifests == 4);
  CHECK(facts.states == 1);
  CHECK(facts.state_entries == 5);
  CHECK(facts.foreign_objects.empty());
}

TEST_CASE("info of an empty file has counts of zero, and its size is that of the file") {
  test::TemporaryDatabase db(test::Ground::file, {.page_bytes = 16'384});
  const DatabaseInfo facts = info(*db);
  CHECK(facts.traces + facts.checkpoints + facts.sessions + facts.segments + facts.entries == 0);
  CHECK(facts.runs + facts.events + facts.snapshots + facts.streams + facts.manifests == 0);
  CHECK(facts.states + facts.state_entries == 0);
  CHECK(facts.page_bytes == 16'384);
  db.close();
  CHECK(std::filesystem::file_size(db.file()) == facts.page_bytes * facts.page_count);
}

TEST_CASE("info names the tables and views that a person added") {
  test::TemporaryDatabase db;
  db.damage("CREATE TABLE notes (text); CREATE VIEW recent AS SELECT * FROM notes");
  REQUIRE(info(*db).foreign_objects == std::vector<std::string>{"table notes", "view recent"});
}

TEST_CASE("info and verify do not trip over a count that was damaged") {
  test::TemporaryDatabase db;
  test::fill(*db);
  db.damage("UPDATE trace SET checkpoint_count = 9223372036854775807");
  REQUIRE(info(*db).traces == 2);
  REQUIRE_FALSE(verify(*db, {.quick = true}).sound());
}

TEST_CASE("storage_by_owner lists who uses the disk, the largest first, as the view does") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const auto uses = storage_by_owner(*db);
  REQUIRE(std::is_sorted(uses.begin(), uses.end(), [](const auto& left, const auto& right) {
    return left.stored_bytes > right.stored_bytes;
  }));
  const auto of = [&](const std::string& kind, const std::string& owner) {
    const auto found = std::find_if(uses.begin(), uses.end(), [&](const StorageUse& use) {
      return use.kind == kind && use.owner == owner;
    });
    REQUIRE(found != uses.end());
    return *found;
  };
  CHECK(of("trace", "trace-1").rows == 3);
  CHECK(of("trace", "trace-1").raw_bytes > 200'000);
  CHECK(of("segment", "g1").rows == 6);
  CHECK(of("run", "run-1").rows == 10);
  CHECK(of("state", "orders").rows == 5);
  CHECK(storage_by_owner(*db, 2).size() == 2);
  CHECK(storage_by_owner(*db, 0).empty());
  const std::size_t all = uses.size();
  db.close();
  REQUIRE(test::PlainSqlite(db.file()).integer("SELECT count(*) FROM storage_by_owner") ==
          static_cast<long long>(all));
}
