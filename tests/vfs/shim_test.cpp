#include "vfs/shim.hpp"

#include "connection.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

using holdfast::vfs::Call;
using holdfast::vfs::Counters;
using holdfast::vfs::FileKind;
using holdfast::vfs::Interceptor;
using holdfast::vfs::MemoryDisk;
using holdfast::vfs::Operation;
using holdfast::vfs::Shim;
using holdfast::vfs::Verdict;
using holdfast::vfs::test::Base;
using holdfast::vfs::test::Connection;
using holdfast::vfs::test::Ground;
using holdfast::vfs::test::rows_after_crash;
using holdfast::vfs::test::Rule;

TEST_CASE("two connections through a shim see each other's commits") {
  Ground ground(GENERATE(Base::platform, Base::memory));
  ground.create();
  Connection one = ground.open();
  Connection two = ground.open();
  for (int i = 1; i <= 20; ++i) {
    Connection& writer = i % 2 == 0 ? one : two;
    Connection& reader = i % 2 == 0 ? two : one;
    writer.must("INSERT INTO t(b) VALUES(randomblob(3000))");
    CHECK(reader.number("SELECT count(*) FROM t") == i);
  }
  CHECK(one.text("PRAGMA integrity_check") == "ok");
}

TEST_CASE("a reader keeps its picture while others commit, and the WAL restarts after it") {
  Ground ground(GENERATE(Base::platform, Base::memory));
  ground.create();
  Connection reader = ground.open();
  Connection writer = ground.open();
  reader.must("BEGIN");
  CHECK(reader.number("SELECT count(*) FROM t") == 0);
  for (int i = 0; i < 10; ++i)
    writer.must("INSERT INTO t(b) VALUES(randomblob(3000))");
  CHECK(reader.number("SELECT count(*) FROM t") == 0);
  CHECK(writer.checkpoint(SQLITE_CHECKPOINT_RESTART) == SQLITE_BUSY);
  reader.must("COMMIT");
  CHECK(reader.number("SELECT count(*) FROM t") == 10);
  const auto before = ground.shim.wal_index_position();
  REQUIRE(writer.checkpoint(SQLITE_CHECKPOINT_RESTART) == SQLITE_OK);
  writer.must("INSERT INTO t(b) VALUES(1)");
  const auto after = ground.shim.wal_index_position();
  REQUIRE((before && after));
  CHECK(after->frames < before->frames);
  CHECK(reader.number("SELECT count(*) FROM t") == 11);
  CHECK(writer.text("PRAGMA integrity_check") == "ok");
}

TEST_CASE("a database without WAL works through a shim too") {
  Ground ground(GENERATE(Base::platform, Base::memory));
  Connection one = ground.open();
  Connection two = ground.open();
  one.must("PRAGMA journal_mode=DELETE");
  one.must("CREATE TABLE t(a)");
  one.must("BEGIN IMMEDIATE");
  one.must("INSERT INTO t VALUES(1)");
  CHECK(two.run("BEGIN IMMEDIATE") == SQLITE_BUSY);
  one.must("ROLLBACK");
  two.must("INSERT INTO t VALUES(2)");
  CHECK(one.number("SELECT a FROM t") == 2);
  CHECK_FALSE(ground.shim.wal_index_position());
  CHECK_FALSE(ground.shim.replaced());
}

TEST_CASE("each shim has a name of its own, by which SQLite finds it while it lives") {
  auto one = std::make_unique<Shim>();
  const Shim two;
  CHECK(one->name() != two.name());
  const std::string name = one->name();
  CHECK(name.rfind("holdfast-", 0) == 0);
  CHECK(sqlite3_vfs_find(name.c_str()) != nullptr);
  CHECK(sqlite3_vfs_find(nullptr) != sqlite3_vfs_find(name.c_str()));
  one.reset();
  CHECK(sqlite3_vfs_find(name.c_str()) == nullptr);
  CHECK(sqlite3_vfs_find(two.name().c_str()) != nullptr);
}

TEST_CASE("SQLite is told which layers a file goes through") {
  Ground ground(Base::platform);
  const Connection db = ground.open();
  char* layers = nullptr;
  REQUIRE(sqlite3_file_control(db.handle(), "main", SQLITE_FCNTL_VFSNAME, &layers) == SQLITE_OK);
  const std::string seen = layers;
  sqlite3_free(layers);
  CHECK(seen == ground.shim.name() + "/" + sqlite3_vfs_find(nullptr)->zName);
}

TEST_CASE("no pragma can make a shim map a file into memory") {
  Ground ground(Base::platform);
  ground.create();
  Connection db = ground.open();
  CHECK(db.text("PRAGMA mmap_size=268435456") == "0");
  db.must("INSERT INTO t(b) VALUES(randomblob(3000))");
  CHECK(db.number("SELECT count(*) FROM t") == 1);
  sqlite3_file* file = nullptr;
  REQUIRE(sqlite3_file_control(db.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK);
  CHECK(file->pMethods->iVersion == 2);
}

TEST_CASE("the counters follow syncs and bytes of database and WAL") {
  Ground ground(GENERATE(Base::platform, Base::memory));
  ground.create();
  Connection db = ground.open();
  db.must("PRAGMA synchronous=FULL");
  const Counters before = ground.shim.counters();
  db.must("INSERT INTO t(b) VALUES(randomblob(20000))");
  const Counters committed = ground.shim.counters();
  CHECK(committed.syncs > before.syncs);
  CHECK(committed.sync_ns >= before.sync_ns);
  CHECK(committed.wal_bytes >= before.wal_bytes + 20000);
  CHECK(committed.database_bytes == before.database_bytes);
  REQUIRE(db.checkpoint(SQLITE_CHECKPOINT_FULL) == SQLITE_OK);
  const Counters checkpointed = ground.shim.counters();
  CHECK(checkpointed.database_bytes >= committed.database_bytes + 20000);
  CHECK(checkpointed.wal_bytes == committed.wal_bytes);
  CHECK(checkpointed.syncs > committed.syncs);
}

namespace {

// Everything that came by, as "operation kind".
class Witness : public Interceptor {
 public:
  Verdict before(const Call& call) override {
    ++counts.at(static_cast<std::size_t>(call.operation)).at(static_cast<std::size_t>(call.file));
    return Verdict::proceed();
  }
  [[nodiscard]] int of(Operation operation, FileKind file) const {
    return counts.at(static_cast<std::size_t>(operation)).at(static_cast<std::size_t>(file));
  }

  std::array<std::array<int, 6>, 13> counts{};
};

}  // namespace

TEST_CASE("an interceptor sees every kind of call with the file that it concerns") {
  Witness witness;
  Ground ground(GENERATE(Base::platform, Base::memory), {.interceptor = &witness});
  ground.create();  // begins with a rollback journal, and goes over to a WAL
  {
    Connection db = ground.open();
    db.must("INSERT INTO t(b) VALUES(randomblob(3000))");
    CHECK(db.checkpoint(SQLITE_CHECKPOINT_TRUNCATE) == SQLITE_OK);
  }
  for (const FileKind file : {FileKind::database, FileKind::wal, FileKind::journal}) {
    INFO(to_string(file));
    CHECK(witness.of(Operation::open, file) > 0);
    CHECK(witness.of(Operation::open, file) == witness.of(Operation::close, file));
    CHECK(witness.of(Operation::write, file) > 0);
    CHECK(witness.of(Operation::sync, file) > 0);
  }
  CHECK(witness.of(Operation::read, FileKind::database) > 0);
  CHECK(witness.of(Operation::file_size, FileKind::database) > 0);
  CHECK(witness.of(Operation::lock, FileKind::database) > 0);
  CHECK(witness.of(Operation::unlock, FileKind::database) > 0);
  CHECK(witness.of(Operation::truncate, FileKind::wal) > 0);
  CHECK(witness.of(Operation::remove, FileKind::wal) > 0);
  CHECK(witness.of(Operation::remove, FileKind::journal) > 0);
  CHECK(witness.of(Operation::shm_map, FileKind::shm) > 0);
  CHECK(witness.of(Operation::shm_lock, FileKind::shm) > 0);
  CHECK(witness.of(Operation::shm_unmap, FileKind::shm) == 2);
}

TEST_CASE("an interceptor can refuse any call, and SQLite sees the code") {
  Rule rule;
  Ground ground(GENERATE(Base::platform, Base::memory), {.interceptor = &rule});
  ground.create();
  const auto fail = [&](Operation operation, FileKind file, int code) {
    rule.set([=](const Call& call) {
      const bool hit = call.operation == operation && call.file == file;
      return hit ? Verdict::fail(code) : Verdict::proceed();
    });
  };
  SECTION("open") {
    fail(Operation::open, FileKind::database, SQLITE_CANTOPEN);
    Connection db = ground.open();
    CHECK((db.open_result() & 0xff) == SQLITE_CANTOPEN);
  }
  SECTION("an open that is lied about fails all the same") {
    fail(Operation::open, FileKind::database, SQLITE_OK);
    Connection db = ground.open();
    CHECK((db.open_result() & 0xff) == SQLITE_CANTOPEN);
  }
  SECTION("mapping the wal-index, also where it is lied about") {
    fail(Operation::shm_map, FileKind::shm, GENERATE(SQLITE_IOERR_SHMMAP, SQLITE_OK));
    Connection db = ground.open();
    CHECK(db.ask("SELECT count(*) FROM t").second == SQLITE_IOERR_SHMMAP);
  }
  SECTION("write") {
    fail(Operation::write, FileKind::wal, SQLITE_FULL);
    Connection db = ground.open();
    CHECK(db.run("INSERT INTO t(b) VALUES(1)") == SQLITE_FULL);
  }
  SECTION("read") {
    Connection db = ground.open();
    fail(Operation::read, FileKind::database, SQLITE_IOERR_READ);
    CHECK(db.ask("SELECT count(*) FROM t").second == SQLITE_IOERR_READ);
  }
  SECTION("file lock") {
    Connection db = ground.open();
    fail(Operation::lock, FileKind::database, SQLITE_BUSY);
    CHECK(db.ask("SELECT count(*) FROM t").second == SQLITE_BUSY);
  }
  SECTION("wal-index lock") {
    Connection db = ground.open();
    fail(Operation::shm_lock, FileKind::shm, SQLITE_IOERR_SHMLOCK);
    CHECK(db.ask("SELECT count(*) FROM t").second == SQLITE_IOERR_SHMLOCK);
  }
  rule.set(nullptr);
  Connection after = ground.open();
  after.must("INSERT INTO t(b) VALUES(2)");
  CHECK(after.number("SELECT max(b) FROM t") == 2);
  CHECK_FALSE(ground.shim.poisoned());
}

TEST_CASE("a torn write leaves the bytes before the tear, and recovery drops the transaction") {
  Rule rule;
  Ground ground(Base::memory, {.interceptor = &rule});
  ground.create();
  Connection db = ground.open();
  db.must("INSERT INTO t(b) VALUES(1)");
  std::int64_t torn = 0;
  rule.set([&](const Call& call) {
    const bool page = call.operation == Operation::write && call.bytes > 1000;
    if (!page || call.file != FileKind::wal) return Verdict::proceed();
    ++torn;
    return Verdict::partial(call.bytes / 2, SQLITE_OK);
  });
  db.must("INSERT INTO t(b) VALUES(2)");  // acknowledged, by a disk that lies
  CHECK(torn > 0);
  CHECK(rows_after_crash(ground.disk) == 1);
}

TEST_CASE("a disk that lies about a write keeps nothing of it") {
  Rule rule;
  Ground ground(Base::memory, {.interceptor = &rule});
  ground.create();
  Connection db = ground.open();
  db.must("INSERT INTO t(b) VALUES(1)");
  const auto before = ground.disk.snapshot();
  rule.set([](const Call& call) {
    return call.operation == Operation::write ? Verdict::lie() : Verdict::proceed();
  });
  db.must("INSERT INTO t(b) VALUES(2)");
  CHECK(ground.disk.snapshot() == before);
}

namespace {

// Lets the nth call that can fail fail, and no other. Opening and locking are left alone: their
// failures come back to the caller before anything is done.
class NthFault : public Interceptor {
 public:
  explicit NthFault(int nth) : left_(nth) {}

  Verdict before(const Call& call) override {
    switch (call.operation) {
      case Operation::write:
        return turn() ? Verdict::partial(call.bytes / 3, SQLITE_IOERR_WRITE) : Verdict::proceed();
      case Operation::read:
        return turn() ? Verdict::fail(SQLITE_IOERR_READ) : Verdict::proceed();
      case Operation::sync:
        return turn() ? Verdict::fail(SQLITE_IOERR_FSYNC) : Verdict::proceed();
      case Operation::truncate:
      case Operation::remove:
      case Operation::file_size:
      case Operation::shm_map:
        return turn() ? Verdict::fail(SQLITE_IOERR) : Verdict::proceed();
      case Operation::shm_lock: {
        // An unlock that is left out would hold its slot for good, and SQLite wait 10 s for it.
        const bool locks = (call.flags & SQLITE_SHM_LOCK) != 0;
        return locks && turn() ? Verdict::fail(SQLITE_IOERR_SHMLOCK) : Verdict::proceed();
      }
      default:
        return Verdict::proceed();
    }
  }
  [[nodiscard]] bool fired() const { return left_ <= 0; }

 private:
  bool turn() { return --left_ == 0; }

  int left_;
};

}  // namespace

TEST_CASE("whichever call fails, no acknowledged commit is lost") {
  MemoryDisk::Image fresh;
  {
    Ground ground(Base::memory);
    ground.create();
    fresh = ground.disk.snapshot();
  }
  bool fired = true;
  int sweeps = 0;
  for (int nth = 1; fired; ++nth, ++sweeps) {
    INFO("call " << nth);
    NthFault fault(nth);
    Ground ground(Base::memory, {.interceptor = &fault});
    ground.disk.restore(fresh);
    std::vector<int> acknowledged;
    {
      Connection db = ground.open();
      for (int i = 1; i <= 6; ++i) {
        const std::string insert = "INSERT INTO t(a, b) VALUES(" + std::to_string(i);
        if (db.run(insert + ", randomblob(5000))") == SQLITE_OK) acknowledged.push_back(i);
        if (i % 2 == 0) db.checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
      }
    }
    fired = fault.fired();
    Ground after(Base::memory);
    after.disk.restore(ground.disk.snapshot());
    Connection db = after.open();
    REQUIRE(db.text("PRAGMA integrity_check") == "ok");
    for (const int i : acknowledged) {
      REQUIRE(db.number("SELECT count(*) FROM t WHERE a=" + std::to_string(i)) == 1);
    }
    if (!fired) CHECK(acknowledged.size() == 6);
  }
  CHECK(sweeps > 50);
}

namespace {

// The database file below a connection, read by hand.
class RawFile {
 public:
  explicit RawFile(Connection& db) {
    REQUIRE(sqlite3_file_control(db.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file_) ==
            SQLITE_OK);
    sqlite3_int64 size = 0;
    REQUIRE(file_->pMethods->xFileSize(file_, &size) == SQLITE_OK);
    end_ = size;
  }
  std::pair<std::array<char, 100>, int> read(std::int64_t offset) {
    std::array<char, 100> bytes{};
    bytes.fill('x');
    const int result = file_->pMethods->xRead(file_, bytes.data(), 100, offset);
    return {bytes, result};
  }
  [[nodiscard]] std::int64_t end() const { return end_; }

 private:
  sqlite3_file* file_ = nullptr;
  std::int64_t end_ = 0;
};

bool zeros_from(const std::array<char, 100>& bytes, std::ptrdiff_t first) {
  return std::all_of(bytes.begin() + first, bytes.end(), [](char byte) { return byte == 0; });
}

}  // namespace

TEST_CASE("a read beyond the end is filled with zeros and reported as SQLite expects") {
  Ground ground(GENERATE(Base::platform, Base::memory));
  ground.create();
  Connection db = ground.open();
  RawFile file(db);
  const auto [bytes, result] = file.read(file.end() - 16);
  CHECK(result == SQLITE_IOERR_SHORT_READ);
  CHECK(zeros_from(bytes, 16));
}

TEST_CASE("a short read within a file is no end of it: tried again, then an error, never zeros") {
  Rule rule;
  Ground ground(GENERATE(Base::platform, Base::memory), {.interceptor = &rule});
  ground.create();
  Connection db = ground.open();
  RawFile file(db);
  const auto whole = file.read(0).first;
  int left = GENERATE(1, 2);
  const bool once = left == 1;
  rule.set([&](const Call& call) {
    if (call.operation != Operation::read || left-- <= 0) return Verdict::proceed();
    return Verdict::partial(16, SQLITE_IOERR_SHORT_READ);
  });
  const auto [bytes, result] = file.read(0);
  CHECK(result == (once ? SQLITE_OK : SQLITE_IOERR_READ));
  if (once) CHECK(bytes == whole);
}

TEST_CASE("a read that is only said to be done gives zeros") {
  Rule rule;
  Ground ground(GENERATE(Base::platform, Base::memory), {.interceptor = &rule});
  ground.create();
  Connection db = ground.open();
  RawFile file(db);
  rule.set([](const Call&) { return Verdict::lie(); });
  const auto [bytes, result] = file.read(0);
  CHECK(result == SQLITE_OK);
  CHECK(zeros_from(bytes, 0));
}

namespace {

class Flip : public Interceptor {
 public:
  Verdict before(const Call&) override { return Verdict::proceed(); }
  int after(const Call& call, int result) override {
    if (call.operation == Operation::read && call.offset == 0 && armed) {
      call.buffer[0] ^= std::byte{1};
    }
    return result;
  }
  bool armed = false;
};

}  // namespace

TEST_CASE("an interceptor can damage what is read") {
  Flip flip;
  Ground ground(Base::memory, {.interceptor = &flip});
  ground.create();
  flip.armed = true;
  Connection db = ground.open();
  CHECK(db.ask("SELECT count(*) FROM t").second == SQLITE_NOTADB);
}

TEST_CASE("a second database through the same shim is passed on, and not watched") {
  Rule rule;
  Ground ground(Base::platform, {.interceptor = &rule});
  ground.create();
  Connection db = ground.open();
  db.must("INSERT INTO t(b) VALUES(7)");
  const std::string copy = ground.folder.file("copy.holdfast");
  db.must("VACUUM INTO '" + copy + "'");
  rule.set([&](const Call& call) {
    const bool fails = call.file == FileKind::other && call.operation == Operation::sync;
    return fails ? Verdict::fail(SQLITE_IOERR_FSYNC) : Verdict::proceed();
  });
  Connection second(ground.shim.name(), copy);
  CHECK(second.number("SELECT b FROM t") == 7);
  CHECK(second.run("INSERT INTO t(b) VALUES(8)") == SQLITE_IOERR_FSYNC);
  CHECK_FALSE(ground.shim.poisoned());
  std::filesystem::remove(copy);
  CHECK_FALSE(ground.shim.replaced());
  db.must("INSERT INTO t(b) VALUES(8)");
}

TEST_CASE("temporary files pass through a shim") {
  Rule rule;
  Ground ground(GENERATE(Base::platform, Base::memory), {.interceptor = &rule});
  ground.create();
  int temporary = 0;
  rule.set([&](const Call& call) {
    if (call.file == FileKind::temporary) ++temporary;
    return Verdict::proceed();
  });
  Connection db = ground.open();
  db.must("PRAGMA temp_store=FILE");
  db.must("PRAGMA cache_size=5");
  db.must("CREATE TEMP TABLE big(a)");
  db.must("PRAGMA temp.cache_size=2");
  db.must(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<400) "
      "INSERT INTO big SELECT randomblob(2000) FROM n");
  CHECK(db.number("SELECT count(*) FROM big") == 400);
  CHECK(temporary > 0);
}
