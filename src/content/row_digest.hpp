// A digest over a whole row: its key, its columns, its inline payload. Kept in the row's `digest`
// column and compared at every read, it finds flipped bits and rows that stand in for others.
//
// It is XXH3-64 over the fields, each behind its type and length: fast, and enough against accidents.
// Short fields are gathered and hashed together, since a call for each would cost more than they do. It says nothing about intent, and nothing may be believed equal because of it.
// A payload in the content tables has a digest of its own; the row's digest covers its content_key.
#pragma once

#include "content/payload.hpp"
#include "engine/statement.hpp"
#include "holdfast/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::content {

class RowDigest {
 public:
  RowDigest& add(std::int64_t value);
  RowDigest& add(std::string_view text);
  RowDigest& add(const std::string& text) { return add(std::string_view(text)); }
  RowDigest& add(BytesView bytes);
  RowDigest& add(const engine::Value& value);  // type and bytes
  // Absence differs from every value.
  template <class Type>
  RowDigest& add(const std::optional<Type>& value) {
    add_presence(value.has_value());
    if (value) add(*value);
    return *this;
  }
  // The payload columns of a row, as they are about to be written or as they were read.
  RowDigest& add_payload(const Payload& payload);
  RowDigest& add_payload(const engine::Query& row, int first_column);

  std::int64_t value();

 private:
  void add_presence(bool present);
  // A value, or what stands before one: its type and length.
  void add_number(std::uint64_t number);
  void add_bytes(const void* data, std::size_t size);
  void hash_gathered();

  static constexpr std::size_t kGathered = 256;
  std::uint64_t state_ = 0;
  std::size_t gathered_ = 0;
  std::array<std::uint8_t, kGathered> buffer_;  // NOLINT(cppcoreguidelines-pro-type-member-init)
};

}  // namespace holdfast::content
