#include "vfs/memory_disk.hpp"

#include "connection.hpp"
#include "vfs/memory_file.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <random>

using holdfast::vfs::MemoryCapacity;
using holdfast::vfs::MemoryContents;
using holdfast::vfs::MemoryDisk;
using holdfast::vfs::MemoryFileLock;
using holdfast::vfs::MemoryWalIndex;
using holdfast::vfs::test::Base;
using holdfast::vfs::test::Connection;
using holdfast::vfs::test::Ground;

namespace {

std::vector<std::byte> bytes_of(std::size_t count, unsigned value) {
  std::vector<std::byte> bytes(count);
  std::fill(bytes.begin(), bytes.end(), static_cast<std::byte>(value));
  return bytes;
}

}  // namespace

TEST_CASE("the bytes of a file are those of a plain array under random operations") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto capacity = std::make_shared<MemoryCapacity>();
  MemoryContents contents(capacity);
  std::vector<std::byte> model;
  for (int step = 0; step < 2000; ++step) {
    const std::size_t offset = random() % 300000;
    const std::size_t length = random() % 90000;
    switch (random() % 4) {
      case 0: {
        const auto data = bytes_of(length, random() % 256);
        REQUIRE(contents.write(data.data(), length, offset) == SQLITE_OK);
        if (length > 0 && model.size() < offset + length) model.resize(offset + length);
        std::copy(data.begin(), data.end(), model.begin() + static_cast<std::ptrdiff_t>(offset));
        break;
      }
      case 1:
        REQUIRE(contents.resize(offset) == SQLITE_OK);
        model.resize(offset);
        break;
      default: {
        auto got = bytes_of(length, 0xAA);
        const int result = contents.read(got.data(), length, offset);
        auto expected = bytes_of(length, 0);
        const std::size_t there =
            offset < model.size() ? std::min(length, model.size() - offset) : 0;
        if (there > 0) std::memcpy(expected.data(), model.data() + offset, there);
        REQUIRE(result == (there == length ? SQLITE_OK : SQLITE_IOERR_SHORT_READ));
        REQUIRE(got == expected);
      }
    }
    REQUIRE(contents.size() == model.size());
    REQUIRE(capacity->used() == model.size());
  }
  CHECK(contents.copy() == model);
}

TEST_CASE("a file that would outgrow the capacity stays as it is") {
  const auto capacity = std::make_shared<MemoryCapacity>();
  capacity->set_limit(1000);
  {
    MemoryContents one(capacity);
    MemoryContents two(capacity);
    const auto data = bytes_of(600, 1);
    REQUIRE(one.write(data.data(), 600, 0) == SQLITE_OK);
    CHECK(two.write(data.data(), 600, 0) == SQLITE_FULL);
    CHECK(two.size() == 0);
    CHECK(two.write(data.data(), 400, 0) == SQLITE_OK);
    CHECK(two.resize(401) == SQLITE_FULL);
    CHECK(one.write(data.data(), 600, 0) == SQLITE_OK);  // in place
    capacity->set_limit(10);
    CHECK(one.write(data.data(), 600, 0) == SQLITE_OK);
    CHECK(one.write(data.data(), 600, 1) == SQLITE_FULL);
    CHECK(one.resize(5) == SQLITE_OK);
    capacity->set_limit(std::nullopt);
    CHECK(one.write(data.data(), 600, 5000) == SQLITE_OK);
    CHECK(capacity->used() == 5600 + 400);
  }
  CHECK(capacity->used() == 0);
}

TEST_CASE("file locks follow the rules of the unix VFS") {
  MemoryFileLock lock;
  int one = SQLITE_LOCK_NONE;
  int two = SQLITE_LOCK_NONE;
  int three = SQLITE_LOCK_NONE;
  REQUIRE(lock.lock(one, SQLITE_LOCK_SHARED) == SQLITE_OK);
  REQUIRE(lock.lock(two, SQLITE_LOCK_SHARED) == SQLITE_OK);
  CHECK_FALSE(lock.reserved());
  REQUIRE(lock.lock(one, SQLITE_LOCK_RESERVED) == SQLITE_OK);
  CHECK(lock.reserved());
  CHECK(lock.lock(two, SQLITE_LOCK_RESERVED) == SQLITE_BUSY);
  CHECK(lock.lock(three, SQLITE_LOCK_SHARED) == SQLITE_OK);
  lock.unlock(three, SQLITE_LOCK_NONE);
  CHECK(lock.lock(one, SQLITE_LOCK_EXCLUSIVE) == SQLITE_BUSY);
  CHECK(one == SQLITE_LOCK_PENDING);
  CHECK(lock.lock(three, SQLITE_LOCK_SHARED) == SQLITE_BUSY);
  lock.unlock(two, SQLITE_LOCK_NONE);
  CHECK(lock.lock(one, SQLITE_LOCK_EXCLUSIVE) == SQLITE_OK);
  CHECK(lock.lock(two, SQLITE_LOCK_SHARED) == SQLITE_BUSY);
  lock.unlock(one, SQLITE_LOCK_SHARED);
  CHECK_FALSE(lock.reserved());
  CHECK(lock.lock(two, SQLITE_LOCK_SHARED) == SQLITE_OK);
  lock.unlock(one, SQLITE_LOCK_NONE);
  lock.unlock(one, SQLITE_LOCK_NONE);
  CHECK(lock.lock(two, SQLITE_LOCK_EXCLUSIVE) == SQLITE_OK);
  lock.unlock(two, SQLITE_LOCK_NONE);
  CHECK(lock.lock(three, SQLITE_LOCK_SHARED) == SQLITE_OK);
}

TEST_CASE("wal-index slots are shared by many or held by one") {
  constexpr int kShare = SQLITE_SHM_LOCK | SQLITE_SHM_SHARED;
  constexpr int kUnshare = SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED;
  constexpr int kHold = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE;
  constexpr int kRelease = SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE;
  MemoryWalIndex index;
  MemoryWalIndex::Share one;
  MemoryWalIndex::Share two;
  volatile void* region = nullptr;
  REQUIRE(index.map(one, 0, 32768, true, &region) == SQLITE_OK);
  REQUIRE(index.map(two, 0, 32768, true, &region) == SQLITE_OK);
  REQUIRE(index.lock(one, 3, 1, kShare) == SQLITE_OK);
  REQUIRE(index.lock(two, 3, 1, kShare) == SQLITE_OK);
  CHECK(index.lock(one, 3, 1, kHold) == SQLITE_BUSY);
  REQUIRE(index.lock(two, 3, 1, kUnshare) == SQLITE_OK);
  REQUIRE(index.lock(one, 3, 1, kUnshare) == SQLITE_OK);
  REQUIRE(index.lock(one, 4, 4, kHold) == SQLITE_OK);
  CHECK(index.lock(two, 7, 1, kShare) == SQLITE_BUSY);
  CHECK(index.lock(two, 3, 2, kHold) == SQLITE_BUSY);
  CHECK(index.lock(two, 3, 1, kHold) == SQLITE_OK);  // the refusal above took nothing
  REQUIRE(index.lock(one, 4, 4, kRelease) == SQLITE_OK);
  CHECK(index.lock(two, 7, 1, kShare) == SQLITE_OK);
  index.detach(two);
  CHECK(index.lock(one, 0, 8, kHold) == SQLITE_OK);
  index.detach(one);
}

TEST_CASE("a wal-index is the same memory for all, and is zeros again after the last") {
  MemoryWalIndex index;
  MemoryWalIndex::Share one;
  MemoryWalIndex::Share two;
  volatile void* first = nullptr;
  volatile void* second = nullptr;
  REQUIRE(index.map(one, 0, 32768, false, &first) == SQLITE_OK);
  CHECK(first == nullptr);
  REQUIRE(index.map(one, 1, 32768, true, &first) == SQLITE_OK);
  REQUIRE(index.map(two, 1, 32768, false, &second) == SQLITE_OK);
  CHECK(first == second);
  *static_cast<volatile char*>(first) = 'x';
  index.detach(one);
  REQUIRE(index.map(two, 2, 32768, true, &first) == SQLITE_OK);
  CHECK(*static_cast<volatile char*>(second) == 'x');
  index.detach(two);
  index.detach(two);
  REQUIRE(index.map(one, 1, 32768, true, &first) == SQLITE_OK);
  CHECK(*static_cast<volatile char*>(first) == 0);
}

TEST_CASE("a full disk fails the transaction, and writes succeed once there is room") {
  Ground ground(Base::memory);
  ground.create();
  Connection db = ground.open();
  db.must("INSERT INTO t(b) VALUES(randomblob(10000))");
  ground.disk.set_capacity_bytes(ground.disk.used_bytes() + 30000);
  CHECK(db.run("INSERT INTO t(b) VALUES(randomblob(100000))") == SQLITE_FULL);
  CHECK(db.number("SELECT count(*) FROM t") == 1);
  db.must("INSERT INTO t(b) VALUES(randomblob(3000))");
  CHECK(db.number("SELECT count(*) FROM t") == 2);
  ground.disk.set_capacity_bytes(std::nullopt);
  db.must("INSERT INTO t(b) VALUES(randomblob(100000))");
  CHECK(db.text("PRAGMA integrity_check") == "ok");
  CHECK_FALSE(ground.shim.poisoned());
}

TEST_CASE("a snapshot taken between commits holds them all after recovery") {
  Ground ground(Base::memory);
  ground.create();
  Connection db = ground.open();
  std::vector<MemoryDisk::Image> images;
  for (int i = 1; i <= 10; ++i) {
    db.must("INSERT INTO t(b) VALUES(randomblob(4000))");
    if (i == 5) CHECK(db.checkpoint(SQLITE_CHECKPOINT_PASSIVE) == SQLITE_OK);
    images.push_back(ground.disk.snapshot());
  }
  std::int64_t commits = 0;
  for (const MemoryDisk::Image& image : images) {
    ++commits;
    Ground other(Base::memory);
    other.disk.restore(image);
    Connection check = other.open();
    CHECK(check.number("SELECT count(*) FROM t") == commits);
    CHECK(check.text("PRAGMA integrity_check") == "ok");
  }
}

TEST_CASE("a hot journal in a snapshot is rolled back") {
  Ground ground(Base::memory);
  Connection db = ground.open();
  db.must("PRAGMA journal_mode=DELETE");
  db.must("PRAGMA cache_size=2");
  db.must("CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
  db.must("INSERT INTO t(b) VALUES('kept')");
  db.must("BEGIN");
  db.must(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<100) "
      "INSERT INTO t(b) SELECT randomblob(3000) FROM n");
  const MemoryDisk::Image image = ground.disk.snapshot();
  REQUIRE(image.count(ground.path + "-journal") == 1);
  Ground other(Base::memory);
  other.disk.restore(image);
  Connection check = other.open();
  CHECK(check.number("SELECT count(*) FROM t") == 1);
  CHECK(check.text("PRAGMA integrity_check") == "ok");
  CHECK(other.disk.snapshot().count(ground.path + "-journal") == 0);
}

TEST_CASE("after a restore open handles keep what they had, and new ones see the image") {
  Ground ground(Base::memory);
  ground.create();
  const MemoryDisk::Image before = ground.disk.snapshot();
  Connection old = ground.open();
  old.must("INSERT INTO t(b) VALUES(1)");
  ground.disk.restore(before);
  CHECK(ground.disk.snapshot() == before);
  CHECK(old.number("SELECT count(*) FROM t") == 1);
  Connection fresh = ground.open();
  CHECK(fresh.number("SELECT count(*) FROM t") == 0);
}

TEST_CASE("restoring is not refused by a capacity that the image exceeds") {
  MemoryDisk disk;
  disk.set_capacity_bytes(10);
  disk.restore({{"a", bytes_of(100000, 7)}, {"b", {}}});
  CHECK(disk.used_bytes() == 100000);
  CHECK(disk.snapshot().at("a") == bytes_of(100000, 7));
  disk.restore({});
  CHECK(disk.used_bytes() == 0);
}

namespace {

// A file opened as SQLite does it, without a database around it.
class RawFile {
 public:
  RawFile(sqlite3_vfs* vfs, const char* name, int flags)
      : space_(static_cast<std::size_t>(vfs->szOsFile) / 8 + 1),
        result_(vfs->xOpen(vfs, name, get(), flags, nullptr)) {}
  ~RawFile() {
    if (result_ == SQLITE_OK) get()->pMethods->xClose(get());
  }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  sqlite3_file* get() { return reinterpret_cast<sqlite3_file*>(space_.data()); }
  [[nodiscard]] int result() const { return result_; }
  int write(const std::vector<std::byte>& data) {
    return get()->pMethods->xWrite(get(), data.data(), static_cast<int>(data.size()), 0);
  }
  sqlite3_int64 size() {
    sqlite3_int64 size = -1;
    get()->pMethods->xFileSize(get(), &size);
    return size;
  }

 private:
  std::vector<std::uint64_t> space_;
  int result_;
};

constexpr int kReadWrite = SQLITE_OPEN_READWRITE;
constexpr int kCreate = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

}  // namespace

TEST_CASE("files of a memory disk are created, shared, protected and deleted by name") {
  MemoryDisk disk;
  sqlite3_vfs* vfs = disk.vfs();
  CHECK(RawFile(vfs, "a", kReadWrite).result() == SQLITE_CANTOPEN);
  int exists = 1;
  vfs->xAccess(vfs, "a", SQLITE_ACCESS_EXISTS, &exists);
  CHECK(exists == 0);
  CHECK(vfs->xDelete(vfs, "a", 0) == SQLITE_IOERR_DELETE_NOENT);

  RawFile file(vfs, "a", kCreate);
  REQUIRE(file.result() == SQLITE_OK);
  CHECK(RawFile(vfs, "a", kCreate | SQLITE_OPEN_EXCLUSIVE).result() == SQLITE_CANTOPEN);
  vfs->xAccess(vfs, "a", SQLITE_ACCESS_EXISTS, &exists);
  CHECK(exists == 0);  // empty
  vfs->xAccess(vfs, "a", SQLITE_ACCESS_READWRITE, &exists);
  CHECK(exists == 1);
  REQUIRE(file.write(bytes_of(10, 1)) == SQLITE_OK);
  vfs->xAccess(vfs, "a", SQLITE_ACCESS_EXISTS, &exists);
  CHECK(exists == 1);

  RawFile reader(vfs, "a", SQLITE_OPEN_READONLY);
  CHECK(reader.size() == 10);
  CHECK(reader.write(bytes_of(1, 1)) == SQLITE_READONLY);
  CHECK(reader.get()->pMethods->xTruncate(reader.get(), 0) == SQLITE_READONLY);

  REQUIRE(vfs->xDelete(vfs, "a", 0) == SQLITE_OK);
  CHECK(disk.snapshot().empty());
  CHECK(disk.used_bytes() == 10);
  RawFile again(vfs, "a", kCreate);
  CHECK(again.size() == 0);
  CHECK(reader.size() == 10);
}

TEST_CASE("unnamed and delete-on-close files leave nothing behind") {
  MemoryDisk disk;
  {
    RawFile unnamed(disk.vfs(), nullptr, kCreate | SQLITE_OPEN_DELETEONCLOSE);
    RawFile named(disk.vfs(), "temporary", kCreate | SQLITE_OPEN_DELETEONCLOSE);
    REQUIRE(unnamed.write(bytes_of(5, 1)) == SQLITE_OK);
    REQUIRE(named.write(bytes_of(6, 1)) == SQLITE_OK);
    CHECK(disk.used_bytes() == 11);
    CHECK(disk.snapshot().size() == 1);
  }
  CHECK(disk.used_bytes() == 0);
  CHECK(disk.snapshot().empty());
}

TEST_CASE("names are taken as they are, up to a length") {
  MemoryDisk disk;
  sqlite3_vfs* vfs = disk.vfs();
  std::vector<char> out(16);
  CHECK(vfs->xFullPathname(vfs, "../x y?", 16, out.data()) == SQLITE_OK);
  CHECK(std::string(out.data()) == "../x y?");
  CHECK(vfs->xFullPathname(vfs, "0123456789abcdef", 16, out.data()) == SQLITE_CANTOPEN);
}

TEST_CASE("a WAL that shall persist stays after the last connection") {
  Ground ground(Base::memory);
  ground.create();
  int keep = GENERATE(0, 1);
  {
    Connection db = ground.open();
    db.must("INSERT INTO t(b) VALUES(1)");
    int persist = keep;
    REQUIRE(sqlite3_file_control(db.handle(), "main", SQLITE_FCNTL_PERSIST_WAL, &persist) ==
            SQLITE_OK);
    CHECK(persist == keep);
  }
  CHECK(ground.disk.snapshot().count(ground.path + "-wal") == (keep == 1 ? 1U : 0U));
}
