// The frames of a write-ahead log, with checksums that hold whatever is in them.
//
// Source   https://sqlite.org/fileformat2.html#walformat
#pragma once

#include "holdfast/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace holdfast::test {

inline constexpr std::size_t kWalHeaderBytes = 32;
inline constexpr std::size_t kWalFrameHeaderBytes = 24;

class WalChecksum {
 public:
  explicit WalChecksum(bool big_endian) : big_endian_(big_endian) {}

  void add(const std::byte* bytes, std::size_t size) {
    for (std::size_t at = 0; at + 8 <= size; at += 8) {
      first_ += word(bytes + at) + second_;
      second_ += word(bytes + at + 4) + first_;
    }
  }
  // Always big endian.
  void write(std::byte* to) const {
    for (int i = 0; i < 4; ++i) {
      to[i] = static_cast<std::byte>(first_ >> (24 - 8 * i));
      to[4 + i] = static_cast<std::byte>(second_ >> (24 - 8 * i));
    }
  }

 private:
  [[nodiscard]] std::uint32_t word(const std::byte* bytes) const {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i)
      value = (value << 8) | std::to_integer<std::uint32_t>(bytes[big_endian_ ? i : 3 - i]);
    return value;
  }

  bool big_endian_;
  std::uint32_t first_ = 0;
  std::uint32_t second_ = 0;
};

// Of the header and every whole frame; each frame gets the salts of the header.
inline void repair_frames(Bytes& log, std::size_t page_bytes) {
  if (log.size() < kWalHeaderBytes) return;
  WalChecksum checksum((log[3] & std::byte{1}) != std::byte{0});
  checksum.add(log.data(), 24);
  checksum.write(log.data() + 24);
  const std::size_t frame_bytes = kWalFrameHeaderBytes + page_bytes;
  for (std::size_t at = kWalHeaderBytes; at + frame_bytes <= log.size(); at += frame_bytes) {
    std::byte* frame = log.data() + at;
    for (std::size_t i = 0; i < 8; ++i)
      frame[8 + i] = log[16 + i];
    checksum.add(frame, 8);
    checksum.add(frame + kWalFrameHeaderBytes, page_bytes);
    checksum.write(frame + 16);
  }
}

}  // namespace holdfast::test
