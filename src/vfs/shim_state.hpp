// What the callbacks of one Shim share, and the layout of the files that it opens. Internal to the
// Shim: shim.cpp holds the VFS's functions, shim_file.cpp those of a file, shim_shm.cpp those of the
// wal-index.
//
// Shape:   SQLite allocates szOsFile bytes per file: a ShimFile, and behind it the base's file.
// Errors:  callbacks are noexcept and answer with SQLite's codes.
// Threads: ShimState from any thread; a ShimFile as SQLite uses it, one thread at a time.
#pragma once

#include "vfs/interceptor.hpp"
#include "vfs/sealed_pages.hpp"
#include "vfs/shim.hpp"
#include "vfs/wal_gather.hpp"
#include "vfs/wal_guard.hpp"
#include "vfs/wal_index_map.hpp"
#include "vfs/wal_salt_check.hpp"
#include "vfs/watched_files.hpp"

#include <sqlite3.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace holdfast::vfs {

class ShimState {
 public:
  explicit ShimState(const ShimOptions& options);
  ~ShimState();
  ShimState(const ShimState&) = delete;
  ShimState& operator=(const ShimState&) = delete;

  bool is_poisoned() const noexcept { return poisoned.load(std::memory_order_acquire); }
  void poison() noexcept { poisoned.store(true, std::memory_order_release); }

  sqlite3_vfs* const base;
  Interceptor* const interceptor;
  const WalResetCure wal_reset_cure;
  std::string name;
  sqlite3_vfs vfs{};  // registered while this lives

  std::atomic<bool> poisoned = false;
  // The worst that was found, and the newest of those.
  void note_recovery(WalRecovery found) noexcept;
  std::optional<WalRecovery> last_recovery() const;

  WatchedFiles files;
  WalIndexMap wal_index;
  SealedPages seals;

  std::atomic<std::uint64_t> syncs = 0;
  std::atomic<std::uint64_t> sync_ns = 0;
  std::atomic<std::uint64_t> database_bytes = 0;
  std::atomic<std::uint64_t> wal_bytes = 0;

 private:
  mutable std::mutex recovery_mutex_;
  std::optional<WalRecovery> recovery_;
};

struct ShimFile : sqlite3_file {
  enum class Shm { unmapped, mapped, refused };

  ShimState* shim;
  const char* path;  // SQLite keeps it valid until the file is closed
  FileKind kind;
  Shm shm;
  const volatile void* region;  // of the wal-index the first one; nullptr: not mapped
  ShimFile* wal;                // of a database: its WAL, while it is open
  WalGuard guard;
  WalSaltCheck salt_check;
  bool in_checkpoint;  // pages are copied from the WAL as they are
  WalFrame wal_frame;
  WalGather gather;  // of a WAL: what waits to be written

  sqlite3_file* base() noexcept;
};

// Rounded to what SQLite aligns the allocation to.
inline constexpr std::size_t kBaseFileOffset = (sizeof(ShimFile) + 7) / 8 * 8;
static_assert(alignof(ShimFile) <= 8);

inline sqlite3_file* ShimFile::base() noexcept {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<std::byte*>(this) + kBaseFileOffset);
}

inline ShimFile& shim_file(sqlite3_file* file) noexcept {
  return *static_cast<ShimFile*>(file);
}

// The files that a failed sync puts beyond trust.
constexpr bool is_durable(FileKind kind) noexcept {
  return kind == FileKind::database || kind == FileKind::wal || kind == FileKind::journal;
}

// Does `work` as the interceptor decides; `make_call` is run only if there is one. Whoever can
// give up half-way (read, write) treats Verdict::partial by itself.
template <typename MakeCall, typename Work>
int intercepted(const ShimState& shim, const MakeCall& make_call, const Work& work) {
  if (shim.interceptor == nullptr) [[likely]] {
    return work();
  }
  const Call call = make_call();
  const Verdict verdict = shim.interceptor->before(call);
  const int result = verdict.action == Verdict::Action::proceed ? work() : verdict.result;
  return shim.interceptor->after(call, result);
}

// The same for work that must be done whatever the verdict, since it sets resources free.
template <typename MakeCall, typename Work>
int intercepted_release(const ShimState& shim, const MakeCall& make_call, const Work& work) {
  if (shim.interceptor == nullptr) [[likely]] {
    return work();
  }
  const Call call = make_call();
  const Verdict verdict = shim.interceptor->before(call);
  const int done = work();
  const bool proceeds = verdict.action == Verdict::Action::proceed;
  return shim.interceptor->after(call, proceeds ? done : verdict.result);
}

// A Call about an open file, for the caller to complete.
inline Call call_on(Operation operation, const ShimFile& file) {
  Call call;
  call.operation = operation;
  call.file = file.kind;
  call.path = file.path;
  call.handle = &file;
  return call;
}

// The methods of a file whose base has methods of this version. Version 3 (memory mapping) is never
// offered.
const sqlite3_io_methods* shim_file_methods(int base_version) noexcept;

// shim_file.cpp. Writes the frames that wait, if there are any.
int flush_wal(ShimFile& wal) noexcept;

// shim_recovery.cpp. `database` has recovered its WAL, and holds the lock of a recovery still.
void examine_recovered_wal(ShimFile& database) noexcept;

// shim_shm.cpp
int shim_shm_map(
    sqlite3_file* file, int region, int bytes, int extend, volatile void** out) noexcept;
int shim_shm_lock(sqlite3_file* file, int first_slot, int slots, int flags) noexcept;
void shim_shm_barrier(sqlite3_file* file) noexcept;
int shim_shm_unmap(sqlite3_file* file, int delete_flag) noexcept;

}  // namespace holdfast::vfs
