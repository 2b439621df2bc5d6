#include "connection.hpp"

#include <atomic>
#include <filesystem>

using holdfast::vfs::Call;
using holdfast::vfs::FileKind;
using holdfast::vfs::Interceptor;
using holdfast::vfs::Operation;
using holdfast::vfs::Verdict;
using holdfast::vfs::test::Base;
using holdfast::vfs::test::Connection;
using holdfast::vfs::test::Ground;

namespace {

// Fails the next sync of one kind of file once, and counts what changes the disk afterwards.
class FailingSync : public Interceptor {
 public:
  Verdict before(const Call& call) override {
    const bool changes = call.operation == Operation::write ||
                         call.operation == Operation::truncate ||
                         call.operation == Operation::sync || call.operation == Operation::remove;
    if (failed && changes && call.file != FileKind::temporary) ++changes_after;
    if (call.operation != Operation::sync || call.file != fails || failed || !armed) {
      return Verdict::proceed();
    }
    failed = true;
    return late ? Verdict::proceed() : Verdict::fail(SQLITE_IOERR_FSYNC);
  }

  int after(const Call& call, int result) override {
    const bool turn = late && failed && !turned && call.operation == Operation::sync;
    if (!turn) return result;
    turned = true;
    return SQLITE_IOERR_FSYNC;
  }

  FileKind fails = FileKind::wal;
  bool late = false;  // the sync is done and then reported as failed
  std::atomic<bool> armed = false;
  std::atomic<bool> failed = false;
  std::atomic<bool> turned = false;
  std::atomic<int> changes_after = 0;
};

}  // namespace

TEST_CASE("after a failed sync of the WAL nothing is written and everything can be read") {
  FailingSync disk;
  disk.late = GENERATE(false, true);
  Ground ground(GENERATE(Base::platform, Base::memory), {.interceptor = &disk});
  ground.create();
  {
    Connection writer = ground.open();
    Connection other = ground.open();
    writer.must("PRAGMA synchronous=FULL");
    writer.must("INSERT INTO t(b) VALUES(1)");
    CHECK_FALSE(ground.shim.poisoned());
    disk.armed = true;

    CHECK(writer.run("INSERT INTO t(b) VALUES(2)") == SQLITE_IOERR_FSYNC);
    CHECK(ground.shim.poisoned());
    CHECK(writer.run("INSERT INTO t(b) VALUES(3)") == SQLITE_IOERR_LOCK);
    CHECK(other.run("BEGIN IMMEDIATE") == SQLITE_IOERR_LOCK);
    CHECK(other.checkpoint(SQLITE_CHECKPOINT_PASSIVE) == SQLITE_IOERR_LOCK);
    CHECK(other.checkpoint(SQLITE_CHECKPOINT_TRUNCATE) == SQLITE_IOERR_LOCK);

    CHECK(writer.number("SELECT count(*) FROM t") == 1);
    CHECK(other.number("SELECT count(*) FROM t") == 1);
    Connection late = ground.open();
    CHECK(late.number("SELECT count(*) FROM t") == 1);
  }
  CHECK(disk.changes_after == 0);  // the closing of the last connection included

  if (ground.path == "/app.holdfast") return;  // below: files that another shim opens
  CHECK(std::filesystem::file_size(ground.path + "-wal") > 0);
  const holdfast::vfs::Shim fresh;
  Connection after(fresh.name(), ground.path);
  CHECK(after.number("SELECT count(*) FROM t WHERE b=1") == 1);
  CHECK(after.text("PRAGMA integrity_check") == "ok");
  after.must("INSERT INTO t(b) VALUES(4)");
}

TEST_CASE("a failed sync of the database in a checkpoint poisons, and the WAL stays") {
  FailingSync disk;
  disk.fails = FileKind::database;
  Ground ground(GENERATE(Base::platform, Base::memory), {.interceptor = &disk});
  ground.create();
  {
    Connection db = ground.open();
    db.must("PRAGMA synchronous=FULL");
    db.must("INSERT INTO t(b) VALUES(1)");
    disk.armed = true;
    CHECK(db.checkpoint(SQLITE_CHECKPOINT_PASSIVE) == SQLITE_IOERR_FSYNC);
    CHECK(ground.shim.poisoned());
    CHECK(db.run("INSERT INTO t(b) VALUES(2)") == SQLITE_IOERR_LOCK);
    CHECK(db.number("SELECT count(*) FROM t") == 1);
  }
  CHECK(disk.changes_after == 0);
  const auto image = ground.disk.snapshot();
  const std::string wal = ground.path + "-wal";
  CHECK((image.count(wal) == 1 || std::filesystem::exists(wal)));
}

TEST_CASE("a failed sync of the rollback journal poisons") {
  FailingSync disk;
  disk.fails = FileKind::journal;
  Ground ground(Base::memory, {.interceptor = &disk});
  Connection db = ground.open();
  db.must("PRAGMA journal_mode=DELETE");
  db.must("CREATE TABLE t(a)");
  disk.armed = true;
  CHECK(db.run("INSERT INTO t VALUES(1)") == SQLITE_IOERR_FSYNC);
  CHECK(ground.shim.poisoned());
  CHECK(db.run("INSERT INTO t VALUES(2)") != SQLITE_OK);
  CHECK(disk.changes_after == 0);
}

TEST_CASE("a failed sync of the folder, when the journal is deleted, poisons") {
  holdfast::vfs::test::Rule rule;
  Ground ground(Base::memory, {.interceptor = &rule});
  Connection db = ground.open();
  db.must("PRAGMA journal_mode=DELETE");
  db.must("PRAGMA synchronous=EXTRA");
  db.must("CREATE TABLE t(a)");
  bool asked_for_folder = false;
  rule.set([&](const Call& call) {
    if (call.operation != Operation::remove) return Verdict::proceed();
    asked_for_folder = call.flags != 0;
    return Verdict::fail(SQLITE_IOERR_DIR_FSYNC);
  });
  CHECK(db.run("INSERT INTO t VALUES(1)") == SQLITE_IOERR_DIR_FSYNC);
  CHECK(asked_for_folder);
  CHECK(ground.shim.poisoned());
}

TEST_CASE("a sync of a temporary file that fails does not poison") {
  FailingSync disk;
  disk.fails = FileKind::temporary;
  disk.armed = true;
  Ground ground(Base::memory, {.interceptor = &disk});
  ground.create();
  sqlite3_vfs* vfs = sqlite3_vfs_find(ground.shim.name().c_str());
  std::vector<std::uint64_t> space(static_cast<std::size_t>(vfs->szOsFile) / 8 + 1);
  auto* file = reinterpret_cast<sqlite3_file*>(space.data());
  constexpr int kFlags = SQLITE_OPEN_TEMP_DB | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                         SQLITE_OPEN_EXCLUSIVE | SQLITE_OPEN_DELETEONCLOSE;
  REQUIRE(vfs->xOpen(vfs, nullptr, file, kFlags, nullptr) == SQLITE_OK);
  CHECK(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) == SQLITE_IOERR_FSYNC);
  CHECK(file->pMethods->xClose(file) == SQLITE_OK);
  CHECK(disk.failed);
  CHECK_FALSE(ground.shim.poisoned());
}

TEST_CASE("a shim that was poisoned by hand refuses writes") {
  Ground ground(GENERATE(Base::platform, Base::memory));
  ground.create();
  Connection db = ground.open();
  db.must("INSERT INTO t(b) VALUES(1)");
  ground.shim.poison();
  CHECK(ground.shim.poisoned());
  CHECK(db.run("INSERT INTO t(b) VALUES(2)") == SQLITE_IOERR_LOCK);
  CHECK(db.number("SELECT count(*) FROM t") == 1);
}

TEST_CASE("a poison in the middle of a transaction stops its writes to the WAL") {
  holdfast::vfs::test::Rule rule;
  Ground ground(Base::memory, {.interceptor = &rule});
  ground.create();
  Connection db = ground.open();
  db.must("BEGIN IMMEDIATE");
  db.must("INSERT INTO t(b) VALUES(1)");
  ground.shim.poison();
  int writes = 0;
  rule.set([&](const Call& call) {
    if (call.operation == Operation::write) ++writes;
    return Verdict::proceed();
  });
  CHECK(db.run("COMMIT") == SQLITE_IOERR_FSYNC);
  CHECK(writes == 0);
  db.run("ROLLBACK");
  CHECK(db.number("SELECT count(*) FROM t") == 0);
}
