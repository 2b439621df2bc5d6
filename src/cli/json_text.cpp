#include "cli/json_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace holdfast::cli {

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool is_json(BytesView bytes) {
  const std::string_view text = as_text(bytes);
  // The parser takes a byte order mark for blank, and a NUL for the end of the text.
  if (text.starts_with("\xef\xbb\xbf") || text.find('\0') != std::string_view::npos) return false;
  return nlohmann::json::accept(text);
}

std::string base64(BytesView bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  result.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t taken = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t bits = 0;
    for (std::size_t index = 0; index < 3; ++index) {
      bits = bits << 8U | (index < taken ? std::to_integer<std::uint32_t>(bytes[at + index]) : 0U);
    }
    for (std::size_t index = 0; index < 4; ++index) {
      const std::uint32_t digit = bits >> (18U - 6U * static_cast<unsigned>(index)) & 0x3fU;
      result += index <= taken ? kAlphabet[digit] : '=';
    }
  }
  return result;
}

JsonObject& JsonObject::begin(std::string_view name) {
  if (text_.size() > 1) text_ += ", ";
  text_ += json_string(name) + ": ";
  return *this;
}

JsonObject& JsonObject::add(std::string_view name, std::string_view text) {
  begin(name).text_ += json_string(text);
  return *this;
}

JsonObject& JsonObject::add(std::string_view name, std::uint64_t number) {
  begin(name).text_ += std::to_string(number);
  return *this;
}

JsonObject& JsonObject::add(std::string_view name, std::int64_t number) {
  begin(name).text_ += std::to_string(number);
  return *this;
}

JsonObject& JsonObject::add_flag(std::string_view name, bool value) {
  begin(name).text_ += value ? "true" : "false";
  return *this;
}

JsonObject& JsonObject::add_null(std::string_view name) {
  begin(name).text_ += "null";
  return *this;
}

JsonObject& JsonObject::add_json(std::string_view name, std::string_view json) {
  const std::size_t start = begin(name).text_.size();
  text_ += json;
  // Inside a string a line break is always escaped, so that those found here stand between tokens.
  const auto from = text_.begin() + static_cast<std::ptrdiff_t>(start);
  std::replace_if(
      from, text_.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return *this;
}

JsonObject& JsonObject::add_payload(BytesView bytes) {
  if (is_json(bytes)) return add_json("json", as_text(bytes));
  return add("base64", base64(bytes));
}

void JsonArray::add(std::string_view json) {
  if (!text_.empty()) text_ += ",\n";
  text_ += json;
}

}  // namespace holdfast::cli
