#include "rot/trial.hpp"

#include "holdfast/maintain.hpp"

#include <algorithm>
#include <exception>

namespace holdfast::test {

namespace {

std::string shortened(const Answer& answer) {
  constexpr std::size_t kShown = 160;
  return answer.text.substr(0, kShown) + (answer.text.size() > kShown ? "..." : "");
}

vfs::MemoryDisk::Image image_of(const SoundDatabase& sound, const Damage& damage) {
  Bytes file = sound.file();
  damage.apply(file);
  return {{kDiskPath, std::move(file)}};
}

// Both worse than nothing, and the first one worse than the second.
Outcome worse(Outcome first, Outcome second) {
  const auto rank = [](Verdict verdict) {
    return verdict == Verdict::wrong ? 2 : verdict == Verdict::harmless ? 0 : 1;
  };
  return rank(second.verdict) > rank(first.verdict) ? std::move(second) : std::move(first);
}

}  // namespace

bool says_damage(ErrorCode code) {
  return code == ErrorCode::corrupt || code == ErrorCode::io || code == ErrorCode::not_a_database ||
         code == ErrorCode::incompatible;
}

Outcome judge(const std::vector<Answer>& answers, const std::vector<Answer>& expected) {
  Outcome outcome;
  for (const Answer& answer : answers) {
    const Answer& right = expected[answer.number];
    if (answer == right) continue;
    if (answer.reported || (answer.code && says_damage(*answer.code))) {
      outcome.verdict = Verdict::detected;
      continue;
    }
    return {Verdict::wrong,
            answer.call + ": " + shortened(answer) + " instead of " + shortened(right)};
  }
  return outcome;
}

Trials::Trials(const SoundDatabase& sound)
    : sound_(sound), ground_({{kDiskPath, sound.file()}}), database_(ground_.open(&reads_)) {}

Trials::~Trials() {
  reads_.damage = nullptr;
}

bool Trials::opening_meets(const Damage& damage) const {
  return touches(damage, [&](std::size_t page) { return sound_.opens_with(page); });
}

bool Trials::meets(std::size_t call, const Damage& damage) const {
  return touches(damage, [&](std::size_t page) { return sound_.needs(call, page); });
}

// Is one of the pages that are altered, or gone, among those?
template <class Among>
bool Trials::touches(const Damage& damage, const Among& among) const {
  for (const auto& [page, bytes] : damage.pages) {
    if (among(page)) return true;
  }
  if (!damage.length) return false;
  for (std::size_t page = *damage.length / kPageBytes; page < sound_.pages(); ++page) {
    if (among(page)) return true;
  }
  return false;
}

// A refusal is dear, since SQLite reads the schema anew: of those that come after the third, some.
bool Trials::chosen(std::size_t call, std::size_t refused, const Damage& damage) const {
  constexpr std::size_t kAllAsked = 3;
  constexpr std::size_t kThenOneIn = 8;
  return meets(call, damage) && (refused < kAllAsked || (call + refused) % kThenOneIn == 0);
}

Outcome Trials::read(const Damage& damage) {
  if (opening_meets(damage)) return open_and_read(damage, false);
  reads_.damage = nullptr;
  const auto choice = [&](std::size_t call, std::size_t refused) {
    if (!chosen(call, refused, damage)) return false;
    reads_.damage = nullptr;
    forget_pages(database_);
    reads_.damage = &damage;
    return true;
  };
  Outcome outcome;
  try {
    outcome = judge(read_sample(database_, choice).all(), sound_.answers());
  } catch (const std::exception& error) {
    outcome = {Verdict::wrong, std::string("an exception that is no Error: ") + error.what()};
  }
  reads_.damage = nullptr;
  forget_pages(database_);
  return outcome;
}

Outcome Trials::read_and_write(const Damage& damage) const {
  return open_and_read(damage, true);
}

// Which calls may notice: all of them where the damage is in the file's header, or has moved a table.
Answers::Choice Trials::choice_after_opening(const Database& database, const Damage& damage) const {
  if (damage.pages.count(0) > 0 || roots_of(database) != sound_.roots()) return nullptr;
  return [&](std::size_t call, std::size_t refused) { return chosen(call, refused, damage); };
}

Outcome Trials::open_and_read(const Damage& damage, bool write) const {
  Ground ground(image_of(sound_, damage));
  std::optional<Database> database;
  try {
    database = ground.open();
  } catch (const Error& error) {
    return {Verdict::refused, {}};
  }
  try {
    const auto choice = write ? nullptr : choice_after_opening(*database, damage);
    Outcome before = judge(read_sample(*database, choice).all(), sound_.answers());
    if (!write || before.verdict == Verdict::wrong) return before;
    ground.next_day();
    bool written = true;
    try {
      write_more(*database);
    } catch (const Error& error) {
      if (!says_damage(error.code()))
        return {Verdict::wrong, std::string("a write is refused: ") + error.what()};
      written = false;
    }
    Outcome after =
        judge(read_sample(*database).all(), written ? sound_.later_answers() : sound_.answers());
    if (after.verdict == Verdict::wrong) after.what = "after a write: " + after.what;
    if (!written) before.verdict = Verdict::detected;
    return worse(before, after);
  } catch (const std::exception& error) {
    return {Verdict::wrong, std::string("an exception that is no Error: ") + error.what()};
  }
}

bool Trials::verified(const Damage& damage) const {
  Ground ground(image_of(sound_, damage));
  try {
    return !verify(ground.open()).sound();
  } catch (const Error&) {
    return true;
  }
}

bool Trials::rolled_back(const Damage& damage, std::size_t step) const {
  Ground before({{kDiskPath, sound_.history()[step]}});
  const auto earlier = read_sample(before.open()).all();
  Ground ground(image_of(sound_, damage));
  const auto answers = read_sample(ground.open()).all();
  return std::all_of(answers.begin(), answers.end(), [&](const Answer& answer) {
    return answer == sound_.answers()[answer.number] || answer == earlier[answer.number];
  });
}

}  // namespace holdfast::test
