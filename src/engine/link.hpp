// What a store handle holds: the way into the engine of one open file. Stores know the engine by this
// class, Connection, and Statement, and by nothing else.
//
//   return link_->write([&](Connection& db) { ... });   // in this thread's transaction, else in its own
//   return link_->read([&](Connection& db) { ... });
//
// write() makes `work` atomic: joined to a transaction it gets a savepoint, alone it is a *closed
// operation* that shares its commit with others. It may then run in another thread (while the caller
// waits), and it may run again if the group's transaction had failed: so it must set what it returns
// from scratch, never add to it, and touch nothing but the connection and what it captured. `work` may
// throw Error: everything that it did is undone.
//
// Errors   closed, forked, and for write: busy, full, io, poisoned, read_only, fenced, outcome_unknown
// Threads  any
#pragma once

#include "engine/after_commit.hpp"
#include "engine/companion.hpp"
#include "engine/connection.hpp"
#include "holdfast/id.hpp"
#include "holdfast/options.hpp"
#include "holdfast/statistics.hpp"
#include "holdfast/ticket.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace holdfast::engine {

class Engine;
class Opening;

class Link {
 public:
  Link(std::shared_ptr<Opening> opening, std::optional<Fence> fence);

  template <class Work>
  std::invoke_result_t<Work&, Connection&> write(Work&& work, std::size_t bytes = 0) const {
    return call<std::invoke_result_t<Work&, Connection&>>(
        work, [&](const std::function<void(Connection&)>& body) { run_write(body, bytes); });
  }

  // `what` names the reader where the log tells who pins it; a literal.
  template <class Work>
  std::invoke_result_t<Work&, Connection&> read(Work&& work, const char* what = "read") const {
    return call<std::invoke_result_t<Work&, Connection&>>(
        work, [&](const std::function<void(Connection&)>& body) { run_read(body, what); });
  }

  // Calls `slice` until nothing is left to be freed, each time in a transaction of its own, with others'
  // writes between. Inside a transaction of this thread: once that is committed, before its call
  // returns. What cannot be freed now (a full disk, a deadline) is freed after the next such call or at
  // the next opening, and the log function is told.
  void free_in_slices(Slice slice) const noexcept;

  // Database's verbs.
  void transact(const std::function<void()>& body, const TransactOptions& options) const;
  void read_snapshot(const std::function<void()>& body) const;
  void commit(const std::function<void()>& body, const TransactOptions& options) const;
  Ticket commit_async(std::function<void()> body, const TransactOptions& options) const;
  void close() const;
  std::shared_ptr<const Link> with_fence(Fence fence) const;
  // The same way, which does not keep the database open: for what a ticket or a batch holds.
  std::shared_ptr<const Link> borrowed() const;
  // What every write through this link carries.
  const std::optional<Fence>& fence() const { return fence_; }

  // Is this thread inside transact, a batch, or read of this file?
  bool in_transaction() const;
  // Inside transact or a batch?
  bool in_write() const;
  // What this thread does in memory comes after the tickets that it has under way.
  void wait_for_own_tickets() const;

  // The companion of this opening that has the name, made if there is none, or only one that has ended.
  // `make` may write: so this is nothing for inside a transaction.
  std::shared_ptr<Companion> companion(
      const std::string& name, const std::function<std::shared_ptr<Companion>()>& make) const;

  const OpenOptions& options() const;
  // too_large beyond OpenOptions::max_payload_bytes.
  void check_payload(std::uint64_t bytes) const;
  std::int64_t now_us() const;
  Uuid make_uuid() const;
  void log(LogLevel level, std::string_view message) const;

  Statistics statistics() const;
  const std::string& path() const;
  const std::string& store_id() const;
  const std::string& incarnation() const;

  // For maintenance (backup, shrink): the engine itself.
  Engine& engine() const;

 private:
  template <class Result, class Work, class Runner>
  static Result call(Work& work, Runner&& runner) {
    if constexpr (std::is_void_v<Result>) {
      runner([&](Connection& connection) { work(connection); });
    } else {
      std::optional<Result> result;
      runner([&](Connection& connection) { result.emplace(work(connection)); });
      return std::move(*result);
    }
  }
  // `bytes`: how much the work will write, roughly; large writes do not join a group.
  void run_write(const std::function<void(Connection&)>& work, std::size_t bytes) const;
  void run_read(const std::function<void(Connection&)>& work, const char* what) const;

  void free_after_commit(const Slices& slices) const noexcept;
  void run_slices(Slice slice) const;

  std::shared_ptr<Opening> opening_;
  std::optional<Fence> fence_;
};

}  // namespace holdfast::engine
