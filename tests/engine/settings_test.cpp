// What every connection is told before it reads a file of unknown origin, asked of SQLite itself.
#include "engine/ground.hpp"

#include <sqlite3.h>

#include <utility>

using namespace holdfast;
using test::Connection;
using test::FileGround;
using test::Link;
using test::MemoryGround;
using test::require_error;

namespace {

template <class Check>
void on_both(const Link& link, const Check& check) {
  link.read([&](Connection& db) { check(db, false); });
  link.write([&](Connection& db) { check(db, true); });
}

}  // namespace

TEST_CASE("a connection trusts nothing in the file") {
  FileGround ground;
  on_both(*ground.link, [](Connection& db, bool) {
    for (const auto& [option, value] : {std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                                        {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
                                        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
                                        {SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
                                        {SQLITE_DBCONFIG_DQS_DML, 0},
                                        {SQLITE_DBCONFIG_DQS_DDL, 0}}) {
      int now = -1;
      REQUIRE(sqlite3_db_config(db.handle(), option, -1, &now) == SQLITE_OK);
      CAPTURE(option);
      REQUIRE(now == value);
    }
    REQUIRE(db.integer("PRAGMA cell_size_check") == 1);
    REQUIRE(db.integer("PRAGMA mmap_size") == 0);
    REQUIRE(db.integer("PRAGMA temp_store") == 2);
  });
}

TEST_CASE("a connection's limits are no wider than the schema needs") {
  FileGround ground;
  on_both(*ground.link, [](Connection& db, bool) {
    for (const auto& [limit, most] : {std::pair{SQLITE_LIMIT_LENGTH, 2 << 20},
                                      {SQLITE_LIMIT_SQL_LENGTH, 100'000},
                                      {SQLITE_LIMIT_COLUMN, 100},
                                      {SQLITE_LIMIT_EXPR_DEPTH, 100},
                                      {SQLITE_LIMIT_COMPOUND_SELECT, 16},
                                      {SQLITE_LIMIT_VARIABLE_NUMBER, 64},
                                      {SQLITE_LIMIT_ATTACHED, 0},
                                      {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
                                      {SQLITE_LIMIT_WORKER_THREADS, 0}}) {
      CAPTURE(limit);
      REQUIRE(sqlite3_limit(db.handle(), limit, -1) <= most);
    }
    REQUIRE(sqlite3_limit(db.handle(), SQLITE_LIMIT_LENGTH, -1) > 1 << 20);
  });
  require_error(ErrorCode::too_large,
                [&] { test::add_note(*ground.link, "a", std::string(2 << 20, 'x')); });
}

TEST_CASE("the disk's own cache is flushed where that must be asked for") {
  FileGround ground;
  on_both(*ground.link, [](Connection& db, bool) {
    REQUIRE(db.integer("PRAGMA fullfsync") == 1);
    REQUIRE(db.integer("PRAGMA checkpoint_fullfsync") == 1);
  });
}

TEST_CASE(
    "readers cannot write, the writer keeps its pages until the commit and wipes what it frees") {
  FileGround ground;
  on_both(*ground.link, [](Connection& db, bool writes) {
    REQUIRE(db.integer("PRAGMA query_only") == (writes ? 0 : 1));
    if (!writes) return;
    REQUIRE(db.integer("PRAGMA cache_spill") == 0);
    REQUIRE(db.integer("PRAGMA secure_delete") == 2);
    REQUIRE(db.integer("PRAGMA wal_autocheckpoint") == 0);
  });
  REQUIRE_THROWS_AS(ground.link->read([](Connection& db) { test::add_note(db, "a"); }), Error);
}

TEST_CASE("the page cache is as large as was asked for") {
  for (const auto& [bytes, kib] :
       {std::pair{std::uint64_t{4} << 20, -4096}, {std::uint64_t{1} << 60, -2'147'483'647}}) {
    MemoryGround ground({.cache_bytes = bytes});
    const int expected = kib;
    on_both(*ground.link,
            [&](Connection& db, bool) { REQUIRE(db.integer("PRAGMA cache_size") == expected); });
  }
}

TEST_CASE("full durability syncs the log at each commit, normal does not") {
  FileGround ground;
  const Link& link = *ground.link;
  const auto level = [&](Durability durability) {
    std::int64_t found = 0;
    link.transact(
        [&] { found = link.read([](Connection& db) { return db.integer("PRAGMA synchronous"); }); },
        {.durability = durability});
    return found;
  };
  REQUIRE(level(Durability::full) == 2);
  REQUIRE(level(Durability::normal) == 1);
  REQUIRE(level(Durability::full) == 2);
}
