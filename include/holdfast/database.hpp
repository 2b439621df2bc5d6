// The database: one file, the five stores in it, and the transactions that span them.
//
//   auto db = holdfast::Database::open("app.holdfast");
//   db.transact([&] {                                  // all of it is committed, or none of it
//     db.runs().append("run-7", {R"({"Completed":null})"}, {.expected_head = 41});
//     db.state("orders").partition({"op-1", 0, 0}).put("key", "value");
//   });
//
// Shape    one SQLite file in WAL mode (beside it, while open: FILE-wal and FILE-shm); docs/file-format.md
// Errors   open: not_found, not_a_database, schema_too_new, incompatible, read_only, conflict, io, full,
//          busy, unsupported, corrupt, forked, invalid_argument. Every call: closed, forked; every
//          write: busy, full, io, poisoned, read_only, fenced, outcome_unknown.
// Threads  a Database and every store handle may be used from any thread, and copied cheaply. A
//          transaction belongs to the thread that opened it: store calls of that thread join it, calls
//          of other threads wait for their turn.
// Source   src/database.cpp, src/engine/
#pragma once

#include "holdfast/batch.hpp"
#include "holdfast/checkpoint.hpp"
#include "holdfast/error.hpp"
#include "holdfast/export.hpp"
#include "holdfast/lease.hpp"
#include "holdfast/manifest.hpp"
#include "holdfast/options.hpp"
#include "holdfast/run.hpp"
#include "holdfast/session.hpp"
#include "holdfast/state.hpp"
#include "holdfast/statistics.hpp"
#include "holdfast/ticket.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace holdfast {

namespace engine {
class Access;
class Opening;
}  // namespace engine

class HOLDFAST_API Database {
 public:
  // Opens the file, makes it if it is missing (unless told otherwise), migrates an older one. The last
  // component must not be a symbolic link. Opening the same file twice in one process shares one engine.
  static Database open(const std::string& path, const OpenOptions& options = {});

  // The same engine over memory: gone when the last copy goes.
  static Database in_memory(const OpenOptions& options = {});

  // Ends this opening with all its copies and handles: flushes states in write-back mode, waits for calls
  // that are under way, drains the tickets. Afterwards every call is `closed`; a flush that failed is thrown
  // then, and what it should have written is lost (flush() first, where that must be seen to). A second close() does nothing. Inside a transaction of
  // this thread it is `invalid_argument`. The destructor of the last copy does the same, in silence.
  void close();

  CheckpointStore checkpoints() const;
  SessionStore sessions() const;
  RunStore runs() const;
  // The stream of checkpoint manifests of that name (0 to 1,024 bytes).
  ManifestStore manifests(const IdRef& stream = "", const ManifestOptions& options = {}) const;
  // The keyed state of that name; made by its first write.
  StateBackend state(const IdRef& name) const;
  // The same in the mode of `options`. write_back: this opening owns the state until the handle or the
  // opening is closed; its handles of the state share one buffer. conflict: it has another owner, or is open
  // here with other options. invalid_argument: inside a transaction of this thread.
  StateBackend state(const IdRef& name, const StateOptions& options) const;
  Leases leases() const;

  // Runs `function` in a transaction and returns what it returns. An exception out of it rolls all of
  // it back and goes on to the caller. Inside another transact of this thread it is a savepoint: its
  // exception undoes only its own part. Inside `read` it is invalid_argument. The function runs in this
  // thread, alone: it must not wait for another thread that writes to this database (`busy` ends that).
  template <class Function>
  std::invoke_result_t<Function&> transact(Function&& function,
                                           const TransactOptions& options = {}) {
    return run<std::invoke_result_t<Function&>>(
        function, [&](const std::function<void()>& body) { run_transaction(body, options); });
  }

  // Runs `function` over one snapshot of the whole file: all reads of this thread inside it see the
  // same instant. Keep it short: while it runs, the write-ahead log cannot be recycled.
  template <class Function>
  std::invoke_result_t<Function&> read(Function&& function) const {
    return run<std::invoke_result_t<Function&>>(
        function, [&](const std::function<void()>& body) { run_read(body); });
  }

  // Commits a closed transaction; it shares its commit, and the sync, with those of other threads.
  void commit(const Batch& batch, const TransactOptions& options = {});

  // The same without waiting: needs OpenOptions::committer_thread, else `unsupported`. Order is kept:
  // per thread, tickets and waiting writes are committed as they were called, and a thread's own reads
  // see its tickets.
  Ticket commit_async(Batch batch, const TransactOptions& options = {});

  // This database with every write of its handles carrying the lease: `fenced` once somebody else
  // holds it, checked inside each write's own transaction.
  Database with_fence(Fence fence) const;

  Statistics statistics() const;
  std::string path() const;  // absolute; empty for a database in memory
  std::uint64_t max_payload_bytes() const;
  std::string store_id() const;     // a UUID for life
  std::string incarnation() const;  // a UUID that changes in every backup and on restore

 private:
  friend class engine::Access;
  explicit Database(std::shared_ptr<const engine::Link> link);
  explicit Database(std::shared_ptr<engine::Opening> opening);
  void free_removed() const;
  void run_transaction(const std::function<void()>& body, const TransactOptions& options);
  void run_read(const std::function<void()>& body) const;

  template <class Result, class Function, class Runner>
  static Result run(Function& function, Runner&& runner) {
    if constexpr (std::is_void_v<Result>) {
      runner([&] { function(); });
    } else {
      std::optional<Result> result;
      runner([&] { result.emplace(function()); });
      return std::move(*result);
    }
  }

  std::shared_ptr<const engine::Link> link_;
};

}  // namespace holdfast
