// One damaged file, opened, read and written: what came of it.
//
// Shape    `refused`: opening failed. `detected`: a call failed with a code that says damage, or reported it; all
//          others answered as before. `harmless`: all answered as before. `verified`: a call answered something
//          else, and verify() finds the damage. `rolled_back`: several pages are stale in such a way that whole
//          stores answer as they did after an earlier step, which nothing in the file can tell. `wrong`: a call
//          answered something else, and nothing tells.
#pragma once

#include "rot/sound.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace holdfast::test {

enum class Verdict : std::uint8_t { refused, detected, harmless, verified, rolled_back, wrong };
inline constexpr std::size_t kVerdicts = 6;

struct Outcome {
  Verdict verdict = Verdict::harmless;
  std::string what = {};  // wrong: which call answered what
};

// Compares answers, in the order of their numbers, with those expected.
Outcome judge(const std::vector<Answer>& answers, const std::vector<Answer>& expected);

// Errors that say: what is stored is not as it was written.
bool says_damage(ErrorCode code);

class Trials {
 public:
  explicit Trials(const SoundDatabase& sound);
  ~Trials();
  Trials(const Trials&) = delete;
  Trials& operator=(const Trials&) = delete;

  // Over a database that is open: only calls that need a damaged page are made, each without cached
  // pages. Damage that opening would meet is tried as a file of its own.
  Outcome read(const Damage& damage);
  // As a file of its own: opened, read, written, read again.
  Outcome read_and_write(const Damage& damage) const;
  // Does verify() find it?
  [[nodiscard]] bool verified(const Damage& damage) const;
  // Does each call answer as it does now, or as it did after that step?
  [[nodiscard]] bool rolled_back(const Damage& damage, std::size_t step) const;

 private:
  template <class Among>
  [[nodiscard]] bool touches(const Damage& damage, const Among& among) const;
  [[nodiscard]] bool opening_meets(const Damage& damage) const;
  [[nodiscard]] bool meets(std::size_t call, const Damage& damage) const;
  [[nodiscard]] bool chosen(std::size_t call, std::size_t refused, const Damage& damage) const;
  [[nodiscard]] Answers::Choice choice_after_opening(const Database& database,
                                                     const Damage& damage) const;
  [[nodiscard]] Outcome open_and_read(const Damage& damage, bool write) const;

  const SoundDatabase& sound_;
  Ground ground_;
  DamagedReads reads_;
  Database database_;
};

}  // namespace holdfast::test
