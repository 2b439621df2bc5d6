#include "vfs/wal_guard.hpp"

#include "defect.hpp"

#include <sqlite3.h>

namespace holdfast::vfs {

namespace {

constexpr int kWriterSlot = 0;
constexpr int kCheckpointSlot = 1;
constexpr int kLockWriter = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE;
constexpr int kUnlockWriter = SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE;

bool covers(int first_slot, int slots, int slot) {
  return first_slot <= slot && slot < first_slot + slots;
}

}  // namespace

bool wal_reset_affected(int version) noexcept {
  const bool corrected_branch = (version >= 3044006 && version < 3045000) ||
                                (version >= 3050007 && version < 3051000) || version >= 3051003;
  return version >= 3007000 && !corrected_branch;
}

int WalGuard::lock(const BaseShmLock& base, int first_slot, int slots, int flags) {
  if ((flags & SQLITE_SHM_EXCLUSIVE) == 0 || planted("wal_guard_off"))
    return base(first_slot, slots, flags);
  if (first_slot == kWriterSlot && slots == 1) return change_writer(base, flags);
  if (!covers(first_slot, slots, kCheckpointSlot)) return base(first_slot, slots, flags);
  // A recovery comes this way too: it locks slots 1 and 2 at once, holding slot 0.
  return (flags & SQLITE_SHM_LOCK) != 0 ? lock_checkpoint(base, first_slot, slots, flags)
                                        : unlock_checkpoint(base, first_slot, slots, flags);
}

void WalGuard::forget() noexcept {
  asked_by_connection_ = false;
  held_for_checkpoint_ = false;
}

int WalGuard::change_writer(const BaseShmLock& base, int flags) {
  // A FULL, RESTART or TRUNCATE checkpoint asks for the writer lock that the guard took already.
  const int result = held_for_checkpoint_ ? SQLITE_OK : base(kWriterSlot, 1, flags);
  if (result == SQLITE_OK) asked_by_connection_ = (flags & SQLITE_SHM_LOCK) != 0;
  return result;
}

int WalGuard::lock_checkpoint(const BaseShmLock& base, int first_slot, int slots, int flags) {
  const bool takes_writer = !asked_by_connection_ && !held_for_checkpoint_;
  if (takes_writer) {
    const int result = base(kWriterSlot, 1, kLockWriter);
    if (result != SQLITE_OK) return result;
  }
  const int result = base(first_slot, slots, flags);
  if (result == SQLITE_OK) {
    held_for_checkpoint_ = true;
  } else if (takes_writer) {
    base(kWriterSlot, 1, kUnlockWriter);
  }
  return result;
}

int WalGuard::unlock_checkpoint(const BaseShmLock& base, int first_slot, int slots, int flags) {
  const int result = base(first_slot, slots, flags);
  const bool last = held_for_checkpoint_ && !asked_by_connection_;
  held_for_checkpoint_ = false;
  if (last) base(kWriterSlot, 1, kUnlockWriter);
  return result;
}

}  // namespace holdfast::vfs
