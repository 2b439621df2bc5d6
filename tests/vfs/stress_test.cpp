#include "connection.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

using holdfast::vfs::WalResetCure;
using holdfast::vfs::test::Base;
using holdfast::vfs::test::Connection;
using holdfast::vfs::test::Ground;

namespace {

constexpr int kThreads = 4;

// Retries what is busy; everything else that is not OK is a failure.
template <typename Attempt>
int insist(const Attempt& attempt) {
  int result = attempt();
  while ((result & 0xff) == SQLITE_BUSY) {
    std::this_thread::yield();
    result = attempt();
  }
  return result;
}

struct Tally {
  std::atomic<int> commits = 0;
  std::atomic<int> failures = 0;
  std::atomic<int> checkpoints = 0;
};

// The first succeeds in the end whatever the others do; the other modes may stay busy.
void checkpoint(Connection& db, Tally& tally) {
  const int passive = insist([&] { return db.checkpoint(SQLITE_CHECKPOINT_PASSIVE); });
  ++(passive == SQLITE_OK ? tally.checkpoints : tally.failures);
  for (const int mode : {SQLITE_CHECKPOINT_RESTART, SQLITE_CHECKPOINT_TRUNCATE}) {
    const int result = db.checkpoint(mode);
    if (result != SQLITE_OK && (result & 0xff) != SQLITE_BUSY) ++tally.failures;
  }
}

// One thread's share: commits, reads of its own rows, checkpoints now and then, and a new connection
// from time to time.
void work(Ground& ground, int thread, int commits, Tally& tally) {
  const std::string mine = std::to_string(thread);
  const std::string insert = "INSERT INTO t(b, c) VALUES(" + mine + ", randomblob(2000))";
  int done = 0;
  while (done < commits) {
    Connection db = ground.open();
    insist([&] { return db.run("PRAGMA wal_autocheckpoint=0"); });
    for (int i = 0; i < 25 && done < commits; ++i, ++done) {
      const int result = insist([&] { return db.run(insert); });
      ++(result == SQLITE_OK ? tally.commits : tally.failures);
      const auto [count, asked] = db.ask("SELECT count(*) FROM t WHERE b=" + mine);
      if (asked != SQLITE_ROW || count != std::to_string(done + 1)) ++tally.failures;
      static_cast<void>(ground.shim.wal_index_position());  // nothing, where a writer is half-way
      if (i % 10 == 9) checkpoint(db, tally);
    }
    if (ground.shim.replaced()) ++tally.failures;
  }
}

void stress(Ground& ground, int commits_per_thread) {
  const int commits = kThreads * commits_per_thread;
  {
    Connection db = ground.open();
    db.must("PRAGMA journal_mode=WAL");
    db.must("CREATE TABLE t(a INTEGER PRIMARY KEY, b, c)");
  }
  Tally tally;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { work(ground, i, commits_per_thread, tally); });
  }
  for (std::thread& thread : threads)
    thread.join();
  CHECK(tally.failures == 0);
  CHECK(tally.commits == commits);
  CHECK(tally.checkpoints >= kThreads);
  Connection db = ground.open();
  CHECK(db.number("SELECT count(*) FROM t") == commits);
  CHECK(db.text("PRAGMA integrity_check") == "ok");
}

}  // namespace

TEST_CASE("threads with connections of their own lose nothing in memory") {
  Ground ground(Base::memory,
                {.wal_reset_cure = GENERATE(WalResetCure::guard, WalResetCure::salt_check)});
  stress(ground, 200);
}

TEST_CASE("threads with connections of their own lose nothing on the platform's disk") {
  Ground ground(Base::platform,
                {.wal_reset_cure = GENERATE(WalResetCure::guard, WalResetCure::salt_check)});
  stress(ground, 40);
}
