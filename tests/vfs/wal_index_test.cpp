#include "vfs/wal_index.hpp"

#include "connection.hpp"
#include "support/child_process.hpp"
#include "vfs/wal_index_map.hpp"

#include <array>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

using holdfast::test::ChildProcess;
using holdfast::vfs::read_wal_index;
using holdfast::vfs::wal_index_is_at;
using holdfast::vfs::WalIndexMap;
using holdfast::vfs::WalIndexPosition;
using holdfast::vfs::test::Base;
using holdfast::vfs::test::Connection;
using holdfast::vfs::test::Ground;

namespace {

// A header as SQLite lays it out, for the fields that are read.
using Region = std::array<std::uint32_t, 34>;

Region region_of(const WalIndexPosition& position) {
  Region region{};
  for (const std::size_t copy : {std::size_t{0}, std::size_t{12}}) {
    region[copy + 2] = position.change_counter;
    *reinterpret_cast<unsigned char*>(&region[copy + 3]) = 1;  // isInit
    region[copy + 4] = position.frames;
    region[copy + 8] = position.salt_1;
    region[copy + 9] = position.salt_2;
  }
  region[24] = position.backfilled_frames;
  return region;
}

constexpr WalIndexPosition kSome{
    .change_counter = 7, .frames = 40, .salt_1 = 11, .salt_2 = 12, .backfilled_frames = 30};

}  // namespace

TEST_CASE("a wal-index header is read field by field") {
  const Region region = region_of(kSome);
  const auto position = read_wal_index(region.data());
  REQUIRE(position);
  CHECK(position->same_commit(kSome));
  CHECK(position->backfilled_frames == 30);
}

TEST_CASE("a header whose copies differ anywhere, or that is not initialised, is not believed") {
  for (std::size_t word = 0; word < 12; ++word) {
    Region region = region_of(kSome);
    region[word] ^= 0x100;
    CHECK_FALSE(read_wal_index(region.data()));
  }
  const Region zeros{};
  CHECK_FALSE(read_wal_index(zeros.data()));
}

TEST_CASE("positions are of one commit only if counter, frames and both salts agree") {
  WalIndexPosition other = kSome;
  other.backfilled_frames = 40;
  CHECK(other.same_commit(kSome));
  for (auto field : {&WalIndexPosition::change_counter,
                     &WalIndexPosition::frames,
                     &WalIndexPosition::salt_1,
                     &WalIndexPosition::salt_2}) {
    other = kSome;
    ++(other.*field);
    CHECK_FALSE(other.same_commit(kSome));
  }
}

TEST_CASE("one look tells whether the newest commit is still the same") {
  const Region region = region_of(kSome);
  WalIndexPosition other = kSome;
  other.backfilled_frames = 40;
  CHECK(wal_index_is_at(region.data(), other));
  for (const std::size_t word : {2U, 4U, 8U, 9U}) {
    Region moved = region;
    ++moved[word];
    CHECK_FALSE(wal_index_is_at(moved.data(), kSome));
  }
}

TEST_CASE("a mapping can be read until its last handle withdraws it") {
  WalIndexMap map;
  CHECK_FALSE(map.position());
  const Region one = region_of({.change_counter = 1});
  const Region two = region_of({.change_counter = 2});
  map.publish(&one, one.data());
  map.publish(&one, one.data());
  map.publish(&two, two.data());
  CHECK(map.position()->change_counter == 1);
  map.withdraw(&one);
  CHECK(map.position()->change_counter == 2);
  map.withdraw(&one);
  CHECK(map.position()->change_counter == 2);
  map.withdraw(&two);
  CHECK_FALSE(map.position());
}

TEST_CASE("the position moves with every commit and stays with every read") {
  Ground ground(GENERATE(Base::platform, Base::memory));
  ground.create();
  CHECK_FALSE(ground.shim.wal_index_position());
  Connection one = ground.open();
  Connection two = ground.open();
  CHECK(two.number("SELECT count(*) FROM t") == 0);
  auto last = ground.shim.wal_index_position();
  REQUIRE(last);
  for (int i = 0; i < 10; ++i) {
    (i % 2 == 0 ? one : two).must("INSERT INTO t(b) VALUES(1)");
    const auto now = ground.shim.wal_index_position();
    REQUIRE(now);
    CHECK_FALSE(now->same_commit(*last));
    CHECK_FALSE(ground.shim.still_at(*last));
    CHECK(ground.shim.still_at(*now));
    CHECK(now->change_counter == last->change_counter + 1);
    CHECK(now->frames > last->frames);
    last = now;
    CHECK(two.number("SELECT count(*) FROM t") == i + 1);
    CHECK(ground.shim.wal_index_position()->same_commit(*last));
  }
  one.must("BEGIN IMMEDIATE");
  one.must("INSERT INTO t(b) VALUES(1)");
  CHECK(ground.shim.wal_index_position()->same_commit(*last));
  one.must("ROLLBACK");
  CHECK(ground.shim.wal_index_position()->same_commit(*last));

  CHECK(last->backfilled_frames < last->frames);
  CHECK(one.checkpoint(SQLITE_CHECKPOINT_PASSIVE) == SQLITE_OK);
  const auto checkpointed = ground.shim.wal_index_position();
  REQUIRE(checkpointed);
  CHECK(checkpointed->same_commit(*last));
  CHECK(checkpointed->backfilled_frames == checkpointed->frames);

  one.must("INSERT INTO t(b) VALUES(1)");
  const auto restarted = ground.shim.wal_index_position();
  REQUIRE(restarted);
  CHECK_FALSE(restarted->same_commit(*last));
  CHECK(restarted->salt_1 != last->salt_1);
  CHECK(restarted->frames < last->frames);
}

TEST_CASE("the position goes with the last connection and comes with the next") {
  Ground ground(GENERATE(Base::platform, Base::memory));
  ground.create();
  std::optional<Connection> one(std::in_place, ground.shim.name(), ground.path);
  std::optional<Connection> two(std::in_place, ground.shim.name(), ground.path);
  one->must("INSERT INTO t(b) VALUES(1)");
  two->must("INSERT INTO t(b) VALUES(1)");
  const auto both = ground.shim.wal_index_position();
  one.reset();
  const auto still = ground.shim.wal_index_position();
  REQUIRE((both && still));
  CHECK(still->same_commit(*both));
  CHECK(ground.shim.still_at(*both));
  two.reset();
  CHECK_FALSE(ground.shim.wal_index_position());
  CHECK_FALSE(ground.shim.still_at(*both));
  Connection three = ground.open();
  three.must("INSERT INTO t(b) VALUES(1)");
  CHECK(ground.shim.wal_index_position());
}

TEST_CASE("the position moves with a commit of another process") {
  const holdfast::test::TemporaryFolder folder;
  const std::string path = folder.file("app.holdfast");
  ChildProcess other([&] {
    Connection db("", path);
    return db.run("INSERT INTO t(b) VALUES('from outside')") == SQLITE_OK ? 1 : 2;
  });
  const holdfast::vfs::Shim shim;
  Connection db(shim.name(), path);
  db.must("PRAGMA journal_mode=WAL");
  db.must("CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
  const auto before = shim.wal_index_position();
  REQUIRE(other.run_to_end() == 1);
  const auto after = shim.wal_index_position();
  REQUIRE((before && after));
  CHECK_FALSE(shim.still_at(*before));
  CHECK_FALSE(after->same_commit(*before));
  CHECK(after->change_counter == before->change_counter + 1);
  CHECK(db.text("SELECT b FROM t") == "from outside");
  CHECK_FALSE(shim.replaced());
}

TEST_CASE("threads may ask for the position while connections commit, open and close") {
  Ground ground(GENERATE(Base::platform, Base::memory));
  ground.create();
  std::atomic<bool> stop = false;
  std::atomic<int> backwards = 0;
  std::vector<std::thread> readers;
  readers.reserve(2);
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      std::optional<WalIndexPosition> last;
      while (!stop) {
        const auto now = ground.shim.wal_index_position();
        const bool same_wal = now && last && now->salt_1 == last->salt_1;
        if (same_wal && now->frames < last->frames) ++backwards;
        last = now;
      }
    });
  }
  int failures = 0;
  for (int round = 0; round < 10; ++round) {
    Connection db = ground.open();
    for (int i = 0; i < 10; ++i) {
      if (db.run("INSERT INTO t(b) VALUES(1)") != SQLITE_OK) ++failures;
    }
  }
  stop = true;
  for (std::thread& reader : readers)
    reader.join();
  CHECK(failures == 0);
  CHECK(backwards == 0);
}
