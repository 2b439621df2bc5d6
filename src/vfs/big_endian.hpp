// Numbers as SQLite's files have them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast::vfs {

inline std::uint32_t big_endian_16(const std::byte* at) noexcept {
  return std::to_integer<std::uint32_t>(at[0]) << 8 | std::to_integer<std::uint32_t>(at[1]);
}

inline std::uint32_t big_endian_32(const std::byte* at) noexcept {
  return big_endian_16(at) << 16 | big_endian_16(at + 2);
}

}  // namespace holdfast::vfs
