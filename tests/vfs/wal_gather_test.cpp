// Frames that wait in memory: fewer writes, and nothing that waits once a commit has returned.
#include "vfs/wal_gather.hpp"

#include "connection.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <vector>

using holdfast::vfs::Call;
using holdfast::vfs::FileKind;
using holdfast::vfs::MemoryDisk;
using holdfast::vfs::Operation;
using holdfast::vfs::Verdict;
using holdfast::vfs::test::Base;
using holdfast::vfs::test::Connection;
using holdfast::vfs::test::Ground;
using holdfast::vfs::test::rows_after_crash;
using holdfast::vfs::test::Rule;

namespace {

bool writes_wal(const Call& call) {
  return call.operation == Operation::write && call.file == FileKind::wal;
}

std::size_t log_bytes(const MemoryDisk& disk) {
  return disk.snapshot().at("/app.holdfast-wal").size();
}

}  // namespace

TEST_CASE("a commit of many pages is written to the log in few calls") {
  std::vector<std::int64_t> sizes;
  Rule rule;
  Ground ground(GENERATE(Base::platform, Base::memory), {.interceptor = &rule});
  ground.create();
  Connection db = ground.open();
  db.must("PRAGMA synchronous = " + std::string(GENERATE("FULL", "NORMAL")));
  db.must("INSERT INTO t(b) VALUES(zeroblob(600000))");  // the log grows ahead by as much again
  rule.set([&](const Call& call) {
    if (writes_wal(call)) sizes.push_back(call.bytes);
    return Verdict::proceed();
  });
  db.must("INSERT INTO t(b) VALUES(zeroblob(400000))");  // about a hundred pages
  REQUIRE(sizes.size() >= 4);
  REQUIRE(sizes.size() <= 6);
  REQUIRE(*std::max_element(sizes.begin(), sizes.end()) < 128 << 10);
  rule.set(nullptr);
  REQUIRE(db.number("SELECT length(b) FROM t ORDER BY a DESC") == 400'000);
}

TEST_CASE("nothing waits any more when a commit has returned, whatever came before it") {
  Ground ground(Base::memory);
  ground.create();
  Connection db = ground.open();
  // A small cache spills: frames are read again, written again, and their checksums, too.
  db.must("PRAGMA cache_size = 10");
  db.must("PRAGMA synchronous = " + std::string(GENERATE("FULL", "NORMAL")));
  std::int64_t rows = 0;
  holdfast::test::Random random;
  INFO(random);
  for (int round = 0; round < 60; ++round) {
    db.must("BEGIN IMMEDIATE");
    const int inserts = static_cast<int>(random.below(60));
    for (int i = 0; i < inserts; ++i)
      db.must("INSERT INTO t(b) VALUES(randomblob(" + std::to_string(random.below(3000)) + "))");
    db.must("UPDATE t SET b = randomblob(2000) WHERE a % 7 = " + std::to_string(round % 7));
    REQUIRE(rows_after_crash(ground.disk) == rows);
    const bool commits = !random.one_in(4);
    db.must(commits ? "COMMIT" : "ROLLBACK");
    if (commits) rows += inserts;
    REQUIRE(rows_after_crash(ground.disk) == rows);
    if (random.one_in(10)) db.checkpoint(SQLITE_CHECKPOINT_RESTART);
  }
}

TEST_CASE("a write of waiting frames that fails, fails the commit, and the next one is whole") {
  Rule rule;
  Ground ground(Base::memory, {.interceptor = &rule});
  ground.create();
  Connection db = ground.open();
  db.must("PRAGMA synchronous = " + std::string(GENERATE("FULL", "NORMAL")));
  db.must("INSERT INTO t(b) VALUES(1)");
  db.must("INSERT INTO t(b) VALUES(zeroblob(600000))");  // the log grows ahead by as much again
  const int code = GENERATE(SQLITE_FULL, SQLITE_IOERR_WRITE);
  const int nth = GENERATE(1, 2, 3, 4);
  const bool partly = GENERATE(false, true);
  CAPTURE(code, nth, partly);
  int left = nth;
  rule.set([&](const Call& call) {
    if (!writes_wal(call) || --left != 0) return Verdict::proceed();
    return partly ? Verdict::partial(call.bytes / 2, code) : Verdict::fail(code);
  });
  REQUIRE(db.run("INSERT INTO t(b) VALUES(zeroblob(400000))") == code);
  rule.set(nullptr);
  REQUIRE(rows_after_crash(ground.disk) == 2);
  db.must("INSERT INTO t(b) VALUES(2)");
  REQUIRE(rows_after_crash(ground.disk) == 3);
  REQUIRE(db.number("SELECT sum(b) FROM t") == 3);
}

TEST_CASE("a log grows ahead in zeros, which a recovery does not mistake for frames") {
  Rule rule;
  Ground ground(Base::memory, {.interceptor = &rule});
  ground.create();
  Connection db = ground.open();
  db.must("INSERT INTO t(b) VALUES(zeroblob(600000))");
  const std::size_t grown = log_bytes(ground.disk);
  REQUIRE(grown > 1'000'000);
  for (int i = 0; i < 20; ++i)
    db.must("INSERT INTO t(b) VALUES(zeroblob(10000))");
  REQUIRE(log_bytes(ground.disk) == grown);
  REQUIRE(rows_after_crash(ground.disk) == 21);
  SECTION("a log that stays small does not") {
    db.checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
    db.must("INSERT INTO t(b) VALUES(1)");
    REQUIRE(log_bytes(ground.disk) < 100'000);
  }
  SECTION("it goes on growing where the disk has no room for zeros") {
    rule.set([&](const Call& call) {
      const bool beyond = writes_wal(call) && call.bytes == 65'536;
      return beyond ? Verdict::fail(SQLITE_FULL) : Verdict::proceed();
    });
    for (int i = 0; i < 100; ++i)
      db.must("INSERT INTO t(b) VALUES(zeroblob(10000))");
    REQUIRE(rows_after_crash(ground.disk) == 121);
  }
}
