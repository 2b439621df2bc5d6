#include "defect.hpp"
#include "vfs/shim_state.hpp"

#include <new>

namespace holdfast::vfs {

namespace {

Call shm_call(Operation operation, const ShimFile& file) {
  Call call = call_on(operation, file);
  if (call.file == FileKind::database) call.file = FileKind::shm;
  return call;
}

// A read-only wal-index is mapped all the same.
bool is_mapped(int result) {
  return result == SQLITE_OK || (result & 0xff) == SQLITE_READONLY;
}

int base_shm_lock(void* context, int first_slot, int slots, int flags) {
  auto& ours = *static_cast<ShimFile*>(context);
  return intercepted(
      *ours.shim,
      [&] {
        Call call = shm_call(Operation::shm_lock, ours);
        call.first_slot = first_slot;
        call.slots = slots;
        call.flags = flags;
        return call;
      },
      [&] { return ours.base()->pMethods->xShmLock(ours.base(), first_slot, slots, flags); });
}

// The first time that the base has mapped something for this handle.
void note_mapped(ShimFile& ours) {
  const bool watched = ours.kind == FileKind::database;
  const bool accepted = !watched || ours.shim->files.opened(FileKind::shm);
  ours.shm = accepted ? ShimFile::Shm::mapped : ShimFile::Shm::refused;
}

// Takes back what was noted, before the base unmaps: the last unmapping deletes the -shm, which
// another thread must not take for a replacement.
void forget_mapped(ShimFile& ours) noexcept {
  ours.guard.forget();
  ours.salt_check.forget();
  ours.region = nullptr;
  if (ours.kind == FileKind::database && ours.shm == ShimFile::Shm::mapped) {
    ours.shim->wal_index.withdraw(&ours);
    ours.shim->files.closed(FileKind::shm);
  }
  ours.shm = ShimFile::Shm::unmapped;
}

int map_checked(ShimFile& ours, int region, int result, volatile void** out) {
  if (ours.shm == ShimFile::Shm::unmapped) note_mapped(ours);
  if (ours.shm == ShimFile::Shm::refused) {
    *out = nullptr;  // SQLite would use it although the call failed
    return SQLITE_CANTOPEN;
  }
  if (region == 0) ours.region = *out;
  if (region == 0 && *out != nullptr && ours.kind == FileKind::database) {
    ours.shim->wal_index.publish(&ours, *out);
  }
  return result;
}

}  // namespace

int shim_shm_map(
    sqlite3_file* file, int region, int bytes, int extend, volatile void** out) noexcept {
  ShimFile& ours = shim_file(file);
  bool done = false;
  *out = nullptr;
  const int result = intercepted(
      *ours.shim,
      [&] {
        Call call = shm_call(Operation::shm_map, ours);
        call.offset = region;
        call.bytes = bytes;
        call.flags = extend;
        return call;
      },
      [&] {
        done = true;
        return ours.base()->pMethods->xShmMap(ours.base(), region, bytes, extend, out);
      });
  if (!is_mapped(result)) {
    *out = nullptr;
    return result;
  }
  if (!done) return SQLITE_IOERR_SHMMAP;
  try {
    return map_checked(ours, region, result, out);
  } catch (const std::bad_alloc&) {
    *out = nullptr;
    return SQLITE_IOERR_NOMEM;
  }
}

int shim_shm_lock(sqlite3_file* file, int first_slot, int slots, int flags) noexcept {
  constexpr int kRecoverySlot = 2;
  constexpr int kFirstReaderSlot = 3;
  ShimFile& ours = shim_file(file);
  const bool takes = (flags & SQLITE_SHM_LOCK) != 0 && (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  // Writer, checkpoint and recovery lock: whoever has one of them is about to write.
  const bool to_write = takes && first_slot < kFirstReaderSlot;
  if (to_write && ours.kind == FileKind::database && ours.shim->is_poisoned()) {
    return SQLITE_IOERR_LOCK;
  }
  const bool recovered = (flags & SQLITE_SHM_UNLOCK) != 0 && (flags & SQLITE_SHM_EXCLUSIVE) != 0 &&
                         first_slot <= kRecoverySlot && kRecoverySlot < first_slot + slots;
  if (recovered && ours.kind == FileKind::database && !planted("log_not_scrubbed"))
    examine_recovered_wal(ours);
  const BaseShmLock base{base_shm_lock, &ours};
  switch (ours.shim->wal_reset_cure) {
    case WalResetCure::none:
      break;
    case WalResetCure::guard:
      return ours.guard.lock(base, first_slot, slots, flags);
    case WalResetCure::salt_check:
      return ours.salt_check.lock(base, ours.region, first_slot, slots, flags);
  }
  return base(first_slot, slots, flags);
}

void shim_shm_barrier(sqlite3_file* file) noexcept {
  ShimFile& ours = shim_file(file);
  // What the wal-index is about to show must be in the log. A commit has been written by now, in every
  // SQLite that we know of; if not, nobody here could be told that it failed.
  if (ours.wal != nullptr && flush_wal(*ours.wal) != SQLITE_OK) ours.shim->poison();
  ours.base()->pMethods->xShmBarrier(ours.base());
}

int shim_shm_unmap(sqlite3_file* file, int delete_flag) noexcept {
  ShimFile& ours = shim_file(file);
  forget_mapped(ours);
  return intercepted_release(
      *ours.shim,
      [&] {
        Call call = shm_call(Operation::shm_unmap, ours);
        call.flags = delete_flag;
        return call;
      },
      [&] { return ours.base()->pMethods->xShmUnmap(ours.base(), delete_flag); });
}

}  // namespace holdfast::vfs
