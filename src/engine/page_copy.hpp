// Copies what a read transaction sees into another database, page by page, in slices.
//
// The source stays in one snapshot from the first step to the last, because the caller's read
// transaction is open on it: writers go on, and the copy never has to begin anew.
//
// Errors   as engine/failure.hpp maps SQLite's codes
// Threads  one, that of both connections
// Source   https://sqlite.org/c3ref/backup_finish.html
#pragma once

#include "engine/connection.hpp"

#include <cstdint>
#include <memory>

struct sqlite3_backup;

namespace holdfast::engine {

class PageCopy {
 public:
  // REQUIRES: a read transaction is open on `source`; `target` is empty, and nobody else uses it.
  PageCopy(Connection& source, Connection& target);
  PageCopy(const PageCopy&) = delete;
  PageCopy& operator=(const PageCopy&) = delete;
  // Gives up what is not complete: `target` is then empty again.
  ~PageCopy();

  // Copies so many pages. False: all of them are there now, durable if `target` syncs.
  bool step(std::uint32_t pages);

  // Known after the first step.
  std::uint64_t total_pages() const;
  std::uint64_t copied_pages() const;

 private:
  struct Finish {
    void operator()(sqlite3_backup* backup) const noexcept;
  };
  std::unique_ptr<sqlite3_backup, Finish> backup_;
};

}  // namespace holdfast::engine
