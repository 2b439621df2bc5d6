#include "vfs/wal_salt_check.hpp"

#include "defect.hpp"

#include <sqlite3.h>

namespace holdfast::vfs {

namespace {

constexpr int kWriterSlot = 0;
constexpr int kCheckpointSlot = 1;
constexpr int kBackfillSlot = 3;  // read lock 0

}  // namespace

int WalSaltCheck::lock(
    const BaseShmLock& base, const volatile void* region, int first_slot, int slots, int flags) {
  const int result = base(first_slot, slots, flags);
  if (result != SQLITE_OK || (flags & SQLITE_SHM_EXCLUSIVE) == 0) return result;
  const bool takes = (flags & SQLITE_SHM_LOCK) != 0;
  // A recovery takes slot 1 together with slot 2; it copies nothing, and gives both back.
  if (first_slot <= kCheckpointSlot && kCheckpointSlot < first_slot + slots) {
    checkpointing_ = takes;
    if (takes) note(region);
    return SQLITE_OK;
  }
  if (!checkpointing_ || !takes) return SQLITE_OK;
  // Whoever waited for the writer lock reads the header only now. A restart meanwhile is no danger, and
  // without this note it would make a FULL checkpoint wait for what cannot come.
  if (first_slot == kWriterSlot) note(region);
  if (first_slot != kBackfillSlot || planted("salt_check_off")) return SQLITE_OK;
  if (noted_ && region != nullptr && read_wal_salts(region) == *noted_) return SQLITE_OK;
  base(first_slot, slots, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
  return SQLITE_BUSY;
}

void WalSaltCheck::note(const volatile void* region) noexcept {
  noted_.reset();
  if (region != nullptr) noted_ = read_wal_salts(region);
}

}  // namespace holdfast::vfs
