#include "cli/format.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace holdfast::cli {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::int64_t kYear0Us = -62'167'219'200'000'000;
constexpr std::int64_t kYear10000Us = 253'402'300'800'000'000;

std::string grouped(std::string digits) {
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

template <class... Values>
std::string print(const char* format, const Values&... values) {
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), format, values...);
  return {text.data(), static_cast<std::size_t>(length)};
}

bool is_continuation(unsigned char byte) {
  return (byte & 0xc0U) == 0x80U;
}

// The length of the well-formed UTF-8 sequence at the start of `text`; 0: there is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t index = 1; index < length; ++index) {
    if (!is_continuation(byte(index))) return 0;
  }
  const unsigned char second = byte(1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate_or_beyond =
      (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return overlong || surrogate_or_beyond ? 0 : length;
}

// C0, DEL, and the C1 controls U+0080 to U+009F, which terminals obey as well.
bool is_control(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;
}

void append_escaped(std::string& result, std::string_view bytes) {
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    result += "\\x";
    result += kHexDigits[value >> 4U];
    result += kHexDigits[value & 0xfU];
  }
}

}  // namespace

std::string human_count(std::uint64_t count) {
  return grouped(std::to_string(count));
}

std::string human_count(std::int64_t count) {
  if (count >= 0) return human_count(static_cast<std::uint64_t>(count));
  return "-" + human_count(~static_cast<std::uint64_t>(count) + 1);
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 1023.95 would print as 1024.0: go on to the next unit before that.
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return print("%.1f %s", value, kUnits.at(unit));
}

std::string iso_time(std::int64_t microseconds) {
  if (microseconds < kYear0Us || microseconds >= kYear10000Us) return std::to_string(microseconds);
  using std::chrono::days;
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::microseconds> time{
      std::chrono::microseconds(microseconds)};
  const auto midnight = floor<days>(time);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss clock(floor<std::chrono::milliseconds>(time - midnight));
  return print("%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
               static_cast<int>(date.year()),
               static_cast<unsigned>(date.month()),
               static_cast<unsigned>(date.day()),
               static_cast<int>(clock.hours().count()),
               static_cast<int>(clock.minutes().count()),
               static_cast<int>(clock.seconds().count()),
               static_cast<int>(clock.subseconds().count()));
}

std::string iso_time_of_ms(std::uint64_t milliseconds) {
  if (milliseconds >= kYear10000Us / 1000) return std::to_string(milliseconds);
  return iso_time(static_cast<std::int64_t>(milliseconds) * 1000);
}

std::string hex64(std::uint64_t bits) {
  return print("0x%016llx", static_cast<unsigned long long>(bits));
}

std::string hex(BytesView bytes) {
  std::string result;
  result.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    result += kHexDigits[std::to_integer<unsigned>(byte >> 4U)];
    result += kHexDigits[std::to_integer<unsigned>(byte & std::byte{0xf})];
  }
  return result;
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return human_count(count) + " " + std::string(count == 1 ? one : many);
}

std::string printable(std::string_view text) {
  if (text.empty()) return "\"\"";
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const std::string_view sequence = text.substr(0, length == 0 ? 1 : length);
    if (length == 0 || is_control(sequence)) {
      append_escaped(result, sequence);
    } else {
      result += sequence;
    }
    text.remove_prefix(sequence.size());
  }
  return result;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const char byte : text)
    width += is_continuation(static_cast<unsigned char>(byte)) ? 0U : 1U;
  return width;
}

}  // namespace holdfast::cli
