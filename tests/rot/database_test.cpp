// Bit rot in the database file: whatever becomes of its bytes, no call answers with a value that was never
// written, or without one that is there.
#include "harness/scale.hpp"
#include "rot/tally.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <iostream>
#include <set>
#include <utility>

namespace holdfast::test {

namespace {

// In how many of the cases the file is also opened anew, written, and read again.
constexpr std::size_t kWrittenOneIn = 200;

const SoundDatabase& sound() {
  static const SoundDatabase database;
  return database;
}

class Rot {
 public:
  Rot() : trials_(sound()) {}

  void flip_bits() {
    each("a bit flipped", sound().file().size(), [&](std::size_t at) {
      return altered(at, std::byte{1} << static_cast<int>(random_.below(8)));
    });
  }
  void change_bytes() {
    each("a byte changed", sound().file().size() / 8, [&](std::size_t) {
      return altered(random_.below(sound().file().size()),
                     static_cast<std::byte>(1 + random_.below(255)));
    });
  }
  void truncate() {
    // Each length in each eighth run; at full, every eighth one.
    each("truncated", sound().file().size() / 8, [&](std::size_t which) {
      const std::size_t length = which * 8 + random_.below(8);
      Damage damage{.what = "to " + std::to_string(length)};
      damage.length = length;
      const std::size_t page = length / kPageBytes;
      const std::size_t kept = length % kPageBytes;
      if (kept == 0) return damage;
      Bytes rest = page_of(sound().file(), page);
      std::fill(rest.begin() + static_cast<std::ptrdiff_t>(kept), rest.end(), std::byte{0});
      damage.pages[page] = std::move(rest);
      return damage;
    });
  }
  void zero() {
    each("a page zeroed", sound().pages(), [&](std::size_t page) {
      return replaced("page " + std::to_string(page + 1), page, Bytes(kPageBytes));
    });
    each("the end of a page zeroed", sound().pages() * 8, [&](std::size_t which) {
      const std::size_t page = which / 8;
      Bytes bytes = page_of(sound().file(), page);
      const std::size_t kept = random_.below(kPageBytes);
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(kept), bytes.end(), std::byte{0});
      return replaced(
          "page " + std::to_string(page + 1) + " from " + std::to_string(kept), page, bytes);
    });
  }
  void swap() {
    const std::size_t pages = sound().pages();
    each("two pages swapped", pages * pages / 8, [&](std::size_t which) {
      const std::size_t one = which % pages;
      const std::size_t other = (one + 1 + random_.below(pages - 1)) % pages;
      Damage damage =
          replaced("pages " + std::to_string(one + 1) + " and " + std::to_string(other + 1),
                   one,
                   page_of(sound().file(), other));
      damage.pages[other] = page_of(sound().file(), one);
      return damage;
    });
  }
  void duplicate() {
    const std::size_t pages = sound().pages();
    each("a page in place of another", pages * pages / 4, [&](std::size_t which) {
      const std::size_t to = which % pages;
      const std::size_t from = (to + 1 + random_.below(pages - 1)) % pages;
      return replaced("page " + std::to_string(from + 1) + " at " + std::to_string(to + 1),
                      to,
                      page_of(sound().file(), from));
    });
  }
  void age() {
    const std::vector<std::pair<std::size_t, std::size_t>> stale = stale_pages();
    each("a stale page", stale.size(), [&](std::size_t which) {
      const auto [step, page] = stale[which];
      Damage damage =
          replaced("page " + std::to_string(page + 1) + " of step " + std::to_string(step),
                   page,
                   page_of(sound().history()[step], page));
      damage.as_of = step;
      return damage;
    });
    each("several stale pages", stale.size(), [&](std::size_t which) {
      const std::size_t step = stale[which].first;
      Damage damage{.what = "pages of step " + std::to_string(step) + ":"};
      damage.as_of = step;
      for (const auto& [its_step, page] : stale) {
        if (its_step != step || random_.one_in(2)) continue;
        damage.pages[page] = page_of(sound().history()[step], page);
        damage.what += " " + std::to_string(page + 1);
      }
      return damage;
    });
  }

  void report() {
    INFO(random_);
    std::cout << tally_ << std::flush;
    CHECK(tally_.cases() > 0);
    CHECK(tally_.wrong() == 0);
  }

 private:
  template <class Make>
  void each(const std::string& kind, std::size_t possible, const Make& make) {
    const std::size_t cases = scaled(possible);
    for (std::size_t i = 0; i < cases; ++i) {
      // Beyond all of them once: again, with other random choices.
      const std::size_t which = cases < possible ? random_.below(possible) : i % possible;
      const Damage damage = make(which);
      tally_.count(kind, damage, outcome_of(damage));
    }
  }
  Outcome outcome_of(const Damage& damage) {
    const bool alone = damage.pages.empty() || random_.one_in(kWrittenOneIn);
    Outcome outcome = alone ? trials_.read_and_write(damage) : trials_.read(damage);
    // Every page is as it was written once: only what belongs together tells.
    if (outcome.verdict != Verdict::wrong || !damage.as_of) return outcome;
    if (trials_.verified(damage)) {
      outcome.verdict = Verdict::verified;
    } else if (damage.pages.size() > 1 && trials_.rolled_back(damage, *damage.as_of)) {
      outcome.verdict = Verdict::rolled_back;
    }
    return outcome;
  }
  static Damage replaced(std::string what, std::size_t page, Bytes bytes) {
    Damage damage{.what = std::move(what)};
    damage.pages[page] = std::move(bytes);
    return damage;
  }
  static Damage altered(std::size_t at, std::byte difference) {
    const std::size_t page = at / kPageBytes;
    Bytes bytes = page_of(sound().file(), page);
    bytes[at % kPageBytes] ^= difference;
    return replaced("byte " + std::to_string(at % kPageBytes) + " of page " +
                        std::to_string(page + 1) + " ^ " +
                        std::to_string(std::to_integer<int>(difference)),
                    page,
                    std::move(bytes));
  }
  // Each version of each page but the last, by the step after which it stood there.
  static std::vector<std::pair<std::size_t, std::size_t>> stale_pages() {
    std::vector<std::pair<std::size_t, std::size_t>> stale;
    std::set<std::pair<std::size_t, Bytes>> seen;
    for (std::size_t page = 0; page < sound().pages(); ++page)
      seen.insert({page, page_of(sound().file(), page)});
    for (std::size_t step = 0; step < sound().history().size(); ++step) {
      const Bytes& file = sound().history()[step];
      const std::size_t pages = std::min(file.size() / kPageBytes, sound().pages());
      for (std::size_t page = 0; page < pages; ++page) {
        if (seen.insert({page, page_of(file, page)}).second) stale.emplace_back(step, page);
      }
    }
    return stale;
  }

  Random random_;
  Trials trials_;
  Tally tally_;
};

}  // namespace

TEST_CASE("a damaged database file is never read as something else") {
  Rot rot;
  rot.flip_bits();
  rot.change_bytes();
  rot.truncate();
  rot.zero();
  rot.swap();
  rot.duplicate();
  rot.age();
  rot.report();
}

}  // namespace holdfast::test
