// Connections for reads that run at once, and a list of the read transactions that are under way.
//
// A read transaction lives for one call, one page, one read() or one backup, never longer: readers that
// held theirs made the write-ahead log grow without end.
//
// Errors   busy: all connections are in use until the deadline; what opening a connection throws
// Threads  any
#pragma once

#include "engine/connection.hpp"
#include "engine/write_queue.hpp"
#include "holdfast/statistics.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>
#include <sys/types.h>

namespace holdfast::engine {

class ReaderPool {
 public:
  ReaderPool(ConnectionOptions options, std::size_t max_connections);

  // A read transaction on a connection of the pool; ends, and gives the connection back, on destruction.
  class Transaction {
   public:
    Transaction(ReaderPool& pool, const char* what, SteadyTime deadline);
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();

    Connection& connection() { return *connection_; }

   private:
    friend class ReaderPool;
    void leave() noexcept;

    ReaderPool& pool_;
    const char* what_;
    SteadyTime since_;
    std::unique_ptr<Connection> connection_;
    std::list<const Transaction*>::iterator place_;
  };

  // Oldest first.
  std::vector<ActiveReader> active() const;
  // "a read of 1,200 ms in this process", or "a reader of another process".
  std::string describe_oldest() const;
  // Closes the idle connections; none may be in use.
  void close();

 private:
  std::unique_ptr<Connection> take(SteadyTime deadline);
  // Without a connection: one that was counted is not there (any more).
  void give_back(std::unique_ptr<Connection> connection) noexcept;

  const ConnectionOptions options_;
  const std::size_t max_connections_;
  const pid_t process_;
  mutable std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;  // has room for all that are open
  std::size_t open_ = 0;
  std::list<const Transaction*> active_;
};

}  // namespace holdfast::engine
