// Looks at what a recovery of the WAL has left behind, and tells damage from what a crash leaves.
//
// SQLite recovers a WAL up to its last whole commit and drops the rest without a word: the tail of a
// transaction that was under way, and just as well every commit behind a flipped bit. What tells them
// apart is what follows. A transaction at full durability is synced before the next one begins. So a
// frame that is linked, by its checksum, to the end of a commit that was not recovered cannot be left by a
// crash: that commit was finished once. At normal durability nothing is synced between transactions, and
// a power loss may keep the later frame and lose the earlier; who asks must know whether that was in use.
// The last transaction has none behind it: damage to it looks like a crash.
//
// A WAL's header is synced before its first frame, at both levels. Where it is broken and frames follow, it
// is compared with the one that those frames began with: a crash can leave it half way to the header of
// the next log, which begins when all of this one is in the file.
//
// Frames of an earlier log have other salts. Frames that were written and not committed, by a
// transaction that was rolled back or whose process died, are at most one transaction without anything
// linked to its end.
//
// Shape:   https://sqlite.org/fileformat2.html#the_write_ahead_log
// Units:   frames, bytes.
// Errors:  what cannot be read says nothing. May throw std::bad_alloc.
// Threads: functions of their arguments.
#pragma once

#include "vfs/wal_checksum.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace holdfast::vfs {

enum class WalTail : std::uint8_t {
  clean,       // nothing of this log follows its last commit
  unfinished,  // frames of one transaction, as a crash leaves them
  uncertain,   // the header is broken, and a crash might just have done it
  damaged,     // a commit that was finished is not whole any more
};

struct WalFindings {
  WalTail tail = WalTail::clean;
  bool in_header = false;            // what is broken; certain at any durability
  std::uint64_t dropped_frames = 0;  // of this log, behind the last commit
};

// A WAL as it lies on the disk. `read` fills all of the buffer, or says false.
struct WalBytes {
  std::int64_t size = 0;
  std::function<bool(std::int64_t offset, std::span<std::byte> buffer)> read;
};

// Where SQLite's recovery has stopped: behind so many frames, and the checksum of the last of them.
struct WalEnd {
  std::uint32_t frames = 0;
  WalChecksum checksum;  // without meaning if there are no frames
};

WalFindings scrub_wal(const WalBytes& wal, const WalEnd& end);

}  // namespace holdfast::vfs
