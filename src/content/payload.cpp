#include "content/payload.hpp"

#include "content/content_store.hpp"
#include "content/json.hpp"
#include "defect.hpp"
#include "holdfast/error.hpp"

namespace holdfast::content {
namespace {

[[noreturn]] void throw_corrupt(const char* message) {
  throw Error(ErrorCode::corrupt, message);
}

}  // namespace

Payload Payload::store(engine::Connection& db,
                       BytesView bytes,
                       Form form,
                       std::optional<std::int64_t> near) {
  Payload payload;
  payload.bytes_ = bytes;
  payload.raw_bytes_ = static_cast<std::int64_t>(bytes.size());
  if (bytes.size() > kInlineBytes) {
    payload.content_key_ = store_content(db, bytes, near);
  } else {
    payload.text_ = form == Form::json || (form == Form::unknown && bytes.size() <= kSniffBytes &&
                                           is_json_container(bytes));
  }
  return payload;
}

Payload Payload::of_content(std::int64_t content_key, std::int64_t raw_bytes) {
  Payload payload;
  payload.raw_bytes_ = raw_bytes;
  payload.content_key_ = content_key;
  return payload;
}

engine::Value Payload::value() const {
  if (content_key_) return {};
  return {text_ ? engine::Value::Type::text : engine::Value::Type::blob, bytes_};
}

Bytes load(engine::Connection& db, const engine::Query& row, int first_column) {
  const std::int64_t raw_bytes = row.integer(first_column);
  if (const auto content_key = row.optional_integer(first_column + 2)) {
    return load_content(db, *content_key, raw_bytes);
  }
  const BytesView bytes = row.bytes(first_column + 1);
  if (row.is_null(first_column + 1) || static_cast<std::int64_t>(bytes.size()) != raw_bytes) {
    throw_corrupt("a payload is missing, or has another length than its row says");
  }
  return to_bytes(bytes);
}

void remove(engine::Connection& db, std::optional<std::int64_t> content_key) {
  if (planted("content_left_behind")) return;
  if (content_key) remove_content(db, *content_key);
}

}  // namespace holdfast::content
