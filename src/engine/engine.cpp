#include "engine/engine.hpp"

#include "defect.hpp"
#include "engine/lease.hpp"
#include "engine/quiet_thread.hpp"
#include "engine/ticket_state.hpp"
#include "holdfast/error.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <unistd.h>

namespace holdfast::engine {

namespace {

// A write of this size goes alone: it would keep a group, and what it undoes would be large.
constexpr std::size_t kAloneBytes = 1 << 20;
// How many tickets may be under way before commit_async waits.
constexpr std::uint64_t kMaxTickets = 4096;

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "an exception of another kind";
  }
}

void check_fences(Connection& connection, const std::vector<Fence>& fences) {
  if (planted("fence_not_asked")) return;
  for (const Fence& fence : fences)
    check_fence(connection, fence);
}

}  // namespace

void Engine::write(const Work& work, const WriteRequest& request) {
  if (Context* context = Context::find(*this)) {
    check_joinable(*context, request);
    return join(*context, work, request);
  }
  refuse_read_only();
  WriteWaiter waiter;
  waiter.durability = request.durability;
  waiter.deadline = deadline_after(request.timeout_ms);
  waiter.alone = request.bytes >= kAloneBytes;
  waiter.work = [&] { run_closed_operation(work, request); };
  writer_->run_closed(waiter);
}

void Engine::transact(const std::function<void()>& body, const WriteRequest& request) {
  if (Context* context = Context::find(*this)) {
    check_joinable(*context, request);
    return join(
        *context, [&](Connection&) { body(); }, request);
  }
  refuse_read_only();
  writer_->run_function(
      request.durability, deadline_after(request.timeout_ms), [&](Connection& connection) {
        check_fences(connection, request.fences);
        body();
      });
}

std::shared_ptr<TicketState> Engine::submit(std::function<void()> body,
                                            const WriteRequest& request) {
  refuse_read_only();
  if (!committer_.joinable()) {
    throw Error(ErrorCode::unsupported, "commit_async needs OpenOptions::committer_thread");
  }
  if (in_transaction()) {
    throw Error(ErrorCode::invalid_argument, "commit_async inside a transaction of this thread");
  }
  auto& queue = writer_->queue();
  const SteadyTime deadline = deadline_after(request.timeout_ms);
  if (!queue.wait_for_room(kMaxTickets, deadline)) {
    throw Error(ErrorCode::busy, "the deadline passed while too many tickets were under way");
  }
  auto state = std::make_shared<TicketState>();
  auto waiter = std::make_shared<WriteWaiter>();
  waiter->kind = WriteWaiter::Kind::ticket;
  waiter->durability = request.durability;
  waiter->deadline = deadline;
  waiter->work = [this, request, body = std::move(body)] {
    run_closed_operation([&](Connection&) { body(); }, request);
  };
  waiter->on_done = [this, state, ticket = waiter.get()] {
    finish_ticket(state, std::exchange(ticket->error, nullptr));
  };
  queue.enqueue(waiter);
  return state;
}

void Engine::read(const Work& work, const char* what, bool keep_context) const {
  if (Context* context = Context::find(*this)) {
    context->require_open();
    return work(context->connection());
  }
  wait_for_own_tickets();
  ReaderPool::Transaction transaction(*readers_, what, deadline_after(options_.busy_timeout_ms));
  if (!keep_context) return work(transaction.connection());
  transaction.connection().see_anew();
  const Context context(*this, transaction.connection(), Context::Kind::read, Durability::normal);
  work(transaction.connection());
}

bool Engine::add_after_commit(Slice slice) const noexcept {
  Context* const context = Context::find(*this);
  if (context != nullptr) context->after_commit().add(slice);
  return context != nullptr;
}

Slices Engine::after_commit() const noexcept {
  Context* const context = Context::find(*this);
  return context != nullptr ? context->after_commit() : Slices();
}

void Engine::wait_for_own_tickets() const {
  if (committer_.joinable()) writer_->queue().wait_for_own_tickets();
}

bool Engine::in_write() const {
  const Context* context = Context::find(*this);
  return context != nullptr && context->kind() != Context::Kind::read;
}

void Engine::drain_tickets() {
  writer_->queue().wait_for_tickets();
}

void Engine::shut_down() noexcept {
  if (!writer_) return;
  if (committer_.joinable()) {
    // What a ticket holds keeps no opening (Opening::borrowed), so its thread never comes here.
    assert(committer_.get_id() != std::this_thread::get_id());
    writer_->queue().stop();
    committer_.join();
  }
  governor_->stop();
  // Closing the last connection moves the log into the file and removes it: after a failed sync that
  // would write, and a log that was put there by somebody else is not ours to remove.
  const bool untouchable = shim_->poisoned() || shim_->replaced() || options_.read_only;
  if (untouchable) writer_->connection().set_checkpoint_on_close(false);
  readers_->close();
  writer_.reset();
}

Engine::~Engine() {
  shut_down();
}

bool Engine::forked() const {
  return ::getpid() != process_ && !planted("fork_not_noticed");
}

void Engine::check_joinable(const Context& context, const WriteRequest& request) const {
  if (context.kind() == Context::Kind::read) {
    throw Error(ErrorCode::invalid_argument, "a write inside read()");
  }
  if (request.durability > context.durability()) {
    throw Error(ErrorCode::invalid_argument,
                "a nested transaction asks for more durability than the outer one has");
  }
}

void Engine::refuse_read_only() const {
  if (options_.read_only) throw Error(ErrorCode::read_only, "the database was opened read-only");
}

void Engine::join(Context& context, const Work& work, const WriteRequest& request) {
  const auto fenced_work = [&](Connection& connection) {
    check_fences(connection, request.fences);
    work(connection);
  };
  if (context.kind() == Context::Kind::function) {
    return Writer::run_savepoint(context, fenced_work);
  }
  // Without a savepoint of its own: if it fails, so does the closed operation around it.
  context.require_open();
  try {
    fenced_work(context.connection());
  } catch (...) {
    context.note_ended(std::current_exception());
    throw;
  }
}

void Engine::run_closed_operation(const Work& work, const WriteRequest& request) {
  Connection& connection = writer_->connection();
  Context context(*this, connection, Context::Kind::closed, request.durability);
  check_fences(connection, request.fences);
  work(connection);
  context.require_open();
}

// The error goes to the ticket whole: whoever waits for it may read it while this thread goes on.
void Engine::finish_ticket(const std::shared_ptr<TicketState>& state,
                           std::exception_ptr error) const noexcept {
  std::string lost;
  try {
    if (error) lost = "a batch was not committed: " + message_of(error);
  } catch (...) {
    lost.clear();
  }
  state->finish(std::move(error));
  if (lost.empty() || state.use_count() > 1) return;
  // Nobody holds the ticket: this is the last chance to say it.
  try {
    log(LogLevel::error, lost);
  } catch (...) {
    return;  // the log function's own failure
  }
}

void Engine::start_committer() {
  if (!options_.committer_thread || options_.read_only) return;
  try {
    committer_ = start_quiet_thread([this] { writer_->serve_tickets(); });
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::io, std::string("starting the committer thread: ") + error.what());
  }
}

Statistics Engine::statistics() const {
  Statistics result;
  const WriterFigures& figures = writer_->figures();
  const auto get = [](const auto& counter) { return counter.load(std::memory_order_relaxed); };
  result.commits = get(figures.commits);
  result.rollbacks = get(figures.rollbacks);
  result.group_commits = get(figures.group_commits);
  result.grouped_operations = get(figures.grouped_operations);
  result.largest_group = get(figures.largest_group);
  result.retried_operations = get(figures.retried_operations);
  result.longest_wait_us = get(figures.longest_wait_us);
  result.total_wait_us = get(figures.total_wait_us);
  result.busy_timeouts = get(figures.busy_timeouts);
  result.waiting_writes = writer_->queue().waiting();
  const auto counters = shim_->counters();
  result.syncs = counters.syncs;
  result.sync_us = static_cast<std::int64_t>(counters.sync_ns / 1000);
  result.wal_bytes = governor_->wal_bytes();
  result.wal_checkpoints = governor_->checkpoints();
  result.wal_pinned = governor_->pinned();
  result.readers = readers_->active();
  result.poisoned = shim_->poisoned();
  result.log_recovery = log_recovery();
  return result;
}

std::int64_t Engine::now_us() const {
  if (options_.clock) return options_.clock();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

Uuid Engine::make_uuid() const {
  const auto random = [this]() -> std::uint64_t {
    if (options_.random) return options_.random();
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
  };
  return Uuid::make_v7(now_us() / 1000, random(), random());
}

void Engine::log(LogLevel level, std::string_view message) const {
  if (options_.log) options_.log(level, message);
}

}  // namespace holdfast::engine
