// Where the newest commit of a WAL database is, read from the shared memory that SQLite maps.
//
// A position that is unchanged means that nobody, in this process or another, has committed since.
// It says nothing about a database that is not in WAL mode, or whose wal-index is in private memory
// (locking_mode=EXCLUSIVE).
//
// Shape:   the first 136 bytes of the -shm file, in native byte order:
//            0  WalIndexHdr, 48 bytes: version, unused, iChange, {isInit, bigEndCksum, szPage},
//               mxFrame, nPage, aFrameCksum[2], aSalt[2], aCksum[2]
//           48  a second copy of it
//           96  WalCkptInfo: nBackfill, aReadMark[5], 8 lock bytes, nBackfillAttempted, unused
//          A writer stores the second copy, then the first; a reader loads the first, then the
//          second, and believes them when they are equal.
// Units:   frames, of one page each.
// Errors:  std::nullopt when the header is not initialised, or did not hold still.
// Threads: loads are atomic word by word; safe beside SQLite in this and other processes.
// Source:  https://sqlite.org/walformat.html, section 2
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace holdfast::vfs {

struct WalIndexPosition {
  std::uint32_t change_counter = 0;     // iChange: one up with every commit; 0 after a recovery
  std::uint32_t frames = 0;             // mxFrame: valid frames in the WAL
  std::uint32_t salt_1 = 0;             // as stored; only for comparing. A restart of the WAL
  std::uint32_t salt_2 = 0;             //   changes both
  std::uint32_t backfilled_frames = 0;  // nBackfill: frames that a checkpoint has copied

  // True if both see the same commit as the newest. All four are needed: a recovery sets the
  // counter back to 0, a restart of the WAL the frames. How far a checkpoint got does not matter.
  [[nodiscard]] bool same_commit(const WalIndexPosition& other) const noexcept {
    return change_counter == other.change_counter && frames == other.frames &&
           salt_1 == other.salt_1 && salt_2 == other.salt_2;
  }
};

// True if the newest commit is still the one at `position`: four loads. The first copy alone will
// do, since a writer changes it last: whoever finds it as it was looked before the commit ended.
// REQUIRES: as below.
bool wal_index_is_at(const volatile void* region, const WalIndexPosition& position) noexcept;

// Of the newest commit, for who holds the lock of a recovery: the frames, and the checksum of the last
// one. std::nullopt: the header is not initialised. REQUIRES: as below.
struct WalIndexEnd {
  std::uint32_t frames = 0;
  std::array<std::uint32_t, 2> checksum{};
};
std::optional<WalIndexEnd> read_wal_end(const volatile void* region) noexcept;

struct WalSalts {
  std::uint32_t first = 0;
  std::uint32_t second = 0;

  friend bool operator==(const WalSalts&, const WalSalts&) = default;
};

// As they stand in the first copy, also while a restart of the WAL is writing them: then they may be
// those of neither log. REQUIRES: as below.
WalSalts read_wal_salts(const volatile void* region) noexcept;

// REQUIRES: `region` is the mapped region 0 of a wal-index and stays mapped during the call.
std::optional<WalIndexPosition> read_wal_index(const volatile void* region) noexcept;

}  // namespace holdfast::vfs
