// Looking after a file: what is in it, whether it is sound, copies of it.
//
// Errors   io, busy, full, corrupt (only where a report cannot be made), already_exists (a target that
//          is there), invalid_argument
// Threads  any; all of these run beside writers
// Source   src/maintain/, docs/operations.md
#pragma once

#include "holdfast/database.hpp"
#include "holdfast/export.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace holdfast {

// Called now and then during long work: done of total, in whatever unit the work has. Returning false
// stops the work.
using Progress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

enum class Severity : std::uint8_t {
  info,     // worth knowing: tables that a person added
  warning,  // no data is lost, but something is not as it should be
  error,    // something stored is damaged
};

struct Finding {
  Severity severity = Severity::info;
  std::string place = {};  // "segment 0190...", "sqlite", ...
  std::string what = {};
};

struct VerifyOptions {
  bool quick = false;  // structure and counts only; else every payload's digest, too
  Progress progress = nullptr;
};

struct VerifyReport {
  std::vector<Finding> findings = {};  // the worst first
  std::uint64_t rows_checked = 0;
  std::uint64_t bytes_checked = 0;
  bool stopped = false;  // by the progress function

  HOLDFAST_API std::uint64_t count(Severity severity) const;
  HOLDFAST_API bool sound() const;  // no finding of severity error, and not stopped
};

// Looks at everything, beside writers: SQLite's own check of the whole file (one read transaction, as
// long as it takes), and then pages of rows, a short read transaction each. If the log reaches its hard
// limit during the long one, verify is `full`, so that writers can go on.
HOLDFAST_API VerifyReport verify(const Database& database, const VerifyOptions& options = {});

struct BackupOptions {
  std::uint32_t pages_per_step = 256;
  Progress progress = nullptr;
};

// Copies the database, as of one instant, into a new file, which opens at once, with a new incarnation.
// `target` must not exist; it appears when it is complete and checked, or not at all. Other threads and
// processes go on writing; if their log reaches its hard limit meanwhile, the backup is `full`. Not
// inside a transaction or read() of this thread (invalid_argument). If the progress function stops it,
// nothing is left behind, and the result is false.
HOLDFAST_API bool backup(const Database& database,
                         const std::string& target,
                         const BackupOptions& options = {});

struct RestoreOptions {
  Progress progress = nullptr;
};

// Puts a backup in place as `path`, which must not exist: it is copied, the copy is checked from end to
// end (as verify does), and gets a new incarnation. The backup is only read, also in a folder that
// cannot be written. The file appears when it is complete, or not at all. False: the progress function
// stopped it, and nothing is left behind.
//
// Errors   already_exists (`path`), corrupt (the backup is not sound: salvage it), conflict and busy
//          (somebody has it open), and what opening it gives
HOLDFAST_API bool restore(const std::string& backup_path,
                          const std::string& path,
                          const RestoreOptions& options = {});

struct SalvageOptions {
  Progress progress = nullptr;
};

// Rows of one table: what went into the new file, and what was found and did not.
struct SalvageCount {
  std::string table = {};
  std::uint64_t kept = 0;
  std::uint64_t mended = 0;   // of these: one byte was wrong, and the digest proves which
  std::uint64_t dropped = 0;  // damaged, or of no use without what is lost
};

// An owner that is not as it was: "session s segment g", "entries", 41 of 50.
struct SalvageLoss {
  std::string owner = {};
  std::string things = {};
  std::uint64_t kept = 0;
  std::uint64_t expected = 0;  // what its own record says
  std::string what = {};       // which are missing, and why
};

struct SalvageReport {
  std::vector<SalvageCount> counts = {};
  std::vector<SalvageLoss> losses = {};
  std::vector<Finding> findings = {};  // pages, rows, the log, the header
  bool stopped = false;                // by the progress function: there is no new file

  // Everything of the old file is in the new one.
  HOLDFAST_API bool whole() const;
};

// Exports everything that still checks out from a damaged file into a new one, which passes verify and
// has a new incarnation. Nothing is believed without its digest, and FILE, its -wal and its -shm are
// only read. It goes by the pages themselves, so that neither a damaged index nor a damaged page
// between the root and the leaves costs more than itself. Logs have no holes: of a damaged one the
// entries before its first hole are kept. Nobody may have the file open meanwhile.
//
// Errors   conflict (this process has `path` open), busy (another process has, or wrote meanwhile),
//          not_found, not_a_database (nothing in it looks like ours), schema_too_new, already_exists
//          (`new_path`)
HOLDFAST_API SalvageReport salvage(const std::string& path,
                                   const std::string& new_path,
                                   const SalvageOptions& options = {});

// Where the bytes are: one row per kind of owner.
struct StorageUse {
  std::string kind = {};  // "trace", "segment", "run", "manifest stream", "state"
  std::string owner = {};
  std::uint64_t rows = 0;
  std::uint64_t raw_bytes = 0;
  std::uint64_t stored_bytes = 0;
};

struct DatabaseInfo {
  std::string path = {};
  std::string store_id = {};
  std::string incarnation = {};
  std::string holdfast_version = {};
  std::string sqlite_version = {};
  int schema_version = 0;
  std::int64_t created_at_us = 0;
  std::uint64_t page_bytes = 0;
  std::uint64_t page_count = 0;
  std::uint64_t free_pages = 0;
  std::uint64_t traces = 0, checkpoints = 0;
  std::uint64_t sessions = 0, segments = 0, entries = 0;
  std::uint64_t runs = 0, events = 0, snapshots = 0;
  std::uint64_t streams = 0, manifests = 0;
  std::uint64_t states = 0, state_entries = 0;
  std::vector<std::string> foreign_objects = {};  // tables and views that are not ours
  std::vector<std::string> damaged_logs =
      {};  // copies of damaged write-ahead logs, beside the file
};

HOLDFAST_API DatabaseInfo info(const Database& database);

// By size, largest first. Walks all rows, in one read transaction.
HOLDFAST_API std::vector<StorageUse> storage_by_owner(const Database& database,
                                                      std::size_t limit = kNoLimit);

// Removes what uploads that were given up have staged (stream.hpp), gives free pages back to the file
// system, all in small transactions beside other writers, and says how many bytes. The file itself
// becomes smaller when the log is next moved into it, at the latest when it is closed.
HOLDFAST_API std::uint64_t shrink(const Database& database, const Progress& progress = nullptr);

}  // namespace holdfast
