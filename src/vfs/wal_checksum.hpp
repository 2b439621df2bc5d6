// SQLite's checksum of a WAL, for logs whose words are in this machine's order.
//
// Shape:   two sums that run on over pairs of words: from nothing to the WAL's header, from there over
//          the first eight bytes and the page of each frame. Stored big endian.
// Errors:  none.
// Threads: a value.
// Source:  https://sqlite.org/fileformat2.html#checksum_algorithm
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace holdfast::vfs {

// The first word of a WAL says in which order the words of its checksums are.
inline constexpr std::uint32_t kLittleEndianWal = 0x377f0682;
inline constexpr std::uint32_t kBigEndianWal = 0x377f0683;
inline constexpr std::uint32_t kNativeWal =
    std::endian::native == std::endian::big ? kBigEndianWal : kLittleEndianWal;

struct WalChecksum {
  std::uint32_t first = 0;
  std::uint32_t second = 0;

  // REQUIRES, both: a multiple of eight bytes.
  void add(std::span<const std::byte> bytes) {
    for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      const auto words = words_at(bytes, at);
      first += words[0] + second;
      second += words[1] + first;
    }
  }
  // The sums from which add() came here.
  void take_back(std::span<const std::byte> bytes) {
    for (std::size_t at = bytes.size(); at >= 8; at -= 8) {
      const auto words = words_at(bytes, at - 8);
      second -= words[1] + first;
      first -= words[0] + second;
    }
  }

  friend bool operator==(const WalChecksum&, const WalChecksum&) = default;

 private:
  static std::array<std::uint32_t, 2> words_at(std::span<const std::byte> bytes, std::size_t at) {
    std::array<std::uint32_t, 2> words{};
    std::memcpy(words.data(), &bytes[at], sizeof words);
    return words;
  }
};

}  // namespace holdfast::vfs
