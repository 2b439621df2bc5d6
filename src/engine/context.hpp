// Which transaction this thread is in: store calls join it.
//
// Contexts of a thread form a stack on the thread's own stack frames, the innermost first; a thread may
// be in transactions of several databases at once.
//
// Threads  each thread sees its own
#pragma once

#include "engine/after_commit.hpp"
#include "holdfast/options.hpp"

#include <cstdint>
#include <exception>

namespace holdfast::engine {

class Connection;
class Engine;

class Context {
 public:
  enum class Kind : std::uint8_t {
    read,      // inside read(): writes are refused
    function,  // inside transact(): each write gets a savepoint, so that its failure undoes only itself
    closed,  // inside a closed operation: its failure undoes all of it
  };

  Context(const Engine& engine, Connection& connection, Kind kind, Durability durability);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context();

  // The innermost one of this engine, or null.
  static Context* find(const Engine& engine) noexcept;

  const Engine& engine() const { return engine_; }
  Connection& connection() { return connection_; }
  Kind kind() const { return kind_; }
  Durability durability() const { return durability_; }

  // The transaction cannot be committed any more, whatever the code above does about this error: SQLite
  // itself has ended it (full disk, I/O), or what failed could not be undone alone.
  void note_ended(std::exception_ptr error) {
    if (!ended_by_) ended_by_ = std::move(error);
  }
  // What is left to be done once the transaction is committed, by whoever commits it.
  Slices& after_commit() { return after_commit_; }
  // Throws that error, or io, if what is done from now on would not be part of the transaction.
  void require_open() const;

 private:
  const Engine& engine_;
  Connection& connection_;
  Kind kind_;
  Durability durability_;
  std::exception_ptr ended_by_;
  Slices after_commit_;
  Context* outer_;
};

}  // namespace holdfast::engine
