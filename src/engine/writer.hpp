// The one writer of an open file: transactions on the writer connection, one after the other.
//
// Two ways in. A *closed operation* (run_closed, submit_ticket) is work that any thread may run and that may be run
// again: whoever leads the queue runs all that wait, and commits once. A
// *function* (run_function) is a caller's code: it runs in its own thread, in a transaction of its own.
//
// What a failure does:
//   an operation throws                the group is run again, each under a savepoint: this one is rolled
//                                      back to its savepoint and gets its error, the others go on
//   ... and SQLite ended the transaction (full disk, I/O, memory), or the savepoint cannot be rolled
//   back:                              it gets its error, each of the others is run again in a
//                                      transaction of its own
//   COMMIT fails, nothing is there     one operation: it gets the error; several: each is run again alone
//   COMMIT fails by an I/O error, or   outcome_unknown for all: its last frame may be in the log, and
//   for want of memory                 a recovery would find it
// Whether a transaction is open is asked of SQLite each time, never remembered. And nothing but
// commit() can commit on this connection: a statement that runs after SQLite has ended the transaction
// is refused instead of committing on its own.
//
// Threads  any
#pragma once

#include "engine/connection.hpp"
#include "engine/context.hpp"
#include "engine/wal_governor.hpp"
#include "engine/write_queue.hpp"
#include "holdfast/error.hpp"
#include "holdfast/options.hpp"
#include "vfs/shim.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace holdfast::engine {

// Relaxed counters for Statistics.
struct WriterFigures {
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> rollbacks{0};
  std::atomic<std::uint64_t> group_commits{0};
  std::atomic<std::uint64_t> grouped_operations{0};
  std::atomic<std::uint64_t> largest_group{0};
  std::atomic<std::uint64_t> retried_operations{0};
  std::atomic<std::int64_t> longest_wait_us{0};
  std::atomic<std::int64_t> total_wait_us{0};
  std::atomic<std::uint64_t> busy_timeouts{0};
};

class Writer {
 public:
  Writer(const Engine& engine,
         std::unique_ptr<Connection> connection,
         vfs::Shim& shim,
         WalGovernor& governor);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

  // Runs waiter.work in some transaction and waits for its commit. Throws what refused it.
  void run_closed(WriteWaiter& waiter);
  // Runs `body` in this thread, in a transaction with a context of kind `function`.
  void run_function(Durability durability,
                    SteadyTime deadline,
                    const std::function<void(Connection&)>& body);
  // Leads until the queue is stopped: the committer thread's life.
  void serve_tickets() noexcept;

  // Runs `work` under a savepoint of this thread's transaction.
  static void run_savepoint(Context& context, const std::function<void(Connection&)>& work);

  WriteQueue& queue() { return queue_; }
  Connection& connection() { return *connection_; }
  const WriterFigures& figures() const { return figures_; }

 private:
  void lead() noexcept;
  void run_group(const std::vector<WriteWaiter*>& group, Durability durability) noexcept;
  bool run_plainly(const std::vector<WriteWaiter*>& group) noexcept;
  bool begin_again(const std::vector<WriteWaiter*>& group, Durability durability) noexcept;
  bool commit_members(const std::vector<WriteWaiter*>& group) noexcept;
  bool run_member(WriteWaiter& waiter) noexcept;
  void run_again_alone(WriteWaiter& waiter) noexcept;
  void run_and_commit(WriteWaiter& waiter) noexcept;
  void run_body(Durability durability, const std::function<void(Connection&)>& body);
  void begin(Durability durability, SteadyTime deadline);
  void set_synchronous(Durability durability);
  void note_normal(SteadyTime deadline);
  void commit();
  [[noreturn]] void throw_unknown(const char* what, const char* why) const;
  void roll_back() noexcept;
  void refuse_replaced_file();
  void refuse_child_process() const;
  void note_wait(SteadyTime arrival, SteadyTime turn);
  [[noreturn]] void throw_busy();

  const Engine& engine_;
  std::unique_ptr<Connection> connection_;
  vfs::Shim& shim_;
  WalGovernor& governor_;
  WriteQueue queue_;
  WriterFigures figures_;
  const Error unknown_for_want_of_memory_{
      ErrorCode::outcome_unknown,
      "memory ran out during the commit, and it may be there after a reopen"};
  int guarded_groups_ = 0;  // so many run under savepoints from the start
  bool normal_is_noted_ = false;
  Durability synchronous_ =
      Durability::full;  // what we set last; SQLite never changes it by itself
};

}  // namespace holdfast::engine
