// The fair queue before the one writer connection of a process.
//
// Waiters stand in order of arrival. The one at the front *leads*: it has the writer connection until it
// leaves. A leader may take closed operations that stand at the front with it and do their work, too
// (group commit); their owners only wait. Nothing here knows SQLite.
//
//            enter                    lead                         finish
//   caller ---------> queue [w w w w] -----> take_closed() ... ----------> owners wake
//                                     leave: the next at the front leads
//
// A group is full only if the leader waits a little: callers of the last group come back just after the
// next one has left. So it lingers, before it begins the transaction, until as many closed operations
// stand in the queue as were under way last time, at most kLinger (measured: 16 threads, 13.5 us per entry
// instead of 32).
//
// Waiters are linked, and a group has its room from the start: once a waiter stands in the queue nothing
// allocates, so that exhausted memory can lose nobody.
//
// Threads  all functions; a WriteWaiter belongs to its owner until enter(), and again when it is done
#pragma once

#include "engine/wake.hpp"
#include "holdfast/options.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace holdfast::engine {

using SteadyTime = std::chrono::steady_clock::time_point;

// From now. A year stands for ever: beyond, the clock's arithmetic overflows.
SteadyTime deadline_after(std::int64_t timeout_ms);

// One who waits for a turn to write.
struct WriteWaiter {
  enum class Kind : std::uint8_t {
    function,  // runs in its owner's thread, alone
    closed,    // any leader may run it
    ticket,    // closed, and nobody waits: the committer thread leads for it
  };
  enum class State : std::uint8_t { waiting, leading, taken, done };

  Kind kind = Kind::closed;
  Durability durability = Durability::full;
  bool alone = false;               // too large to share a transaction
  SteadyTime deadline = {};         // for its turn, and for the locks of other processes
  std::function<void()> work = {};  // of closed operations and tickets; throws what refuses it
  std::exception_ptr error = {};    // how it ended; null: committed

  // Guarded by the queue's mutex.
  State state = State::waiting;
  SteadyTime taken_at = {};  // by a leader
  Wake wake = {};            // posted when it leads, or is done
  WriteWaiter* previous = nullptr;
  WriteWaiter* next = nullptr;
  std::function<void()> on_done = {};        // tickets: called without any lock
  std::shared_ptr<WriteWaiter> itself = {};  // tickets: the queue keeps them

  bool closed() const { return kind != Kind::function; }
};

class WriteQueue {
 public:
  enum class Turn : std::uint8_t { lead, done, timed_out };

  WriteQueue();

  // Waits until this waiter leads, or until a leader has done its work.
  Turn enter(WriteWaiter& waiter);
  // A ticket of the calling thread stands in the queue without anybody waiting.
  void enqueue(const std::shared_ptr<WriteWaiter>& ticket);
  // For the committer thread: waits until a ticket is at the front, and leads for it. False: stop() was called
  // and no ticket is left.
  bool enter_for_tickets();
  void stop();

  // How many stand in the queue, the leading one included until its work begins.
  std::uint64_t waiting() const;

  // --- By the leader only ---

  // Waits a little for the others of the last group. Full durability only: without a sync there is nothing to share.
  void linger();
  // The highest durability of what take_closed() would take now.
  Durability group_durability() const;
  SteadyTime front_deadline() const;
  // Takes the closed operations at the front, in order, up to a function, to one that stands alone, or to
  // one of a higher durability. Valid until finish().
  const std::vector<WriteWaiter*>& take_closed(Durability durability) noexcept;
  // The group is done: wakes its owners.
  void finish() noexcept;
  // Takes the leading function from the front.
  void take_front() noexcept;
  // The leading waiter's transaction did not begin: it is done with this error, the others stay.
  void fail_front(std::exception_ptr error) noexcept;
  // The next at the front leads.
  void leave() noexcept;

  // --- Tickets ---

  // Waits for those that the calling thread has enqueued; costs one load where none are under way.
  void wait_for_own_tickets();
  // Waits for those that have been enqueued by now.
  void wait_for_tickets();
  // Waits until fewer than `limit` are under way. False: the deadline has passed.
  bool wait_for_room(std::uint64_t limit, SteadyTime deadline);

 private:
  // What take_closed() would take.
  struct Candidates {
    std::size_t count = 0;
    Durability highest = Durability::normal;
    bool final = false;  // whoever comes now cannot join
  };

  Candidates candidates() const;
  void append(WriteWaiter& waiter) noexcept;
  void remove(WriteWaiter& waiter) noexcept;
  // Who leads from now on and is to be woken, if anybody.
  WriteWaiter* grant_next() noexcept;

  mutable std::mutex mutex_;
  WriteWaiter* front_ = nullptr;
  WriteWaiter* back_ = nullptr;
  std::uint64_t waiting_ = 0;
  bool led_ = false;          // somebody leads, or has been told to
  bool ticket_turn_ = false;  // the committer thread has been told to lead
  bool stopping_ = false;
  std::size_t under_way_last_ = 1;
  std::uint64_t tickets_enqueued_ = 0;
  std::uint64_t tickets_done_ = 0;
  std::unordered_map<std::thread::id, std::uint64_t> last_ticket_of_;  // while any is under way
  std::condition_variable committer_;
  std::condition_variable tickets_;

  std::atomic<std::uint64_t> tickets_under_way_ = 0;
  std::vector<WriteWaiter*> group_;  // the leader's
};

}  // namespace holdfast::engine
