#include "engine/ticket_state.hpp"

#include "holdfast/error.hpp"
#include "holdfast/ticket.hpp"

#include <utility>
#include <unistd.h>

namespace holdfast {

namespace engine {

namespace {

// A copy for each who waits: an exception that several threads rethrow is one object, which none of them
// owns.
[[noreturn]] void throw_own(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& shared) {
    throw Error(shared);
  }
}

}  // namespace

TicketState::TicketState() : process_(::getpid()) {}

void TicketState::finish(std::exception_ptr error) {
  const std::scoped_lock lock(mutex_);
  error_ = std::move(error);
  done_ = true;
  finished_.notify_all();
}

void TicketState::wait() {
  if (::getpid() != process_) {
    throw Error(ErrorCode::forked, "this process inherited the ticket through fork()");
  }
  std::unique_lock lock(mutex_);
  finished_.wait(lock, [&] { return done_; });
  if (error_) throw_own(error_);
}

bool TicketState::done() {
  const std::scoped_lock lock(mutex_);
  return done_;
}

}  // namespace engine

Ticket::Ticket(std::shared_ptr<engine::TicketState> state) : state_(std::move(state)) {}

void Ticket::wait() const {
  state_->wait();
}

bool Ticket::done() const {
  return state_->done();
}

}  // namespace holdfast
