// What came of all the trials, by kind of damage: a table at the end, and the first wrong ones in full.
#pragma once

#include "rot/trial.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

namespace holdfast::test {

class Tally {
 public:
  void count(const std::string& kind, const Damage& damage, const Outcome& outcome) {
    auto& row = rows_[kind];
    ++row[static_cast<std::size_t>(outcome.verdict)];
    ++cases_;
    if (outcome.verdict != Verdict::wrong) return;
    constexpr std::size_t kTold = 10;
    if (++wrong_ <= kTold) told_.push_back(kind + ", " + damage.what + ": " + outcome.what);
  }
  [[nodiscard]] std::uint64_t cases() const { return cases_; }
  [[nodiscard]] std::uint64_t wrong() const { return wrong_; }

  friend std::ostream& operator<<(std::ostream& out, const Tally& tally) {
    static constexpr std::array<const char*, kVerdicts> kNames{
        "open refused", "call refused", "harmless", "by verify", "a store rolled back", "WRONG"};
    for (const auto& [kind, row] : tally.rows_) {
      out << "  " << kind << ":";
      for (std::size_t i = 0; i < kVerdicts; ++i)
        out << "  " << row[i] << " " << kNames[i];
      out << "\n";
    }
    for (const std::string& what : tally.told_)
      out << "  WRONG " << what << "\n";
    return out << tally.cases_ << " damaged files, " << tally.wrong_ << " violations\n";
  }

 private:
  std::map<std::string, std::array<std::uint64_t, kVerdicts>> rows_;
  std::vector<std::string> told_;
  std::uint64_t cases_ = 0;
  std::uint64_t wrong_ = 0;
};

}  // namespace holdfast::test
