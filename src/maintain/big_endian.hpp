// Numbers as SQLite's files have them. The caller has looked that the bytes are there.
#pragma once

#include "holdfast/bytes.hpp"

#include <cstddef>
#include <cstdint>

namespace holdfast::maintain {

inline std::uint32_t read_u8(BytesView bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at]);
}

inline std::uint32_t read_u16(BytesView bytes, std::size_t at) {
  return read_u8(bytes, at) << 8 | read_u8(bytes, at + 1);
}

inline std::uint32_t read_u32(BytesView bytes, std::size_t at) {
  return read_u16(bytes, at) << 16 | read_u16(bytes, at + 2);
}

inline std::uint32_t read_u32_little(BytesView bytes, std::size_t at) {
  return read_u8(bytes, at) | read_u8(bytes, at + 1) << 8 | read_u8(bytes, at + 2) << 16 |
         read_u8(bytes, at + 3) << 24;
}

}  // namespace holdfast::maintain
