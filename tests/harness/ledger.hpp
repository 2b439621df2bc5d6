// What a database must be after each step of a workload: the dumps of a run on another database, in memory.
//
// A database that was interrupted must be after exactly k whole steps; `find` says which. Where single steps
// were refused, the expectation is a replay of those that were not: `replay`.
#pragma once

#include "harness/dump.hpp"
#include "harness/workload.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::test {

// The dump after these steps, in this order, on a database of its own.
inline std::string replay(const Workload& workload, const std::vector<std::uint64_t>& steps) {
  auto db = Database::in_memory(workload.options());
  for (const auto i : steps)
    workload.step(db, i);
  return dump(db);
}

class Ledger {
 public:
  Ledger(const Workload& workload, std::uint64_t steps) : workload_(workload) {
    auto db = Database::in_memory(workload_.options());
    after_.push_back(digest_of(dump(db)));
    for (std::uint64_t i = 0; i < steps; ++i) {
      workload_.step(db, i);
      after_.push_back(digest_of(dump(db)));
    }
  }

  [[nodiscard]] std::uint64_t steps() const { return after_.size() - 1; }
  [[nodiscard]] std::uint64_t after(std::uint64_t steps) const { return after_[steps]; }

  // The least k in first .. last after which the dump is this one; nullopt: none.
  [[nodiscard]] std::optional<std::uint64_t> find(std::uint64_t digest,
                                                  std::uint64_t first,
                                                  std::uint64_t last) const {
    for (auto k = first; k <= last && k < after_.size(); ++k) {
      if (after_[k] == digest) return k;
    }
    return std::nullopt;
  }

  // For a message: in what a dump differs from that after k steps.
  [[nodiscard]] std::string difference(std::uint64_t k, const std::string& found) const {
    std::vector<std::uint64_t> steps;
    for (std::uint64_t i = 0; i < k; ++i)
      steps.push_back(i);
    return first_difference(replay(workload_, steps), found);
  }

 private:
  Workload workload_;
  std::vector<std::uint64_t> after_;
};

}  // namespace holdfast::test
