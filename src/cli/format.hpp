// Values as people read them.
#pragma once

#include "holdfast/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::cli {

std::string human_count(std::uint64_t count);  // 1,234,567
std::string human_count(std::int64_t count);
std::string human_bytes(std::uint64_t bytes);  // 512 B, 1.2 KiB, 34 MiB
// 2026-01-31T12:00:00.000Z; what is no time of the years 0 to 9999 stays a number.
std::string iso_time(std::int64_t microseconds);
std::string iso_time_of_ms(std::uint64_t milliseconds);
std::string hex64(std::uint64_t bits);  // 0x and 16 digits
std::string hex(BytesView bytes);
// "1 run", "2 runs"; other plurals are given.
std::string counted(std::uint64_t count, std::string_view one, std::string_view many);

// One line of printable text: control characters, and what is not UTF-8, become \x1b, so that no id
// or payload can send commands to a terminal; the empty text becomes "".
std::string printable(std::string_view text);
// How many columns printable text takes, one for each code point.
std::size_t display_width(std::string_view text);

}  // namespace holdfast::cli
