// A digest over a whole row: its key, its columns, its inline payload. Kept in the row's `digest`
// column and compared at every read, it finds flipped bits and rows that stand in for others.
//
// It is XXH3-64, each field seeded with the digest so far and followed by its length: fast, and enough
// against accidents. It says nothing about intent, and nothing may be believed equal because of it.
// A payload in the content tables has a digest of its own; the row's digest covers its content_key.
#pragma once

#include "content/payload.hpp"
#include "engine/statement.hpp"
#include "holdfast/bytes.hpp"

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

  std::int64_t value() const;

 private:
  void add_presence(bool present);
  std::uint64_t state_ = 0;
};

}  // namespace holdfast::content
