#include "content/row_digest.hpp"

#include <xxhash.h>

#include <bit>
#include <cstring>

namespace holdfast::content {
namespace {

// What a field is, so that the text "1", the blob "1" and the number 49 differ.
enum class Field : std::uint8_t { absent, present, integer, text, blob, null };

// Little endian on every machine, as the file is. The compiler makes one store of it.
std::array<std::uint8_t, 8> little_endian(std::uint64_t number) {
  return {static_cast<std::uint8_t>(number),
          static_cast<std::uint8_t>(number >> 8),
          static_cast<std::uint8_t>(number >> 16),
          static_cast<std::uint8_t>(number >> 24),
          static_cast<std::uint8_t>(number >> 32),
          static_cast<std::uint8_t>(number >> 40),
          static_cast<std::uint8_t>(number >> 48),
          static_cast<std::uint8_t>(number >> 56)};
}

// Type and length: "ab","c" and "a","bc" differ.
std::uint64_t head_of(Field field, std::size_t size) {
  return static_cast<std::uint64_t>(field) << 56 | size;
}

}  // namespace

RowDigest& RowDigest::add(std::int64_t value) {
  add_number(head_of(Field::integer, sizeof(value)));
  add_number(static_cast<std::uint64_t>(value));
  return *this;
}

RowDigest& RowDigest::add(std::string_view text) {
  add_number(head_of(Field::text, text.size()));
  add_bytes(text.data(), text.size());
  return *this;
}

RowDigest& RowDigest::add(BytesView bytes) {
  add_number(head_of(Field::blob, bytes.size()));
  add_bytes(bytes.data(), bytes.size());
  return *this;
}

RowDigest& RowDigest::add(const engine::Value& value) {
  switch (value.type) {
    case engine::Value::Type::null:
      add_number(head_of(Field::null, 0));
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

std::int64_t RowDigest::value() {
  hash_gathered();
  return std::bit_cast<std::int64_t>(state_);
}

void RowDigest::add_presence(bool present) {
  add_number(head_of(present ? Field::present : Field::absent, 0));
}

void RowDigest::add_number(std::uint64_t number) {
  if (kGathered - gathered_ < sizeof(number)) hash_gathered();
  const auto bytes = little_endian(number);
  std::memcpy(&buffer_[gathered_], bytes.data(), bytes.size());
  gathered_ += bytes.size();
}

void RowDigest::add_bytes(const void* data, std::size_t size) {
  if (size == 0) return;
  if (size <= kGathered - gathered_) {
    std::memcpy(&buffer_[gathered_], data, size);
    gathered_ += size;
    return;
  }
  hash_gathered();
  state_ = XXH3_64bits_withSeed(data, size, state_);
}

void RowDigest::hash_gathered() {
  state_ = XXH3_64bits_withSeed(buffer_.data(), gathered_, state_);
  gathered_ = 0;
}

}  // namespace holdfast::content
