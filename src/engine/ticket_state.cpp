#include "engine/ticket_state.hpp"

#include "holdfast/error.hpp"
#include "holdfast/ticket.hpp"

#include <utility>
#include <unistd.h>

namespace holdfast {

namespace engine {

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
  if (error_) std::rethrow_exception(error_);
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
