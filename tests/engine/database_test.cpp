// The Database itself: what it returns, what its copies and batches keep open, what may go inside a call.
#include "holdfast/database.hpp"

#include "access.hpp"
#include "engine/folder.hpp"
#include "support/temporary_database.hpp"

using namespace holdfast;
using test::Ground;
using test::outcome_of;
using test::require_error;
using test::TemporaryDatabase;

namespace {

const OpenOptions kWithCommitter{.committer_thread = true};

std::size_t entries(const Database& database) {
  return database.sessions().read_all("s", "g").size();
}

}  // namespace

TEST_CASE("transact and read return what the function returned") {
  TemporaryDatabase db(Ground::memory);
  REQUIRE(db->transact([&] {
    db->sessions().append("s", "g", "{}");
    return std::string("value");
  }) == "value");
  REQUIRE(db->read([&] { return entries(*db); }) == 1);
  std::unique_ptr<int> moved = db->transact([] { return std::make_unique<int>(7); });
  REQUIRE(*moved == 7);
}

TEST_CASE("a function may let go of the database that it runs in") {
  test::TemporaryFolder folder;
  auto db = std::make_unique<Database>(Database::open(folder.file("a.holdfast")));
  SECTION("in transact") {
    db->transact([&] {
      db->sessions().append("s", "g", "{}");
      db.reset();
    });
  }
  SECTION("in transact, for another one") {
    db->transact([&] {
      db->sessions().append("s", "g", "{}");
      *db = Database::open(folder.file("b.holdfast"));
    });
    db.reset();
    std::filesystem::remove(folder.file("b.holdfast"));
  }
  SECTION("in read") {
    db->sessions().append("s", "g", "{}");
    db->read([&] { db.reset(); });
  }
  REQUIRE(test::files_in(folder.path()) == test::Names{"a.holdfast"});
  REQUIRE(entries(Database::open(folder.file("a.holdfast"))) == 1);
}

TEST_CASE("a batch can be committed often, from any thread, and to its own file only") {
  TemporaryDatabase db(Ground::memory);
  Batch batch;
  batch.append("s", "g", "{}").append("s", "g", "{}");
  REQUIRE(batch.size() == 2);
  db->commit(batch);
  std::thread([&] { db->commit(batch); }).join();
  REQUIRE(entries(*db) == 4);
  TemporaryDatabase other(Ground::memory);
  Batch with_handle;
  with_handle.append("s", "g", "{}").put(db->state("x"), "key", "value");
  require_error(ErrorCode::invalid_argument, [&] { other->commit(with_handle); });
  require_error(ErrorCode::not_found, [&] { entries(*other); });
  db->commit(with_handle);
  REQUIRE(db->state("x").get("key"));
}

TEST_CASE("a batch does not keep its database open") {
  test::TemporaryFolder folder;
  const std::string path = folder.file("a.holdfast");
  Batch batch;
  {
    Database db = Database::open(path);
    batch.put(db.state("x"), "key", "value").checkpoint(db.state("x"), 1);
    db.commit(batch);
  }
  REQUIRE(test::files_in(folder.path()) == test::Names{"a.holdfast"});
  Database db = Database::open(path);
  REQUIRE(db.state("x").get("key"));
  // Another opening: the batch was made for the one that is closed.
  require_error(ErrorCode::invalid_argument, [&] { db.commit(batch); });
}

TEST_CASE("tickets whose batches hold handles are committed by the end of the last copy") {
  test::TemporaryFolder folder;
  for (int round = 0; round < 20; ++round) {
    const std::string path = folder.file(std::to_string(round));
    std::optional<Database> db = Database::open(path, kWithCommitter);
    for (int i = 0; i < 20; ++i) {
      Batch batch;
      batch.put(db->state("x"), std::to_string(i), "value");
      db->commit_async(std::move(batch));
    }
    db.reset();
    REQUIRE(Database::open(path).state("x").range_scan("").size() == 20);
  }
}

TEST_CASE(
    "after close() stores and statistics are closed, and what is known of the file stays known") {
  TemporaryDatabase db;
  const std::string id = db->store_id();
  auto sessions = db->sessions();
  Database copy = *db;
  copy.close();
  require_error(ErrorCode::closed, [&] { sessions.append("s", "g", "{}"); });
  require_error(ErrorCode::closed, [&] { sessions.list_sessions(); });
  require_error(ErrorCode::closed, [&] { db->leases().list(); });
  require_error(ErrorCode::closed, [&] { db->statistics(); });
  REQUIRE(db->store_id() == id);
  REQUIRE(db->path() == db.file());
}

TEST_CASE("a database in memory has no path, and two of them have nothing in common") {
  Database first = Database::in_memory();
  Database second = Database::in_memory();
  REQUIRE(first.path().empty());
  REQUIRE(first.store_id() != second.store_id());
  first.sessions().append("s", "g", "{}");
  require_error(ErrorCode::not_found, [&] { entries(second); });
}
