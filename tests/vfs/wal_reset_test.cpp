// The WAL-reset defect itself, step by step instead of by chance.
//
// SQLite calls xUnfetch, of methods version 3, exactly between "the checkpointer has read the
// wal-index header" and "it asks how much is copied". A layer over the Shim offers that method and
// lets another connection commit in it.
#include "connection.hpp"
#include "vfs/wal_guard.hpp"

#include <functional>

using holdfast::vfs::wal_reset_affected;
using holdfast::vfs::test::Base;
using holdfast::vfs::test::Connection;
using holdfast::vfs::test::Ground;

namespace {

// One at a time: the methods of a file have no place for a context of ours.
struct Window {
  explicit Window(sqlite3_vfs* over) : vfs(*over), open_below(over->xOpen) {
    vfs.zName = "holdfast-test-window";
    vfs.xOpen = open;
    current = this;
    sqlite3_vfs_register(&vfs, 0);
  }
  ~Window() {
    sqlite3_vfs_unregister(&vfs);
    current = nullptr;
  }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  static int open(
      sqlite3_vfs* self, const char* path, sqlite3_file* file, int flags, int* out_flags) {
    const int result = current->open_below(self, path, file, flags, out_flags);
    if (result != SQLITE_OK || (flags & SQLITE_OPEN_MAIN_DB) == 0) return result;
    current->methods = *file->pMethods;
    current->methods.iVersion = 3;
    current->methods.xFetch = fetch;
    current->methods.xUnfetch = unfetch;
    file->pMethods = &current->methods;
    return result;
  }
  static int fetch(sqlite3_file*, sqlite3_int64, int, void** page) {
    *page = nullptr;
    return SQLITE_OK;
  }
  static int unfetch(sqlite3_file*, sqlite3_int64, void*) {
    const auto action = std::move(current->in_window);
    current->in_window = nullptr;
    if (action) action();
    return SQLITE_OK;
  }

  static inline Window* current = nullptr;
  sqlite3_vfs vfs;
  int (*open_below)(sqlite3_vfs*, const char*, sqlite3_file*, int, int*);
  sqlite3_io_methods methods{};
  std::function<void()> in_window;
};

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
  Window window(sqlite3_vfs_find(ground.shim.name().c_str()));
  {
    Connection writer = ground.open();
    Connection late(window.vfs.zName, ground.path);
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
    window.in_window = [&] {
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
  Ground ground(GENERATE(Base::platform, Base::memory), {.wal_reset_guard = true});
  const Outcome outcome = provoke(ground);
  REQUIRE(outcome.window_opened);
  CHECK(outcome.commit_in_window == SQLITE_BUSY);
  CHECK(outcome.acknowledged == 60);
  CHECK(outcome.whole);
  CHECK(outcome.found == 60);
}

TEST_CASE("without the guard an affected SQLite loses commits in that window") {
  Ground ground(GENERATE(Base::platform, Base::memory), {.wal_reset_guard = false});
  const Outcome outcome = provoke(ground);
  REQUIRE(outcome.window_opened);
  CHECK(outcome.commit_in_window == SQLITE_OK);
  CHECK(outcome.acknowledged == 61);
  const bool lost = outcome.found != outcome.acknowledged;
  CHECK(lost == wal_reset_affected(sqlite3_libversion_number()));
}
