// A workload over all five stores and the leases, to be interrupted anywhere: what step i does depends on the
// seed, on i, and on what is in the database, and on nothing else.
//
//   test::Workload workload(seed);
//   auto db = Database::in_memory(workload.options());
//   for (std::uint64_t i = 0; i < 100; ++i) workload.step(db, i);
//
// Shape    each step is exactly one transaction: one call, one Batch, or one function; so the database is
//          after so many whole steps, or something is wrong. On a sound database no step is refused.
//          Few names are used again and again, and what grows is cut, so that the file stays small.
// Errors   those of the calls; a step that throws has, like every transaction, done nothing (but for
//          outcome_unknown)
// Threads  one at a time: the clock is that of the step which runs
#pragma once

#include "holdfast/database.hpp"
#include "support/random.hpp"

#include <atomic>
#include <cstdint>
#include <memory>

namespace holdfast::test {

class Workload {
 public:
  explicit Workload(std::uint64_t seed);

  // With time and random bits that are the same each time: time moves with the steps, bits begin anew at each
  // call of this.
  [[nodiscard]] OpenOptions options(OpenOptions base = {}) const;

  void step(Database& db, std::uint64_t i) const;
  // What step i does, for messages.
  [[nodiscard]] const char* name_of(std::uint64_t i) const;
  // Whether step i asks for full durability, whatever the database's is.
  [[nodiscard]] bool is_full(std::uint64_t i) const;

 private:
  struct Time {
    std::atomic<std::int64_t> now_us;
  };
  [[nodiscard]] Random random_of(std::uint64_t i) const;

  std::uint64_t seed_;
  std::shared_ptr<Time> time_;
};

}  // namespace holdfast::test
