#include "vfs/wal_salt_check.hpp"

#include "connection.hpp"

#include <array>
#include <vector>

using holdfast::vfs::BaseShmLock;
using holdfast::vfs::WalResetCure;
using holdfast::vfs::WalSaltCheck;
using holdfast::vfs::test::Base;
using holdfast::vfs::test::Connection;
using holdfast::vfs::test::Ground;

namespace {

constexpr int kLock = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE;
constexpr int kUnlock = SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE;
constexpr int kWriter = 0;
constexpr int kCheckpoint = 1;
constexpr int kRecover = 2;
constexpr int kBackfill = 3;

// A handle over locks that nobody else wants, and a wal-index of our own.
struct Handle {
  static int call(void* context, int first, int count, int flags) {
    auto& self = *static_cast<Handle*>(context);
    for (int i = first; i < first + count; ++i)
      self.held.at(static_cast<std::size_t>(i)) = (flags & SQLITE_SHM_LOCK) != 0;
    return SQLITE_OK;
  }
  int lock(int slot, int slots = 1) {
    return check.lock({call, this}, region.data(), slot, slots, kLock);
  }
  int unlock(int slot, int slots = 1) {
    return check.lock({call, this}, region.data(), slot, slots, kUnlock);
  }
  void restart_log() {
    ++region[8];
    region[9] = region[9] * 7 + 1;
  }

  std::array<bool, 8> held{};
  std::array<std::uint32_t, 34> region{};
  WalSaltCheck check;
};

}  // namespace

TEST_CASE("a checkpoint of an unchanged log gets the lock to copy") {
  Handle handle;
  CHECK(handle.lock(kCheckpoint) == SQLITE_OK);
  CHECK(handle.lock(kBackfill) == SQLITE_OK);
  CHECK(handle.held[kBackfill]);
  CHECK(handle.unlock(kBackfill) == SQLITE_OK);
  CHECK(handle.unlock(kCheckpoint) == SQLITE_OK);
  CHECK(handle.held == std::array<bool, 8>{});
}

TEST_CASE("a checkpoint whose log was restarted is refused to copy, and the next one is not") {
  Handle handle;
  CHECK(handle.lock(kCheckpoint) == SQLITE_OK);
  handle.restart_log();
  CHECK(handle.lock(kBackfill) == SQLITE_BUSY);
  CHECK_FALSE(handle.held[kBackfill]);
  CHECK(handle.lock(kBackfill) == SQLITE_BUSY);
  CHECK(handle.unlock(kCheckpoint) == SQLITE_OK);
  CHECK(handle.lock(kCheckpoint) == SQLITE_OK);
  CHECK(handle.lock(kBackfill) == SQLITE_OK);
}

TEST_CASE("either salt alone is a change") {
  const std::size_t word = GENERATE(8U, 9U);
  Handle handle;
  CHECK(handle.lock(kCheckpoint) == SQLITE_OK);
  ++handle.region[word];
  CHECK(handle.lock(kBackfill) == SQLITE_BUSY);
}

TEST_CASE("a restart before the checkpoint got the writer lock is none under it") {
  Handle handle;
  CHECK(handle.lock(kCheckpoint) == SQLITE_OK);
  handle.restart_log();
  CHECK(handle.lock(kWriter) == SQLITE_OK);
  CHECK(handle.lock(kBackfill) == SQLITE_OK);
}

TEST_CASE("a recovery and a writer are no checkpoint") {
  Handle handle;
  CHECK(handle.lock(kWriter) == SQLITE_OK);
  CHECK(handle.lock(kCheckpoint, 2) == SQLITE_OK);
  CHECK(handle.held[kRecover]);
  CHECK(handle.unlock(kCheckpoint, 2) == SQLITE_OK);
  handle.restart_log();
  CHECK(handle.lock(kBackfill) == SQLITE_OK);
}

TEST_CASE("a wal-index that cannot be seen refuses the checkpoint") {
  Handle handle;
  const BaseShmLock base{Handle::call, &handle};
  CHECK(handle.check.lock(base, nullptr, kCheckpoint, 1, kLock) == SQLITE_OK);
  CHECK(handle.check.lock(base, nullptr, kBackfill, 1, kLock) == SQLITE_BUSY);
}

TEST_CASE("under the salt check a checkpoint does not mind a busy writer") {
  Ground ground(GENERATE(Base::platform, Base::memory),
                {.wal_reset_cure = WalResetCure::salt_check});
  ground.create();
  Connection writer = ground.open();
  Connection checkpointer = ground.open();
  writer.must("INSERT INTO t(b) VALUES(1)");
  writer.must("BEGIN IMMEDIATE");
  writer.must("INSERT INTO t(b) VALUES(2)");
  CHECK(checkpointer.number("SELECT count(*) FROM t") == 1);
  int frames = 0;
  int moved = 0;
  CHECK(sqlite3_wal_checkpoint_v2(
            checkpointer.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &frames, &moved) ==
        SQLITE_OK);
  CHECK(frames > 0);
  CHECK(moved == frames);
  writer.must("COMMIT");
  CHECK(checkpointer.number("SELECT count(*) FROM t") == 2);
}
