#include "content/row_digest.hpp"

#include <xxhash.h>

#include <array>
#include <bit>

namespace holdfast::content {
namespace {

// What a field is, so that the text "1", the blob "1" and the number 49 differ.
enum class Field : std::uint8_t { absent, present, integer, text, blob, null };

// Little endian on every machine, as the file is.
std::array<std::uint8_t, 8> little_endian(std::uint64_t value) {
  std::array<std::uint8_t, 8> bytes{};
  for (std::uint8_t& byte : bytes) {
    byte = static_cast<std::uint8_t>(value);
    value >>= 8;
  }
  return bytes;
}

// Type and length of a field after its bytes: "ab","c" and "a","bc" differ.
std::uint64_t mix(std::uint64_t state, Field field, const void* data, std::size_t size) {
  if (size > 0) state = XXH3_64bits_withSeed(data, size, state);
  const auto tail = little_endian(static_cast<std::uint64_t>(field) << 56 | size);
  return XXH3_64bits_withSeed(tail.data(), tail.size(), state);
}

}  // namespace

RowDigest& RowDigest::add(std::int64_t value) {
  const auto bytes = little_endian(static_cast<std::uint64_t>(value));
  state_ = mix(state_, Field::integer, bytes.data(), bytes.size());
  return *this;
}

RowDigest& RowDigest::add(std::string_view text) {
  state_ = mix(state_, Field::text, text.data(), text.size());
  return *this;
}

RowDigest& RowDigest::add(BytesView bytes) {
  state_ = mix(state_, Field::blob, bytes.data(), bytes.size());
  return *this;
}

RowDigest& RowDigest::add(const engine::Value& value) {
  switch (value.type) {
    case engine::Value::Type::null:
      state_ = mix(state_, Field::null, nullptr, 0);
      return *this;
    case engine::Value::Type::text:
      return add(as_text(value.bytes));
    case engine::Value::Type::blob:
      return add(value.bytes);
  }
  return *this;
}

RowDigest& RowDigest::add_payload(const Payload& payload) {
  return add(payload.raw_bytes()).add(payload.value()).add(payload.content_key());
}

RowDigest& RowDigest::add_payload(const engine::Query& row, int first_column) {
  engine::Value value;
  const int payload = first_column + 1;
  if (!row.is_null(payload)) {
    value.type = row.is_text(payload) ? engine::Value::Type::text : engine::Value::Type::blob;
    value.bytes = row.bytes(payload);
  }
  return add(row.integer(first_column)).add(value).add(row.optional_integer(first_column + 2));
}

std::int64_t RowDigest::value() const {
  return std::bit_cast<std::int64_t>(state_);
}

void RowDigest::add_presence(bool present) {
  state_ = mix(state_, present ? Field::present : Field::absent, nullptr, 0);
}

}  // namespace holdfast::content
