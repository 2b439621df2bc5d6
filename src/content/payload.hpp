// Payloads: every entry, blob, snapshot, state and value on its way to its row and back.
//
// A row that carries a payload has the columns raw_bytes, payload, content_key. Small payloads stand in
// `payload`: as text if they are JSON, so that ->> works in a shell, else as a blob. Larger ones go to
// the content tables, and content_key names them. The row owns its content: what deletes the row calls
// remove() with its content_key, in the same transaction; what replaces it stores the new one first.
//
//   const auto payload = content::Payload::store(db, bytes, content::Form::unknown);
//   statements.insert.execute(..., payload.raw_bytes(), payload.value(), payload.content_key(), ...);
//
// Errors   corrupt: missing chunks, wrong length, wrong digest
// Threads  those of the connection
// Source   schema/0002_content.sql
#pragma once

#include "engine/connection.hpp"
#include "engine/statement.hpp"
#include "holdfast/bytes.hpp"

#include <cstdint>
#include <optional>

namespace holdfast::content {

// Larger payloads go to the content tables. An inline row up to this size stays within a few pages.
inline constexpr std::size_t kInlineBytes = 64ULL << 10;
// Bytes that might be JSON are looked at up to this size; beyond, only what is known to be JSON is text.
inline constexpr std::size_t kSniffBytes = 16ULL << 10;

enum class Form : std::uint8_t {
  json,     // known to be one valid JSON value in UTF-8
  unknown,  // text if it is a JSON object or array of at most kSniffBytes
  opaque,   // never text
};

// A payload as its columns. What it borrows must outlive the statement that binds it.
class Payload {
 public:
  // Writes the chunks of a large one; a small one is only classified. `near`: the content that it
  // follows or replaces, of which it may have much in common.
  static Payload store(engine::Connection& db,
                       BytesView bytes,
                       Form form,
                       std::optional<std::int64_t> near = std::nullopt);

  // One whose chunks are there already.
  static Payload of_content(std::int64_t content_key, std::int64_t raw_bytes);

  std::int64_t raw_bytes() const { return raw_bytes_; }
  // For the column `payload`: text, a blob, or NULL where the content tables have it.
  engine::Value value() const;
  std::optional<std::int64_t> content_key() const { return content_key_; }

 private:
  BytesView bytes_;
  std::int64_t raw_bytes_ = 0;
  bool text_ = false;
  std::optional<std::int64_t> content_key_;
};

// The bytes of a row whose columns raw_bytes, payload, content_key begin at `first_column`.
Bytes load(engine::Connection& db, const engine::Query& row, int first_column);

// Removes a content, and the chunks that nobody else uses. nullopt: nothing to do.
void remove(engine::Connection& db, std::optional<std::int64_t> content_key);

}  // namespace holdfast::content
