#include "holdfast/id.hpp"

namespace holdfast {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::size_t kTextLength = 36;

bool has_hyphen_at(std::size_t index) {
  return index == 8 || index == 13 || index == 18 || index == 23;
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

void write_text(const Uuid& uuid, char* out) {
  std::size_t index = 0;
  for (const std::uint8_t byte : uuid.bytes) {
    if (has_hyphen_at(index)) out[index++] = '-';
    out[index++] = kHexDigits[byte >> 4];
    out[index++] = kHexDigits[byte & 0xf];
  }
}

}  // namespace

std::optional<Uuid> Uuid::parse(std::string_view text) noexcept {
  if (text.size() != kTextLength) return std::nullopt;
  Uuid uuid;
  std::size_t digits = 0;
  for (std::size_t index = 0; index < kTextLength; ++index) {
    if (has_hyphen_at(index)) {
      if (text[index] != '-') return std::nullopt;
      continue;
    }
    const int value = hex_value(text[index]);
    if (value < 0) return std::nullopt;
    auto& byte = uuid.bytes[digits / 2];
    byte = static_cast<std::uint8_t>((byte << 4) | value);
    ++digits;
  }
  return uuid;
}

Uuid Uuid::make_v7(std::int64_t unix_ms, std::uint64_t random_high, std::uint64_t random_low) {
  Uuid uuid;
  const auto ms = static_cast<std::uint64_t>(unix_ms);
  for (std::size_t i = 0; i < 6; ++i) {
    uuid.bytes[i] = static_cast<std::uint8_t>(ms >> (8 * (5 - i)));
  }
  uuid.bytes[6] = static_cast<std::uint8_t>(0x70 | ((random_high >> 8) & 0x0f));  // version 7
  uuid.bytes[7] = static_cast<std::uint8_t>(random_high);
  for (std::size_t i = 0; i < 8; ++i) {
    uuid.bytes[8 + i] = static_cast<std::uint8_t>(random_low >> (8 * (7 - i)));
  }
  uuid.bytes[8] = static_cast<std::uint8_t>(0x80 | (uuid.bytes[8] & 0x3f));  // RFC 9562's variant
  return uuid;
}

std::string Uuid::to_string() const {
  std::string text(kTextLength, '\0');
  write_text(*this, text.data());
  return text;
}

std::optional<std::int64_t> Uuid::unix_ms() const noexcept {
  if ((bytes[6] >> 4) != 7 || (bytes[8] >> 6) != 2) return std::nullopt;
  std::int64_t ms = 0;
  for (std::size_t i = 0; i < 6; ++i)
    ms = (ms << 8) | bytes[i];
  return ms;
}

IdRef::IdRef(const Uuid& uuid) {
  write_text(uuid, uuid_text_.data());
  text_ = {uuid_text_.data(), uuid_text_.size()};
}

}  // namespace holdfast
