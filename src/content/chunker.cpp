#include "content/chunker.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace holdfast::content {
namespace {

// Any fixed random numbers will do, and they must never change: files are cut alike by all versions.
constexpr std::array<std::uint64_t, 256> make_gear() {
  std::array<std::uint64_t, 256> gear{};
  std::uint64_t state = 0x686f'6c64'6661'7374;
  for (std::uint64_t& value : gear) {
    state += 0x9e37'79b9'7f4a'7c15;  // splitmix64
    std::uint64_t mixed = (state ^ (state >> 30)) * 0xbf58'476d'1ce4'e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d0'49bb'1331'11eb;
    value = mixed ^ (mixed >> 31);
  }
  return gear;
}

constexpr std::array<std::uint64_t, 256> kGear = make_gear();

// The highest bits depend on the most bytes.
std::uint64_t top_bits(int count) {
  return ~std::uint64_t{0} << (64 - count);
}

}  // namespace

std::size_t find_cut(BytesView bytes, const CutSizes& sizes) {
  if (bytes.size() <= sizes.min) return bytes.size();
  const int bits = std::countr_zero(sizes.usual);
  const std::size_t usual = std::min(sizes.usual, bytes.size());
  const std::size_t max = std::min(sizes.max, bytes.size());
  std::uint64_t hash = 0;
  std::size_t at = sizes.min;
  for (const std::uint64_t mask = top_bits(bits + 1); at < usual; ++at) {
    hash = (hash << 1) + kGear[std::to_integer<std::size_t>(bytes[at])];
    if ((hash & mask) == 0) return at + 1;
  }
  for (const std::uint64_t mask = top_bits(bits - 1); at < max; ++at) {
    hash = (hash << 1) + kGear[std::to_integer<std::size_t>(bytes[at])];
    if ((hash & mask) == 0) return at + 1;
  }
  return max;
}

}  // namespace holdfast::content
