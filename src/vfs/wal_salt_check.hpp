// Refuses a checkpoint whose log was restarted under it: the other cure for SQLite's WAL-reset defect.
//
// What the defect needs is a checkpointer that has read the header of a log which another connection then
// restarts. Each restart changes the log's salts, and needs read lock 0 to be free for sharing; a
// checkpointer takes that lock exclusively before it copies anything. So: the salts are noted when the
// checkpoint lock is taken, before the header is read, and compared once read lock 0 is held, when no
// restart can happen any more. If they have changed, the lock is given back and the answer is
// SQLITE_BUSY, as if a reader held it: a passive checkpoint then copies nothing and is done.
//
// Writers go on meanwhile. Each checkpointer protects itself, whatever the others do: processes with this
// cure, with the guard (wal_guard.hpp) and with a corrected SQLite can use one file together.
//
// Shape:   one per open database handle.
// Errors:  SQLite's codes; a header that cannot be seen counts as changed.
// Threads: one handle is used by one thread at a time (SQLite's rule for connections).
#pragma once

#include "vfs/wal_guard.hpp"
#include "vfs/wal_index.hpp"

#include <optional>

namespace holdfast::vfs {

class WalSaltCheck {
 public:
  // Stands in for xShmLock: calls `base` one or two times. `region` is the mapped region 0 of the
  // wal-index, or nullptr.
  int lock(
      const BaseShmLock& base, const volatile void* region, int first_slot, int slots, int flags);

  // All locks of the handle went with its shared memory.
  void forget() noexcept { checkpointing_ = false; }

 private:
  void note(const volatile void* region) noexcept;

  bool checkpointing_ = false;
  std::optional<WalSalts> noted_;
};

}  // namespace holdfast::vfs
