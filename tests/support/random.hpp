// Random numbers that a failing test can be run with again: every test that uses them prints the seed, and
// HOLDFAST_TEST_SEED sets it.
//
//   test::Random random;
//   INFO(random);
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ostream>
#include <random>
#include <string>

namespace holdfast::test {

class Random {
 public:
  Random() : Random(seed_from_environment()) {}
  explicit Random(std::uint64_t seed) : seed_(seed), state_(seed) {}

  // SplitMix64: the same numbers from the same seed with every standard library.
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e37'79b9'7f4a'7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11ebULL;
    return z ^ (z >> 31);
  }
  // 0 .. bound - 1.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
  // True in one of so many cases.
  bool one_in(std::size_t cases) { return below(cases) == 0; }
  std::string bytes(std::size_t size) {
    std::string text(size, '\0');
    for (char& c : text)
      c = static_cast<char>(next());
    return text;
  }
  template <class Container>
  auto& pick(Container& container) {
    return container[below(container.size())];
  }

  friend std::ostream& operator<<(std::ostream& out, const Random& random) {
    return out << "HOLDFAST_TEST_SEED=" << random.seed_;
  }

 private:
  static std::uint64_t seed_from_environment() {
    const char* given = std::getenv("HOLDFAST_TEST_SEED");
    return given != nullptr ? std::stoull(given) : std::random_device()();
  }

  std::uint64_t seed_;
  std::uint64_t state_;
};

}  // namespace holdfast::test
