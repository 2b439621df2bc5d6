// The WAL-reset defect itself, step by step instead of by chance.
#include "connection.hpp"
#include "support/reset_window.hpp"
#include "vfs/wal_guard.hpp"

#include <functional>
#include <utility>

using holdfast::test::ResetWindow;
using holdfast::vfs::wal_reset_affected;
using holdfast::vfs::WalResetCure;
using holdfast::vfs::test::Base;
using holdfast::vfs::test::Connection;
using holdfast::vfs::test::Ground;

namespace {

struct Outcome {
  bool window_opened = false;
  int commit_in_window = SQLITE_OK;
  int acknowledged = 0;
  std::int64_t found = 0;
  bool whole = false;
};

// Two rounds of commits, a second checkpoint with a commit in its window, then a WAL longer than the
// first, a third checkpoint and a restart of the WAL.
Outcome provoke(Ground& ground) {
  ground.create();
  Outcome outcome;
  std::function<void()> in_window;
  const ResetWindow window(sqlite3_vfs_find(ground.shim.name().c_str()), [&] {
    const auto action = std::exchange(in_window, nullptr);
    if (action) action();
  });
  {
    Connection writer = ground.open();
    Connection late(window.name(), ground.path);
    for (Connection* db : {&writer, &late})
      db->must("PRAGMA wal_autocheckpoint=0");
    CHECK(late.number("SELECT count(*) FROM t") == 0);  // the header that it will find changed
    const auto insert = [&](Connection& db) {
      const int result = db.run("INSERT INTO t(b) VALUES(zeroblob(3000))");
      if (result == SQLITE_OK) ++outcome.acknowledged;
      return result;
    };
    for (int i = 0; i < 20; ++i)
      CHECK(insert(writer) == SQLITE_OK);
    CHECK(writer.checkpoint(SQLITE_CHECKPOINT_PASSIVE) == SQLITE_OK);
    in_window = [&] {
      outcome.window_opened = true;
      outcome.commit_in_window = insert(writer);
    };
    CHECK(late.checkpoint(SQLITE_CHECKPOINT_PASSIVE) == SQLITE_OK);
    for (int i = 0; i < 40; ++i)
      CHECK(insert(writer) == SQLITE_OK);
    CHECK(late.checkpoint(SQLITE_CHECKPOINT_TRUNCATE) == SQLITE_OK);
  }
  Connection check = ground.open();
  outcome.whole = check.ask("PRAGMA integrity_check").first == "ok";
  outcome.found = outcome.whole ? check.number("SELECT count(*) FROM t") : -1;
  return outcome;
}

}  // namespace

TEST_CASE("a commit in the window of the WAL-reset defect loses nothing under the guard") {
  Ground ground(GENERATE(Base::platform, Base::memory), {.wal_reset_cure = WalResetCure::guard});
  const Outcome outcome = provoke(ground);
  REQUIRE(outcome.window_opened);
  CHECK(outcome.commit_in_window == SQLITE_BUSY);
  CHECK(outcome.acknowledged == 60);
  CHECK(outcome.whole);
  CHECK(outcome.found == 60);
}

TEST_CASE(
    "a commit in the window of the WAL-reset defect succeeds under the salt check, and stays") {
  Ground ground(GENERATE(Base::platform, Base::memory),
                {.wal_reset_cure = WalResetCure::salt_check});
  const Outcome outcome = provoke(ground);
  REQUIRE(outcome.window_opened);
  CHECK(outcome.commit_in_window == SQLITE_OK);
  CHECK(outcome.acknowledged == 61);
  CHECK(outcome.whole);
  CHECK(outcome.found == 61);
}

TEST_CASE("without a cure an affected SQLite loses commits in that window") {
  Ground ground(GENERATE(Base::platform, Base::memory), {.wal_reset_cure = WalResetCure::none});
  const Outcome outcome = provoke(ground);
  REQUIRE(outcome.window_opened);
  CHECK(outcome.commit_in_window == SQLITE_OK);
  CHECK(outcome.acknowledged == 61);
  const bool lost = outcome.found != outcome.acknowledged;
  CHECK(lost == wal_reset_affected(sqlite3_libversion_number()));
}
