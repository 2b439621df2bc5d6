#include "vfs/page_seal.hpp"

#include "vfs/big_endian.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace holdfast::vfs {

namespace {

constexpr std::byte kIndexLeaf{0x0a};
constexpr std::byte kTableLeaf{0x0d};
constexpr std::size_t kDatabaseHeaderBytes = 100;
constexpr std::size_t kLeafHeaderBytes = 8;

// The columns that an entry is found by; our widest index has four and the rowid.
constexpr int kKeyColumns = 5;

// Reads SQLite's varints, within bounds.
class Varints {
 public:
  Varints(const std::byte* page, std::size_t at, std::size_t end)
      : page_(page), at_(at), end_(end) {}

  std::uint64_t next() {
    constexpr int kLongest = 9;
    std::uint64_t value = 0;
    for (int i = 0; i < kLongest && at_ < end_; ++i) {
      const auto byte = std::to_integer<std::uint64_t>(page_[at_++]);
      if (i == kLongest - 1) return value << 8 | byte;
      value = value << 7 | (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    return value;
  }
  [[nodiscard]] std::size_t at() const { return at_; }

 private:
  const std::byte* page_;
  std::size_t at_;
  std::size_t end_;
};

std::uint64_t bytes_of_type(std::uint64_t serial_type) {
  constexpr std::array<std::uint64_t, 12> kFixed = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
  return serial_type < kFixed.size() ? kFixed[serial_type] : (serial_type - 12) / 2;
}

// How much of an index entry's payload lies in its leaf; the rest is on overflow pages.
std::uint64_t local_bytes(std::uint64_t payload, std::size_t usable) {
  const std::uint64_t most = (usable - 12) * 64 / 255 - 23;
  if (payload <= most) return payload;
  const std::uint64_t least = (usable - 12) * 32 / 255 - 23;
  const std::uint64_t fitting = least + (payload - least) % (usable - 4);
  return fitting <= most ? fitting : least;
}

// Where what is covered of the cell ends: for a row its length and rowid, for an index entry its header and key.
std::size_t end_of_row_head(const std::byte* page, std::size_t cell, std::size_t usable) {
  Varints varints(page, cell, usable);
  varints.next();
  varints.next();
  return varints.at();
}
std::size_t end_of_entry_key(const std::byte* page, std::size_t cell, std::size_t usable) {
  Varints varints(page, cell, usable);
  const std::uint64_t payload = varints.next();
  const std::size_t begin = varints.at();
  const std::uint64_t local = local_bytes(payload, usable);
  std::uint64_t key = varints.next();  // the length of the record's header
  if (local < payload) return std::min<std::uint64_t>(begin + local + 4, usable);
  const std::uint64_t end_of_header = begin + std::min(key, local);
  for (int column = 0; column < kKeyColumns && varints.at() < end_of_header; ++column)
    key += std::min<std::uint64_t>(bytes_of_type(varints.next()), usable);
  return static_cast<std::size_t>(std::min<std::uint64_t>(begin + std::min(key, local), usable));
}

// Nothing for what is no leaf, or cannot be one.
std::optional<std::uint64_t> hash_leaf(const std::byte* page,
                                       std::size_t usable,
                                       std::uint32_t number) {
  const std::size_t header = number == 1 ? kDatabaseHeaderBytes : 0;
  const bool table = page[header] == kTableLeaf;
  if (!table && page[header] != kIndexLeaf) return std::nullopt;
  const std::size_t cells = big_endian_16(page + header + 3);
  const std::size_t pointers = header + kLeafHeaderBytes;
  const std::size_t end_of_pointers = pointers + 2 * cells;
  if (end_of_pointers > usable) return std::nullopt;

  std::uint64_t hash = XXH3_64bits_withSeed(page, end_of_pointers, number);
  for (std::size_t i = 0; i < cells; ++i) {
    const std::size_t cell = big_endian_16(page + pointers + 2 * i);
    if (cell < end_of_pointers || cell >= usable) return std::nullopt;
    const std::size_t end =
        table ? end_of_row_head(page, cell, usable) : end_of_entry_key(page, cell, usable);
    hash = XXH3_64bits_withSeed(page + cell, end - cell, hash);
  }
  return hash;
}

// Never 0: an empty seal is none.
std::uint64_t hash_page(const std::byte* page, std::size_t bytes, std::uint32_t number) {
  const std::size_t usable = bytes - kSealBytes;
  const auto leaf = hash_leaf(page, usable, number);
  const std::uint64_t hash = leaf ? *leaf : XXH3_64bits_withSeed(page, usable, number);
  return std::max<std::uint64_t>(hash, 1);
}

// The last four words that the WAL's checksum takes in, in the order of this machine.
using Words = std::array<std::uint32_t, 4>;

Words words_of(const std::byte* page, std::size_t bytes) {
  Words words{};
  std::memcpy(words.data(), page + bytes - kSealBytes, kSealBytes);
  return words;
}

}  // namespace

void seal_page(std::byte* page, std::size_t bytes, std::uint32_t number) noexcept {
  const std::uint64_t hash = hash_page(page, bytes, number);
  Words words = words_of(page, bytes);
  // The checksum runs over pairs of words: s1 += w0 + s2, s2 += w1 + s1. What a change of the first
  // pair adds to s1 and s2, the second pair takes away again, modulo 2^32.
  const std::uint32_t change_0 = static_cast<std::uint32_t>(hash) - words[0];
  const std::uint32_t change_1 = static_cast<std::uint32_t>(hash >> 32) - words[1];
  words[0] += change_0;
  words[1] += change_1;
  words[2] -= 2 * change_0 + change_1;
  words[3] -= change_0 + change_1;
  std::memcpy(page + bytes - kSealBytes, words.data(), kSealBytes);
}

Seal examine_seal(const std::byte* page, std::size_t bytes, std::uint32_t number) noexcept {
  const Words words = words_of(page, bytes);
  if (words == Words{}) return Seal::absent;
  const std::uint64_t stored = words[0] | static_cast<std::uint64_t>(words[1]) << 32;
  return stored == hash_page(page, bytes, number) ? Seal::whole : Seal::broken;
}

}  // namespace holdfast::vfs
