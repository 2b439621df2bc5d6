// What a store keeps in memory beside the file, for one opening, and that goes with the file's transactions.
//
// It lives in the table of its Opening (Link::companion). In a write transaction it enlists with the
// connection (Connection::enlist), and is told once how that ended, whatever became of savepoints
// meanwhile: what is in the file after them it must ask the file.
//
// Threads  each function as it says
#pragma once

#include <memory>

namespace holdfast::engine {

class Connection;

class Companion : public std::enable_shared_from_this<Companion> {
 public:
  Companion() = default;
  Companion(const Companion&) = delete;
  Companion& operator=(const Companion&) = delete;
  virtual ~Companion() = default;

  // In the thread that commits, the last thing before COMMIT. What it throws rolls the transaction back.
  virtual void before_commit(Connection& db) = 0;
  // In that thread, before anybody hears of the commit or of the error.
  virtual void after_transaction(bool committed) noexcept = 0;

  // The opening is about to close, and still takes calls; afterwards this one must refuse its own. Throws
  // what kept it from writing what it had, which is lost then.
  virtual void end() = 0;
  // The same where nothing can be written any more. False: nothing was lost.
  virtual bool abandon() noexcept = 0;
  // It has ended, and another one may take its place.
  virtual bool has_ended() const = 0;
};

}  // namespace holdfast::engine
