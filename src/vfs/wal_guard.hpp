// Keeps writers out while a checkpoint runs: the cure for SQLite's WAL-reset defect.
//
// SQLite 3.7.0 to 3.51.2 can lose acknowledged commits when one connection restarts the WAL while
// another has read its header for a checkpoint and not yet asked how much is copied. The restart
// needs the writer lock; so whoever takes the checkpoint lock takes the writer lock first. Every
// process that goes through a Shim is covered, without a lock file; a checkpoint by a foreign program
// on an affected version (a shell that writes) is not.
//
// Shape:   one WalGuard per open database handle. Slot 0 of the base is locked while the connection
//          asked for it, or the guard needs it, or both; whoever lets go last unlocks it.
// Errors:  SQLite's codes. Where a writer is busy, the checkpoint lock is SQLITE_BUSY, and SQLite
//          calls no busy handler for that one.
// Threads: one handle is used by one thread at a time (SQLite's rule for connections).
#pragma once

#include <cstdint>

namespace holdfast::vfs {

// True for the versions that have the defect: from 3.7.0 (the first with a WAL) up to 3.51.3, but
// for the corrected 3.50.7 and later of 3.50, and 3.44.6 and later of 3.44. The number is that of
// sqlite3_libversion_number(): 3.40.1 is 3040001.
bool wal_reset_affected(int version) noexcept;

// The lock function beneath, and who calls it.
struct BaseShmLock {
  int (*call)(void* context, int first_slot, int slots, int flags) = nullptr;
  void* context = nullptr;

  int operator()(int first_slot, int slots, int flags) const {
    return call(context, first_slot, slots, flags);
  }
};

class WalGuard {
 public:
  // Stands in for xShmLock: calls `base` zero, one or two times.
  int lock(const BaseShmLock& base, int first_slot, int slots, int flags);

  // All locks of the handle went with its shared memory.
  void forget() noexcept;

 private:
  int lock_checkpoint(const BaseShmLock& base, int first_slot, int slots, int flags);
  int unlock_checkpoint(const BaseShmLock& base, int first_slot, int slots, int flags);
  int change_writer(const BaseShmLock& base, int flags);

  bool asked_by_connection_ = false;  // slot 0, by SQLite itself
  bool held_for_checkpoint_ = false;  // slot 0, by the guard
};

}  // namespace holdfast::vfs
