#include "log/entry_fields.hpp"

#include "content/json_scanner.hpp"
#include "holdfast/limits.hpp"
#include "log/iso_time.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

namespace holdfast::log {
namespace {

using content::JsonScanner;
using Token = content::JsonScanner::Token;

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

std::optional<std::int64_t> milliseconds_as_us(std::string_view text) {
  constexpr std::int64_t kMaxMs = std::numeric_limits<std::int64_t>::max() / 1000;
  if (const auto whole = number_of<std::int64_t>(text)) {
    if (*whole < -kMaxMs || *whole > kMaxMs) return std::nullopt;
    return *whole * 1000;
  }
  const auto milliseconds = number_of<double>(text);
  if (!milliseconds || std::abs(*milliseconds) >= static_cast<double>(kMaxMs)) return std::nullopt;
  return std::llround(*milliseconds * 1000);
}

class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : json_(text) {}

  std::optional<EntryFields> read() {
    switch (json_.next()) {
      case Token::begin_object:
        if (!read_members()) return std::nullopt;
        break;
      case Token::string:
        fields_.kind = text_of(json_.raw(), kMaxKindBytes);
        break;
      default:
        if (!json_.skip_value()) return std::nullopt;
    }
    if (json_.next() != Token::end) return std::nullopt;
    return std::move(fields_);
  }

 private:
  bool read_members() {
    std::optional<std::string> type;
    std::string_view first_name;
    std::size_t members = 0;
    while (json_.next() == Token::name) {
      if (++members == 1) first_name = json_.raw();
      const std::string_view name = member_name();
      const Token value = json_.next();
      if (name == "kind" && value == Token::string && !fields_.kind) {
        fields_.kind = text_of(json_.raw(), kMaxKindBytes);
      } else if (name == "type" && value == Token::string && !type) {
        type = text_of(json_.raw(), kMaxKindBytes);
      } else if (!read_member(name, value)) {
        return false;
      }
    }
    if (!fields_.kind) fields_.kind = std::move(type);
    if (!fields_.kind && members == 1) fields_.kind = text_of(first_name, kMaxKindBytes);
    fields_.time_us = ts_us_ ? ts_us_ : timestamp_us_;
    return json_.token() == Token::end_object;
  }

  bool read_member(std::string_view name, Token value) {
    if (value == Token::number) {
      if (name == "ts" && !ts_us_) ts_us_ = milliseconds_as_us(json_.raw());
      if (name == "timestamp" && !timestamp_us_) timestamp_us_ = milliseconds_as_us(json_.raw());
      if (name == "turn_count" && !fields_.turn) fields_.turn = count_value();
    } else if (value == Token::string) {
      if (name == "timestamp" && !timestamp_us_) timestamp_us_ = iso_time_value();
    } else if (value == Token::begin_object) {
      if (name == "forked_from") return read_origin(fields_.forked_from);
      if (name == "compacted_from") return read_origin(fields_.compacted_from);
    }
    return json_.skip_value();
  }

  bool read_origin(std::optional<Origin>& field) {
    std::optional<std::string> segment;
    std::optional<std::int64_t> turn;
    while (json_.next() == Token::name) {
      const std::string_view name = member_name();
      const Token value = json_.next();
      if (name == "segment_id" && value == Token::string && !segment) {
        segment = text_of(json_.raw(), kMaxIdBytes);
      } else if (name == "at_turn_index" && value == Token::number && !turn) {
        turn = count_value();
      } else if (!json_.skip_value()) {
        return false;
      }
    }
    if (!field && segment && !segment->empty()) field = Origin{std::move(*segment), turn};
    return json_.token() == Token::end_object;
  }

  // Absent where it is too long, or is no text that a column can hold and a person search for.
  static std::optional<std::string> text_of(std::string_view raw, std::size_t max_bytes) {
    constexpr std::size_t kLongestEscape = 6;
    if (raw.size() > kLongestEscape * max_bytes) return std::nullopt;
    auto text = JsonScanner::unescape(raw);
    if (!text || text->size() > max_bytes || text->find('\0') != std::string::npos) {
      return std::nullopt;
    }
    return text;
  }

  // Until the next call.
  std::string_view member_name() {
    constexpr std::size_t kLongestName = 64;  // no name that is looked for comes near
    if (json_.raw().find('\\') == std::string_view::npos) return json_.raw();
    name_ = text_of(json_.raw(), kLongestName).value_or(std::string());
    return name_;
  }

  std::optional<std::int64_t> iso_time_value() const {
    constexpr std::size_t kLongestTime = 64;
    const auto text = text_of(json_.raw(), kLongestTime);
    return text ? parse_iso_time_us(*text) : std::nullopt;
  }

  std::optional<std::int64_t> count_value() const {
    const auto value = number_of<std::int64_t>(json_.raw());
    return value && *value >= 0 ? value : std::nullopt;
  }

  JsonScanner json_;
  EntryFields fields_;
  std::string name_;
  std::optional<std::int64_t> ts_us_;
  std::optional<std::int64_t> timestamp_us_;
};

}  // namespace

std::optional<EntryFields> scan_json(BytesView bytes) {
  return FieldReader(as_text(bytes)).read();
}

std::optional<EntryFields> scan_entry(BytesView entry) {
  if (!entry.empty() && std::memchr(entry.data(), '\n', entry.size()) != nullptr) {
    return std::nullopt;
  }
  return scan_json(entry);
}

}  // namespace holdfast::log
