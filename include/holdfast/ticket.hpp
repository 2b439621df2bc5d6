// A promise of durability: what Database::commit_async returns.
//
// Errors   wait() throws what the commit threw
// Threads  one ticket may be waited for from several threads
#pragma once

#include "holdfast/export.hpp"

#include <memory>

namespace holdfast {

namespace engine {
class TicketState;
}

class HOLDFAST_API Ticket {
 public:
  explicit Ticket(std::shared_ptr<engine::TicketState> state);

  // Returns when the batch is as durable as it was asked to be. May be called again.
  void wait() const;
  // True once wait() would return, or throw, at once.
  bool done() const;

 private:
  std::shared_ptr<engine::TicketState> state_;
};

}  // namespace holdfast
