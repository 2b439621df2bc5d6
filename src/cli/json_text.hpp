// JSON as the command writes it: numbers exact to 64 bits, payloads that are JSON verbatim.
//
// Text is put together piece by piece, since a payload must reach the reader as it was given:
// parsed and printed again, its numbers beyond 64 bits and its doubles would change.
#pragma once

#include "holdfast/bytes.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::cli {

// A string with its quotes; bytes that are not UTF-8 become U+FFFD.
std::string json_string(std::string_view text);
bool is_json(BytesView bytes);
// RFC 4648, with padding.
std::string base64(BytesView bytes);

// An object, member after member, in the order of the calls.
class JsonObject {
 public:
  JsonObject& add(std::string_view name, std::string_view text);
  JsonObject& add(std::string_view name, std::uint64_t number);
  JsonObject& add(std::string_view name, std::int64_t number);
  // Not add(): text literals would convert to bool before they do to a string_view.
  JsonObject& add_flag(std::string_view name, bool value);
  JsonObject& add_null(std::string_view name);
  // One JSON value, taken as it is, but for line breaks between its parts, which become blanks: one
  // object stays one line.
  JsonObject& add_json(std::string_view name, std::string_view json);
  // "json": the value where the bytes are JSON, else "base64": text.
  JsonObject& add_payload(BytesView bytes);

  std::string str() const { return text_ + "}"; }

 private:
  JsonObject& begin(std::string_view name);
  std::string text_ = "{";
};

// An array of values that are JSON already, each on a line of its own.
class JsonArray {
 public:
  void add(std::string_view json);
  std::string str() const { return text_.empty() ? "[]" : "[\n" + text_ + "\n]"; }

 private:
  std::string text_;
};

}  // namespace holdfast::cli
