// What a caller can choose: when opening a file, and for one transaction.
//
// Units    milliseconds, microseconds and bytes, as each name says
// Errors   a second open of the same file in this process with other options is `conflict`. It may leave
//          the functions out, or give functions of the same kind: those of the first one stay in use.
// Threads  plain values; the functions given here are called from any thread, one call at a time not
//          promised: they must be safe for that
#pragma once

#include "holdfast/export.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

// What "committed" survives when the call returns.
enum class Durability : std::uint8_t {
  normal,  // the death of the process; after power loss the newest commits may be missing, never torn,
           // never out of order
  full,  // power loss, too
};

enum class LogLevel : std::uint8_t { debug, info, warning, error };

// Gets what the library has to tell; without one it is silent. It must not call back into holdfast.
using LogFunction = std::function<void(LogLevel, std::string_view)>;

// Microseconds since the epoch, UTC. Injected by tests; the default is the system's clock.
using Clock = std::function<std::int64_t()>;

// A source of 64 random bits for ids (UUIDv7). Injected by tests; the default is the system's.
using RandomSource = std::function<std::uint64_t()>;

struct OpenOptions {
  Durability durability = Durability::full;  // of every transaction that does not say otherwise
  bool create = true;                        // make the file if it is missing; else `not_found`
  bool read_only = false;  // no write, no migration; the folder must still be writable
                           // unless somebody has the file open: -wal and -shm lie there

  std::int64_t busy_timeout_ms = 10'000;  // the longest wait for a turn to write; then `busy`
  std::uint64_t max_payload_bytes = 1ULL << 30;  // a larger payload is `too_large`
  std::uint32_t page_bytes = 4096;               // of a new file: 512 to 65,536, a power of two
  std::uint64_t cache_bytes = 16ULL << 20;       // page cache of each connection, at most
  unsigned max_readers = 16;                     // connections kept for reads that run at once

  std::uint64_t wal_checkpoint_bytes = 16ULL << 20;  // move the log into the file from this size on
  std::uint64_t wal_soft_limit_bytes = 256ULL
                                       << 20;       // beyond: a warning that says who pins the log
  std::uint64_t wal_hard_limit_bytes = 4ULL << 30;  // beyond: writes are `full` until it shrank

  bool committer_thread = false;           // a thread of ours that serves Database::commit_async
  bool allow_network_file_system = false;  // NFS and SMB lose data under SQLite's locks

  LogFunction log = nullptr;
  Clock clock = nullptr;
  RandomSource random = nullptr;
};

// A lease as a write carries it: the write is `fenced` unless (name, token) is the current holder.
struct Fence {
  std::string lease = {};
  std::uint64_t token = 0;
};

// For one transaction; what is absent is as the database was opened.
struct TransactOptions {
  std::optional<Durability> durability = std::nullopt;  // nested: not higher than the outer one's
  std::optional<std::int64_t> timeout_ms = std::nullopt;
  std::optional<Fence> fence = std::nullopt;
};

}  // namespace holdfast
