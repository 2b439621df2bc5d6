// The limits that callers meet; beyond each, a call is `too_large` or `invalid_argument`, as its header says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace holdfast {

// How much of a list a call returns, if nothing else is said.
inline constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

inline constexpr std::size_t kMaxIdBytes = 1024;
inline constexpr std::size_t kMaxKeyBytes = 65'535;  // of keyed state
inline constexpr std::size_t kMaxSegmentMetadataBytes = 65'536;

// Ids and sequence numbers that callers choose run from 0 to this.
inline constexpr std::uint64_t kMaxNumber = 0x7fff'ffff'ffff'ffff;

}  // namespace holdfast
