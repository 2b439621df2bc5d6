#include "vfs/wal_index.hpp"

#include <array>
#include <cstddef>
#include <cstring>

namespace holdfast::vfs {

namespace {

constexpr std::size_t kHeaderWords = 12;
constexpr std::size_t kBackfillWord = 24;
constexpr std::size_t kChangeWord = 2;
constexpr std::size_t kFlagsWord = 3;
constexpr std::size_t kFramesWord = 4;
constexpr std::size_t kFrameChecksumWord = 6;
constexpr std::size_t kSaltWord = 8;

// A writer stores 96 bytes; a reader that misses it this often sees a header that a dead process
// left half written, which only the next transaction of SQLite can repair.
constexpr int kTries = 64;

using Header = std::array<std::uint32_t, kHeaderWords>;

// Acquire, so that the second copy is loaded after the first. The builtin rather than
// std::atomic_ref, which Apple's library does not have.
std::uint32_t load(const volatile std::uint32_t* word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

bool initialised(const Header& header) {
  unsigned char flag = 0;  // isInit, the first byte in memory whatever the byte order
  std::memcpy(&flag, &header[kFlagsWord], 1);
  return flag != 0;
}

}  // namespace

bool wal_index_is_at(const volatile void* region, const WalIndexPosition& position) noexcept {
  const auto* words = static_cast<const volatile std::uint32_t*>(region);
  return load(words + kChangeWord) == position.change_counter &&
         load(words + kFramesWord) == position.frames &&
         load(words + kSaltWord) == position.salt_1 &&
         load(words + kSaltWord + 1) == position.salt_2;
}

std::optional<WalIndexEnd> read_wal_end(const volatile void* region) noexcept {
  const auto* words = static_cast<const volatile std::uint32_t*>(region);
  if (!initialised({0, 0, 0, load(words + kFlagsWord)})) return std::nullopt;
  return WalIndexEnd{
      .frames = load(words + kFramesWord),
      .checksum = {load(words + kFrameChecksumWord), load(words + kFrameChecksumWord + 1)}};
}

WalSalts read_wal_salts(const volatile void* region) noexcept {
  const auto* words = static_cast<const volatile std::uint32_t*>(region);
  return {.first = load(words + kSaltWord), .second = load(words + kSaltWord + 1)};
}

std::optional<WalIndexPosition> read_wal_index(const volatile void* region) noexcept {
  const auto* words = static_cast<const volatile std::uint32_t*>(region);
  for (int attempt = 0; attempt < kTries; ++attempt) {
    Header header{};
    for (std::size_t i = 0; i < kHeaderWords; ++i)
      header[i] = load(words + i);
    bool equal = true;
    for (std::size_t i = 0; i < kHeaderWords; ++i) {
      equal = equal && header[i] == load(words + kHeaderWords + i);
    }
    if (!equal) continue;
    if (!initialised(header)) return std::nullopt;
    return WalIndexPosition{.change_counter = header[kChangeWord],
                            .frames = header[kFramesWord],
                            .salt_1 = header[kSaltWord],
                            .salt_2 = header[kSaltWord + 1],
                            .backfilled_frames = load(words + kBackfillWord)};
  }
  return std::nullopt;
}

}  // namespace holdfast::vfs
