// The layer between SQLite and the platform's VFS: one per open engine.
//
// Caveats first. A Shim serves one database: the first main database that is opened through it is
// the one that it watches, and it must outlive every connection opened through it. After fork() a
// child must not use it.
//
// What it adds to the base VFS, and nothing else:
//   cure      a checkpoint cannot run into SQLite's WAL-reset defect (wal_salt_check.hpp)
//   poison    after a failed sync of the database, its WAL or its journal nothing is written any
//             more: the kernel has marked the lost pages clean, and a later sync would succeed
//   identity  notices that the database, its -wal or its -shm was replaced or removed
//   seals     every page that is written gets a checksum, and a page of a protected b-tree that was
//             damaged is not given out: SQLITE_CORRUPT (sealed_pages.hpp)
//   scrub     a recovery of the WAL that drops commits which were finished once does not go unsaid
//   seam      an Interceptor for tests, directly above the base
//   figures   counters, and the position of the newest commit
// Memory-mapped I/O is ruled out: a truncated file would end the host with SIGBUS.
//
// Shape:   a registered sqlite3_vfs; open connections with sqlite3_open_v2(..., shim.name()).
// Units:   bytes, nanoseconds.
// Errors:  the constructor throws std::runtime_error if SQLite refuses the registration, or
//          std::bad_alloc. Everything else reports through SQLite's result codes.
// Threads: every const function from any thread. Construction and destruction once.
// Source:  https://sqlite.org/c3ref/vfs.html
#pragma once

#include "vfs/interceptor.hpp"
#include "vfs/wal_index.hpp"
#include "vfs/wal_scrub.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct sqlite3_vfs;

namespace holdfast::vfs {

// Against SQLite's WAL-reset defect. Processes with different cures may use one file together.
enum class WalResetCure {
  none,
  guard,       // writers wait for every checkpoint (wal_guard.hpp)
  salt_check,  // a checkpoint that was overtaken gives up (wal_salt_check.hpp)
};

struct ShimOptions {
  // What does the work; nullptr is the platform's default. Must outlive the Shim.
  sqlite3_vfs* base = nullptr;

  // std::nullopt: the salt check where the SQLite in this process is an affected one, else none.
  std::optional<WalResetCure> wal_reset_cure = std::nullopt;

  // For tests. Must outlive the Shim.
  Interceptor* interceptor = nullptr;
};

// Since the Shim was made; of the watched database, its WAL and its journal.
struct Counters {
  std::uint64_t syncs = 0;           // also those that failed
  std::uint64_t sync_ns = 0;         // time spent in them
  std::uint64_t database_bytes = 0;  // written to the database file
  std::uint64_t wal_bytes = 0;       // written to the WAL
  std::uint64_t damaged_pages = 0;   // not given out, each time that one was read
};

// B-trees whose pages nobody but our connections writes.
struct ProtectedTrees {
  std::vector<std::uint32_t> roots = {};
  // As long as this is the file's: when another program adds or drops a table, SQLite may move any page.
  std::uint32_t schema_cookie = 0;
};

// A file that is not, or no longer, the one that our connections have open.
struct ReplacedFile {
  FileKind file = FileKind::database;  // database, wal or shm
  bool missing = false;                // true: no file at that path; false: another one
};

// What a recovery of the WAL has found behind the last whole commit.
struct WalRecovery {
  WalFindings found;
  std::uint64_t kept_frames = 0;
  std::string copy = {};  // of the WAL, if it is damaged; empty: there was no room for one
};

class ShimState;

class Shim {
 public:
  explicit Shim(const ShimOptions& options = {});
  ~Shim();
  Shim(const Shim&) = delete;
  Shim& operator=(const Shim&) = delete;

  // The name for sqlite3_open_v2: "holdfast-" and a number that no other living Shim has.
  [[nodiscard]] const std::string& name() const noexcept;

  [[nodiscard]] WalResetCure wal_reset_cure() const noexcept;

  // True after the first failed sync, for as long as the Shim lives. Writes, truncations and syncs
  // then give SQLITE_IOERR_FSYNC, the writer and the checkpoint lock SQLITE_IOERR_LOCK, and the WAL
  // cannot be deleted; what is there can be read. (A reader that meets another process's half-written
  // wal-index header asks for the writer lock too: SQLITE_IOERR_LOCK, and a repeat succeeds.)
  [[nodiscard]] bool poisoned() const noexcept;
  void poison() noexcept;

  // Compares the identities recorded when the files were opened with what the paths lead to now: at
  // most three lstat calls, no allocation. std::nullopt is "all as it was", and always the answer
  // over a base without inodes (a MemoryDisk). The -wal and -shm are watched from the first
  // connection that opens them until the last one closes them. A connection that met another
  // file when it opened (it got SQLITE_CANTOPEN) makes the answer permanent.
  [[nodiscard]] std::optional<ReplacedFile> replaced() const noexcept;

  // Of the newest commit by anybody. std::nullopt: no connection of this Shim has a wal-index
  // mapped (none has read yet, or not WAL mode), or its header is not initialised.
  // Also, now and then, when a writer of any process is half-way through the header: nothing is known
  // at this moment.
  [[nodiscard]] std::optional<WalIndexPosition> wal_index_position() const noexcept;

  // True if nobody has committed since `position`; false also where that is not known. For validating
  // a cached value: it costs a few loads, where the function above costs about 25 ns.
  // REQUIRES: one connection that has read in WAL mode stays open during the call. Nothing else keeps
  // the memory mapped.
  [[nodiscard]] bool still_at(const WalIndexPosition& position) const noexcept;

  // From now on these b-trees are protected by the seals of their pages. In a file whose pages have no
  // 16 bytes to spare, none is.
  void protect(ProtectedTrees trees);

  // The worst of the recoveries that connections of this Shim have made; std::nullopt: none was needed.
  // Where a WAL is damaged, or may be, a copy of it as it was lies beside the database, under the name of the
  // database, "-wal_damaged_", and what tells this log from others. Whoever opens the same log again
  // finds that copy, and makes no other. May throw std::bad_alloc.
  [[nodiscard]] std::optional<WalRecovery> recovery() const;

  [[nodiscard]] Counters counters() const noexcept;

 private:
  std::unique_ptr<ShimState> state_;
};

}  // namespace holdfast::vfs
