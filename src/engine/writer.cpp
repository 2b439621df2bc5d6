#include "engine/writer.hpp"

#include "defect.hpp"
#include "engine/engine.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

namespace holdfast::engine {

namespace {

// After a group with a member that failed: where one is refused, others often are.
constexpr int kGuardedGroups = 16;

struct Statements {
  explicit Statements(Connection& c)
      : begin(c, planted("begin_deferred") ? "BEGIN" : "BEGIN IMMEDIATE"),
        commit(c, "COMMIT"),
        rollback(c, "ROLLBACK"),
        savepoint(c, "SAVEPOINT operation"),
        release(c, "RELEASE operation"),
        rollback_to(c, "ROLLBACK TO operation") {}

  Statement begin;
  Statement commit;
  Statement rollback;
  Statement savepoint;
  Statement release;
  Statement rollback_to;
};

// Passes the lead on, also when something throws, and then does what need not keep others waiting. A child of fork() has no part in the queue: its mutex
// may have been held by a thread that the child does not have.
class Leadership {
 public:
  Leadership(const Engine& engine, WriteQueue& queue, WalGovernor& governor)
      : engine_(engine), queue_(queue), governor_(governor) {}
  Leadership(const Leadership&) = delete;
  Leadership& operator=(const Leadership&) = delete;
  ~Leadership() {
    if (engine_.forked()) return;
    queue_.leave();
    governor_.after_turn();
  }

 private:
  const Engine& engine_;
  WriteQueue& queue_;
  WalGovernor& governor_;
};

// Undoes what was done since the savepoint. False: it could not; the transaction must not be committed.
bool undo_savepoint(Connection& connection) noexcept {
  if (!planted("undone_rows_remembered")) connection.see_anew();
  if (connection.autocommit()) return false;
  try {
    auto& statements = connection.statements<Statements>();
    statements.rollback_to.execute();
    statements.release.execute();
    return true;
  } catch (...) {
    return false;
  }
}

// Whether a COMMIT that failed like this may be found in the log by a recovery.
bool is_uncertain(const Error& error) {
  return error.code() == ErrorCode::io || error.code() == ErrorCode::outcome_unknown;
}

template <class Counter, class Number>
void raise_to(Counter& counter, Number value) {
  auto seen = counter.load(std::memory_order_relaxed);
  while (seen < value && !counter.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

void add(std::atomic<std::uint64_t>& counter, std::uint64_t count = 1) {
  counter.fetch_add(count, std::memory_order_relaxed);
}

}  // namespace

Writer::Writer(const Engine& engine,
               std::unique_ptr<Connection> connection,
               vfs::Shim& shim,
               WalGovernor& governor)
    : engine_(engine), connection_(std::move(connection)), shim_(shim), governor_(governor) {
  connection_->execute("PRAGMA synchronous = FULL");
  connection_->forbid_commits();
}

Writer::~Writer() = default;

void Writer::run_closed(WriteWaiter& waiter) {
  const auto arrival = std::chrono::steady_clock::now();
  switch (queue_.enter(waiter)) {
    case WriteQueue::Turn::timed_out:
      throw_busy();
    case WriteQueue::Turn::lead:
      note_wait(arrival, std::chrono::steady_clock::now());
      lead();
      break;
    case WriteQueue::Turn::done:
      note_wait(arrival, waiter.taken_at);
      break;
  }
  if (waiter.error) std::rethrow_exception(waiter.error);
}

void Writer::run_function(Durability durability,
                          SteadyTime deadline,
                          const std::function<void(Connection&)>& body) {
  WriteWaiter waiter;
  waiter.kind = WriteWaiter::Kind::function;
  waiter.durability = durability;
  waiter.deadline = deadline;
  const auto arrival = std::chrono::steady_clock::now();
  if (queue_.enter(waiter) == WriteQueue::Turn::timed_out) throw_busy();
  const Leadership leadership(engine_, queue_, governor_);
  queue_.take_front();
  note_wait(arrival, std::chrono::steady_clock::now());
  begin(durability, deadline);
  run_body(durability, body);
  commit();
  governor_.after_commit(*connection_);
}

void Writer::run_body(Durability durability, const std::function<void(Connection&)>& body) {
  try {
    Context context(engine_, *connection_, Context::Kind::function, durability);
    body(*connection_);
    refuse_child_process();
    context.require_open();
  } catch (...) {
    // A child's ROLLBACK would change the wal-index, which it shares with its parent.
    if (!engine_.forked()) roll_back();
    throw;
  }
}

void Writer::serve_tickets() noexcept {
  while (queue_.enter_for_tickets())
    lead();
}

void Writer::run_savepoint(Context& context, const std::function<void(Connection&)>& work) {
  context.require_open();
  Connection& connection = context.connection();
  auto& statements = connection.statements<Statements>();
  try {
    statements.savepoint.execute();
  } catch (...) {
    if (connection.autocommit()) context.note_ended(std::current_exception());
    throw;
  }
  try {
    work(connection);
    context.require_open();
    statements.release.execute();
  } catch (...) {
    // As in run_body: a child touches nothing.
    if (context.engine().forked()) throw;
    if (!undo_savepoint(connection)) context.note_ended(std::current_exception());
    throw;
  }
}

void Writer::lead() noexcept {
  const Leadership leadership(engine_, queue_, governor_);
  Durability durability = queue_.group_durability();
  if (durability == Durability::full) {
    queue_.linger();
    durability = queue_.group_durability();
  }
  try {
    begin(durability, queue_.front_deadline());
  } catch (...) {
    queue_.fail_front(std::current_exception());
    return;
  }
  run_group(queue_.take_closed(durability), durability);
  queue_.finish();
  governor_.after_commit(*connection_);
}

void Writer::run_group(const std::vector<WriteWaiter*>& group, Durability durability) noexcept {
  if (group.size() == 1) return run_and_commit(*group.front());
  raise_to(figures_.largest_group, group.size());
  const bool guarded = guarded_groups_ > 0 || !run_plainly(group);
  if (guarded_groups_ > 0) {
    --guarded_groups_;
  } else if (guarded && !begin_again(group, durability)) {
    return;
  }
  // The one whose failure cannot be undone alone.
  const auto broken =
      guarded ? std::find_if_not(group.begin(),
                                 group.end(),
                                 [this](WriteWaiter* waiter) { return run_member(*waiter); })
              : group.end();
  if (broken != group.end()) {
    roll_back();
  } else if (commit_members(group)) {
    add(figures_.group_commits);
    add(figures_.grouped_operations, group.size());
    return;
  }
  // Those that were refused, too: perhaps for what another member did, which is undone now.
  for (auto member = group.begin(); member != group.end(); ++member) {
    if (planted("undone_member_acknowledged")) continue;
    if (member != broken) run_again_alone(**member);
  }
}

// A savepoint costs a third of what a small member computes, and members seldom fail: so the first try is
// without. False: one failed; all of it is to be undone.
bool Writer::run_plainly(const std::vector<WriteWaiter*>& group) noexcept {
  try {
    for (WriteWaiter* waiter : group)
      waiter->work();
    return true;
  } catch (...) {
    return false;  // whose fault it was, and whether it is one, comes out under savepoints
  }
}

// After a first try that failed, for members under savepoints. False: each has its error.
bool Writer::begin_again(const std::vector<WriteWaiter*>& group, Durability durability) noexcept {
  guarded_groups_ = kGuardedGroups;
  roll_back();
  try {
    begin(durability, group.front()->deadline);
    return true;
  } catch (...) {
    for (WriteWaiter* waiter : group)
      waiter->error = std::current_exception();
    return false;
  }
}

// True: each member is committed, refused, or of unknown outcome. False: nothing is there; all are to be
// run again.
bool Writer::commit_members(const std::vector<WriteWaiter*>& group) noexcept {
  try {
    commit();
  } catch (const Error& error) {
    if (!is_uncertain(error)) return false;
    // A copy for each: an exception that several threads rethrow is one object, which none of them owns.
    for (WriteWaiter* waiter : group) {
      if (!waiter->error) waiter->error = std::make_exception_ptr(error);
    }
  } catch (...) {
    for (WriteWaiter* waiter : group) {
      if (!waiter->error) waiter->error = std::current_exception();
    }
  }
  return true;
}

// False: what it did cannot be undone alone.
bool Writer::run_member(WriteWaiter& waiter) noexcept {
  auto& statements = connection_->statements<Statements>();
  try {
    statements.savepoint.execute();
  } catch (...) {
    waiter.error = std::current_exception();
    return !connection_->autocommit();
  }
  try {
    waiter.work();
    statements.release.execute();
    return true;
  } catch (...) {
    waiter.error = std::current_exception();
    return planted("savepoint_not_undone") || undo_savepoint(*connection_);
  }
}

void Writer::run_again_alone(WriteWaiter& waiter) noexcept {
  add(figures_.retried_operations);
  waiter.error = nullptr;
  try {
    begin(waiter.durability, waiter.deadline);
  } catch (...) {
    waiter.error = std::current_exception();
    return;
  }
  run_and_commit(waiter);
}

// In an open transaction of its own: no savepoint, since a failure undoes all of it anyway.
void Writer::run_and_commit(WriteWaiter& waiter) noexcept {
  try {
    waiter.work();
  } catch (...) {
    waiter.error = std::current_exception();
    roll_back();
    return;
  }
  try {
    commit();
  } catch (...) {
    waiter.error = std::current_exception();
  }
}

void Writer::begin(Durability durability, SteadyTime deadline) {
  refuse_replaced_file();
  // Left open by a ROLLBACK that failed for want of memory.
  if (!connection_->autocommit()) connection_->statements<Statements>().rollback.execute();
  governor_.check_before_write(*connection_);
  if (durability == Durability::normal && !normal_is_noted_ && !planted("normal_commits_not_noted"))
    note_normal(deadline);
  set_synchronous(durability);
  connection_->set_deadline(deadline);
  connection_->statements<Statements>().begin.execute();
  connection_->look_for_changes();
}

void Writer::set_synchronous(Durability durability) {
  if (durability == synchronous_) return;
  connection_->execute(durability == Durability::full ? "PRAGMA synchronous = FULL"
                                                      : "PRAGMA synchronous = NORMAL");
  synchronous_ = durability;
}

// Before the first commit at normal, the file says durably that there may be some. For life: whoever finds a
// gap in the log must know whether a power loss can have made it, also in a log that was not begun here.
void Writer::note_normal(SteadyTime deadline) {
  set_synchronous(Durability::full);
  connection_->set_deadline(deadline);
  auto& statements = connection_->statements<Statements>();
  statements.begin.execute();
  try {
    connection_->execute("UPDATE store SET normal_commits = 1 WHERE normal_commits = 0");
    const Connection::CommitPermit permit(*connection_);
    statements.commit.execute();
  } catch (...) {
    roll_back();
    throw;
  }
  normal_is_noted_ = true;
}

void Writer::commit() {
  if (planted("acknowledged_before_commit")) queue_.finish();
  try {
    connection_->tell_before_commit();
  } catch (...) {
    roll_back();
    throw;
  }
  try {
    const Connection::CommitPermit permit(*connection_);
    connection_->statements<Statements>().commit.execute();
  } catch (const Error& error) {
    roll_back();
    if (!is_uncertain(error) || planted("uncertain_commit_told_as_failed")) throw;
    throw_unknown("the commit failed, and it may be there after a reopen: ", error.what());
  } catch (const std::bad_alloc&) {
    roll_back();
    throw unknown_for_want_of_memory_;
  }
  connection_->tell_after_transaction(true);
  connection_->note_commit();
  add(figures_.commits);
  if (!shim_.replaced() || planted("replaced_during_commit_ignored")) return;
  shim_.poison();
  throw_unknown("the database, its -wal or its -shm was replaced during the commit", "");
}

// Also where no message can be made any more: std::bad_alloc would say that nothing is there.
void Writer::throw_unknown(const char* what, const char* why) const {
  try {
    throw Error(ErrorCode::outcome_unknown, std::string(what) + why);
  } catch (const std::bad_alloc&) {
    throw unknown_for_want_of_memory_;
  }
}

void Writer::roll_back() noexcept {
  add(figures_.rollbacks);
  if (!planted("undone_rows_remembered")) connection_->see_anew();
  try {
    if (!connection_->autocommit()) connection_->statements<Statements>().rollback.execute();
  } catch (...) {
    // The next begin() tries again, and nothing else can commit what is open.
  }
  connection_->tell_after_transaction(false);
}

void Writer::refuse_replaced_file() {
  if (shim_.poisoned()) {
    throw Error(ErrorCode::poisoned,
                "an earlier sync failed or the file was replaced: close, reopen and look");
  }
  if (!shim_.replaced()) return;
  shim_.poison();
  throw Error(ErrorCode::poisoned,
              "the database, its -wal or its -shm is not the file that was opened any more");
}

void Writer::refuse_child_process() const {
  if (!engine_.forked()) return;
  throw Error(ErrorCode::forked, "the transaction belongs to the parent process");
}

void Writer::note_wait(SteadyTime arrival, SteadyTime turn) {
  const auto waited = std::chrono::duration_cast<std::chrono::microseconds>(turn - arrival).count();
  figures_.total_wait_us.fetch_add(waited, std::memory_order_relaxed);
  raise_to(figures_.longest_wait_us, waited);
}

void Writer::throw_busy() {
  add(figures_.busy_timeouts);
  throw Error(ErrorCode::busy, "the deadline passed while waiting for a turn to write");
}

}  // namespace holdfast::engine
