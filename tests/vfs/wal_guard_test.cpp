#include "vfs/wal_guard.hpp"

#include "connection.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

using holdfast::vfs::BaseShmLock;
using holdfast::vfs::Call;
using holdfast::vfs::Interceptor;
using holdfast::vfs::Operation;
using holdfast::vfs::Verdict;
using holdfast::vfs::wal_reset_affected;
using holdfast::vfs::WalGuard;
using holdfast::vfs::WalResetCure;
using holdfast::vfs::test::Base;
using holdfast::vfs::test::Connection;
using holdfast::vfs::test::Ground;

namespace {

constexpr int kLock = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE;
constexpr int kUnlock = SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE;
constexpr int kWriter = 0;
constexpr int kCheckpoint = 1;
constexpr int kRecover = 2;

// The slots of one handle, and those that somebody else has.
struct Slots {
  std::array<bool, 8> held{};
  std::array<bool, 8> foreign{};
  int twice = 0;  // locked while held, or unlocked while free

  static int call(void* context, int first, int count, int flags) {
    auto& self = *static_cast<Slots*>(context);
    const bool lock = (flags & SQLITE_SHM_LOCK) != 0;
    for (int i = first; i < first + count; ++i) {
      const auto slot = static_cast<std::size_t>(i);
      if (lock && self.foreign.at(slot)) return SQLITE_BUSY;
    }
    for (int i = first; i < first + count; ++i) {
      const auto slot = static_cast<std::size_t>(i);
      if (self.held.at(slot) == lock) ++self.twice;
      self.held.at(slot) = lock;
    }
    return SQLITE_OK;
  }
  BaseShmLock base() { return {call, this}; }
};

// Watches the locks that reach the base: who holds the checkpoint lock must hold the writer lock.
class LockWatch : public Interceptor {
 public:
  Verdict before(const Call&) override { return Verdict::proceed(); }

  int after(const Call& call, int result) override {
    const std::lock_guard lock(mutex_);
    if (call.operation == Operation::shm_unmap) held_[call.handle] = {};
    if (call.operation != Operation::shm_lock || result != SQLITE_OK) return result;
    if ((call.flags & SQLITE_SHM_EXCLUSIVE) == 0) return result;
    auto& slots = held_[call.handle];
    const bool locked = (call.flags & SQLITE_SHM_LOCK) != 0;
    for (int i = call.first_slot; i < call.first_slot + call.slots; ++i) {
      const auto slot = static_cast<std::size_t>(i);
      if (slots.at(slot) == locked) ++unbalanced;
      slots.at(slot) = locked;
    }
    if (slots[kCheckpoint]) {
      ++checkpoints;
      if (!slots[kWriter]) ++unguarded;
    }
    return result;
  }

  bool anything_held() {
    const std::lock_guard lock(mutex_);
    return std::any_of(held_.begin(), held_.end(), [](const auto& entry) {
      return std::any_of(entry.second.begin(), entry.second.end(), [](bool held) { return held; });
    });
  }

  int checkpoints = 0;  // moments after a change of locks at which the checkpoint lock is held
  int unguarded = 0;
  int unbalanced = 0;

 private:
  std::mutex mutex_;
  std::map<const void*, std::array<bool, 8>> held_;
};

}  // namespace

TEST_CASE("versions with the WAL-reset defect are told from those without") {
  CHECK_FALSE(wal_reset_affected(3006023));
  CHECK(wal_reset_affected(3007000));
  CHECK(wal_reset_affected(3040001));
  CHECK(wal_reset_affected(3044005));
  CHECK_FALSE(wal_reset_affected(3044006));
  CHECK_FALSE(wal_reset_affected(3044007));
  CHECK(wal_reset_affected(3045000));
  CHECK(wal_reset_affected(3050006));
  CHECK_FALSE(wal_reset_affected(3050007));
  CHECK(wal_reset_affected(3051000));
  CHECK(wal_reset_affected(3051002));
  CHECK_FALSE(wal_reset_affected(3051003));
  CHECK_FALSE(wal_reset_affected(3053004));
  CHECK_FALSE(wal_reset_affected(4000000));
}

TEST_CASE("the guard takes the writer lock with the checkpoint lock and gives both back") {
  Slots slots;
  WalGuard guard;
  REQUIRE(guard.lock(slots.base(), kCheckpoint, 1, kLock) == SQLITE_OK);
  CHECK(slots.held[kWriter]);
  CHECK(slots.held[kCheckpoint]);
  REQUIRE(guard.lock(slots.base(), kCheckpoint, 1, kUnlock) == SQLITE_OK);
  CHECK_FALSE(slots.held[kWriter]);
  CHECK_FALSE(slots.held[kCheckpoint]);
  CHECK(slots.twice == 0);
}

TEST_CASE("a connection that asks for the writer lock under the guard is only counted") {
  Slots slots;
  WalGuard guard;
  REQUIRE(guard.lock(slots.base(), kCheckpoint, 1, kLock) == SQLITE_OK);
  REQUIRE(guard.lock(slots.base(), kWriter, 1, kLock) == SQLITE_OK);
  SECTION("and released first, leaves it with the guard") {
    REQUIRE(guard.lock(slots.base(), kWriter, 1, kUnlock) == SQLITE_OK);
    CHECK(slots.held[kWriter]);
    REQUIRE(guard.lock(slots.base(), kCheckpoint, 1, kUnlock) == SQLITE_OK);
  }
  SECTION("and released last, keeps it until then") {
    REQUIRE(guard.lock(slots.base(), kCheckpoint, 1, kUnlock) == SQLITE_OK);
    CHECK(slots.held[kWriter]);
    REQUIRE(guard.lock(slots.base(), kWriter, 1, kUnlock) == SQLITE_OK);
  }
  CHECK_FALSE(slots.held[kWriter]);
  CHECK_FALSE(slots.held[kCheckpoint]);
  CHECK(slots.twice == 0);
}

TEST_CASE("a recovery under the writer lock passes the guard") {
  Slots slots;
  WalGuard guard;
  REQUIRE(guard.lock(slots.base(), kWriter, 1, kLock) == SQLITE_OK);
  REQUIRE(guard.lock(slots.base(), kCheckpoint, 2, kLock) == SQLITE_OK);
  CHECK(slots.held[kRecover]);
  REQUIRE(guard.lock(slots.base(), kCheckpoint, 2, kUnlock) == SQLITE_OK);
  CHECK(slots.held[kWriter]);
  REQUIRE(guard.lock(slots.base(), kWriter, 1, kUnlock) == SQLITE_OK);
  CHECK(slots.held == std::array<bool, 8>{});
  CHECK(slots.twice == 0);
}

TEST_CASE("a recovery within a checkpoint passes the guard") {
  Slots slots;
  WalGuard guard;
  REQUIRE(guard.lock(slots.base(), kCheckpoint, 1, kLock) == SQLITE_OK);
  REQUIRE(guard.lock(slots.base(), kWriter, 1, kLock) == SQLITE_OK);
  REQUIRE(guard.lock(slots.base(), kRecover, 1, kLock) == SQLITE_OK);
  REQUIRE(guard.lock(slots.base(), kRecover, 1, kUnlock) == SQLITE_OK);
  REQUIRE(guard.lock(slots.base(), kWriter, 1, kUnlock) == SQLITE_OK);
  REQUIRE(guard.lock(slots.base(), kCheckpoint, 1, kUnlock) == SQLITE_OK);
  CHECK(slots.held == std::array<bool, 8>{});
  CHECK(slots.twice == 0);
}

TEST_CASE("the guard leaves nothing locked when either lock is busy") {
  Slots slots;
  WalGuard guard;
  const int taken = GENERATE(kWriter, kCheckpoint);
  slots.foreign.at(static_cast<std::size_t>(taken)) = true;
  CHECK(guard.lock(slots.base(), kCheckpoint, 1, kLock) == SQLITE_BUSY);
  CHECK(slots.held == std::array<bool, 8>{});
  slots.foreign = {};
  CHECK(guard.lock(slots.base(), kCheckpoint, 1, kLock) == SQLITE_OK);
  CHECK(slots.twice == 0);
}

TEST_CASE("a checkpoint lock that is busy leaves the connection its writer lock") {
  Slots slots;
  WalGuard guard;
  REQUIRE(guard.lock(slots.base(), kWriter, 1, kLock) == SQLITE_OK);
  slots.foreign[kCheckpoint] = true;
  CHECK(guard.lock(slots.base(), kCheckpoint, 2, kLock) == SQLITE_BUSY);
  CHECK(slots.held[kWriter]);
  REQUIRE(guard.lock(slots.base(), kWriter, 1, kUnlock) == SQLITE_OK);
  CHECK_FALSE(slots.held[kWriter]);
}

TEST_CASE("readers' slots and shared locks do not concern the guard") {
  Slots slots;
  WalGuard guard;
  REQUIRE(guard.lock(slots.base(), 4, 4, kLock) == SQLITE_OK);
  CHECK_FALSE(slots.held[kWriter]);
  REQUIRE(guard.lock(slots.base(), 4, 4, kUnlock) == SQLITE_OK);
  REQUIRE(guard.lock(slots.base(), kCheckpoint, 1, SQLITE_SHM_LOCK | SQLITE_SHM_SHARED) ==
          SQLITE_OK);
  CHECK_FALSE(slots.held[kWriter]);
}

TEST_CASE("after its wal-index went the guard holds nothing") {
  Slots slots;
  WalGuard guard;
  REQUIRE(guard.lock(slots.base(), kCheckpoint, 1, kLock) == SQLITE_OK);
  slots.held = {};
  guard.forget();
  REQUIRE(guard.lock(slots.base(), kWriter, 1, kLock) == SQLITE_OK);
  CHECK(slots.held[kWriter]);
}

TEST_CASE("every checkpoint of SQLite holds the writer lock while the guard is on") {
  const Base base = GENERATE(Base::platform, Base::memory);
  const int mode = GENERATE(SQLITE_CHECKPOINT_PASSIVE,
                            SQLITE_CHECKPOINT_FULL,
                            SQLITE_CHECKPOINT_RESTART,
                            SQLITE_CHECKPOINT_TRUNCATE);
  LockWatch watch;
  Ground ground(base, {.wal_reset_cure = WalResetCure::guard, .interceptor = &watch});
  ground.create();
  {
    Connection writer = ground.open();
    Connection checkpointer = ground.open();
    for (int round = 0; round < 3; ++round) {
      writer.must("INSERT INTO t(b) VALUES(randomblob(5000))");
      CHECK(checkpointer.checkpoint(mode) == SQLITE_OK);
    }
    CHECK_FALSE(watch.anything_held());
    CHECK(writer.number("SELECT count(*) FROM t") == 3);
  }
  CHECK(watch.checkpoints >= 3);
  CHECK(watch.unguarded == 0);
  CHECK(watch.unbalanced == 0);
}

TEST_CASE("a recovery holds the writer lock and leaves nothing locked") {
  LockWatch watch;
  Ground ground(Base::memory);
  ground.create();
  holdfast::vfs::MemoryDisk::Image image;
  {
    Connection writer = ground.open();
    writer.must("INSERT INTO t(b) VALUES(randomblob(5000))");
    image = ground.disk.snapshot();  // as after a crash: a WAL, and no wal-index
  }
  Ground after(Base::memory, {.wal_reset_cure = WalResetCure::guard, .interceptor = &watch});
  after.disk.restore(image);
  Connection reader = after.open();
  CHECK(reader.number("SELECT count(*) FROM t") == 1);
  CHECK(watch.checkpoints >= 1);
  CHECK(watch.unguarded == 0);
  CHECK(watch.unbalanced == 0);
  CHECK_FALSE(watch.anything_held());
}

TEST_CASE("without the guard a checkpoint does not lock writers out") {
  LockWatch watch;
  Ground ground(Base::memory, {.wal_reset_cure = WalResetCure::none, .interceptor = &watch});
  ground.create();
  CHECK(ground.shim.wal_reset_cure() == WalResetCure::none);
  Connection db = ground.open();
  db.must("INSERT INTO t(b) VALUES(1)");
  REQUIRE(db.checkpoint(SQLITE_CHECKPOINT_PASSIVE) == SQLITE_OK);
  CHECK(watch.unguarded >= 1);
}

TEST_CASE("there is a cure exactly where this SQLite is affected, if nobody says otherwise") {
  const Ground ground(Base::memory);
  const bool cured = ground.shim.wal_reset_cure() != WalResetCure::none;
  CHECK(cured == wal_reset_affected(sqlite3_libversion_number()));
}

TEST_CASE("under the guard a checkpoint finds a busy writer busy, and succeeds after it") {
  Ground ground(GENERATE(Base::platform, Base::memory), {.wal_reset_cure = WalResetCure::guard});
  ground.create();
  Connection writer = ground.open();
  Connection checkpointer = ground.open();
  writer.must("BEGIN IMMEDIATE");
  writer.must("INSERT INTO t(b) VALUES(1)");
  CHECK(checkpointer.number("SELECT count(*) FROM t") == 0);
  CHECK(checkpointer.checkpoint(SQLITE_CHECKPOINT_PASSIVE) == SQLITE_BUSY);
  writer.must("COMMIT");
  CHECK(checkpointer.checkpoint(SQLITE_CHECKPOINT_PASSIVE) == SQLITE_OK);
}
