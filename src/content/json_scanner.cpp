#include "content/json_scanner.hpp"

#include <array>
#include <charconv>
#include <cstring>

namespace holdfast::content {
namespace {

enum class ByteClass : std::uint8_t { plain, quote, backslash, control, multibyte };

constexpr std::array<ByteClass, 256> make_byte_classes() {
  std::array<ByteClass, 256> classes{};
  for (std::size_t byte = 0; byte < classes.size(); ++byte) {
    classes[byte] = byte < 0x20    ? ByteClass::control
                    : byte == '"'  ? ByteClass::quote
                    : byte == '\\' ? ByteClass::backslash
                    : byte >= 0x80 ? ByteClass::multibyte
                                   : ByteClass::plain;
  }
  return classes;
}

constexpr std::array<ByteClass, 256> kByteClasses = make_byte_classes();

ByteClass class_of(char c) {
  return kByteClasses[static_cast<unsigned char>(c)];
}

// Are eight bytes all of class plain? A byte b is zero in x exactly if (x - 01..) & ~x has its high bit set
// or a lower byte borrowed; a borrow only ever says "no" too early, which costs a second look.
bool all_plain(const char* bytes) {
  constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
  constexpr std::uint64_t kHigh = 0x8080'8080'8080'8080;
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  const std::uint64_t quote = word ^ (kOnes * '"');
  const std::uint64_t backslash = word ^ (kOnes * '\\');
  const std::uint64_t below_space = word - kOnes * 0x20;
  const std::uint64_t special = ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) |
                                (below_space & ~word) | word;
  return (special & kHigh) == 0;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Four hex digits that are known to be there.
std::uint32_t code_unit(std::string_view text, std::size_t position) {
  std::uint32_t unit = 0;
  const char* first = text.data() + position;
  std::from_chars(first, first + 4, unit, 16);
  return unit;
}

void append_utf8(std::string& text, std::uint32_t code_point) {
  const auto push = [&](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  const auto tail = [&](unsigned shift) { push(0x80 | ((code_point >> shift) & 0x3f)); };
  if (code_point < 0x80) {
    push(code_point);
  } else if (code_point < 0x800) {
    push(0xc0 | (code_point >> 6));
    tail(0);
  } else if (code_point < 0x10000) {
    push(0xe0 | (code_point >> 12));
    tail(6);
    tail(0);
  } else {
    push(0xf0 | (code_point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

// The character after a backslash, `u` excepted.
char simple_escape(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:  // quote, backslash, slash: scan_escape let nothing else through
      return c;
  }
}

}  // namespace

JsonScanner::Token JsonScanner::next() {
  return token_ = scan();
}

JsonScanner::Token JsonScanner::scan() {
  skip_space();
  switch (expected_) {
    case Expected::value:
      return scan_value();
    case Expected::value_or_end:
      return at(']') ? close() : scan_value();
    case Expected::name:
      return scan_name();
    case Expected::name_or_end:
      return at('}') ? close() : scan_name();
    case Expected::comma_or_end:
      return after_value();
    case Expected::nothing:
      return Token::error;
  }
  return fail();
}

JsonScanner::Token JsonScanner::after_value() {
  if (depth_ == 0) return position_ == text_.size() ? Token::end : fail();
  if (at(in_object() ? '}' : ']')) return close();
  if (!at(',')) return fail();
  ++position_;
  skip_space();
  return in_object() ? scan_name() : scan_value();
}

JsonScanner::Token JsonScanner::scan_value() {
  if (position_ == text_.size()) return fail();
  const char c = text_[position_];
  expected_ = Expected::comma_or_end;
  switch (c) {
    case '{':
      return open(true);
    case '[':
      return open(false);
    case '"':
      return scan_string() ? Token::string : fail();
    case 't':
      return scan_literal("true");
    case 'f':
      return scan_literal("false");
    case 'n':
      return scan_literal("null");
    default:
      return c == '-' || is_digit(c) ? scan_number() : fail();
  }
}

JsonScanner::Token JsonScanner::scan_name() {
  if (!at('"') || !scan_string()) return fail();
  skip_space();
  if (!at(':')) return fail();
  ++position_;
  expected_ = Expected::value;
  return Token::name;
}

JsonScanner::Token JsonScanner::scan_number() {
  const std::size_t begin = position_;
  if (at('-')) ++position_;
  if (at('0')) {
    ++position_;
  } else if (!scan_digits()) {
    return fail();
  }
  if (at('.')) {
    ++position_;
    if (!scan_digits()) return fail();
  }
  if (at('e') || at('E')) {
    ++position_;
    if (at('+') || at('-')) ++position_;
    if (!scan_digits()) return fail();
  }
  raw_ = text_.substr(begin, position_ - begin);
  return Token::number;
}

JsonScanner::Token JsonScanner::scan_literal(std::string_view word) {
  raw_ = text_.substr(position_, word.size());
  if (raw_ != word) return fail();
  position_ += word.size();
  return Token::literal;
}

JsonScanner::Token JsonScanner::open(bool is_object) {
  if (depth_ == kMaxJsonDepth) return fail();
  raw_ = text_.substr(position_++, 1);
  objects_[depth_++] = is_object;
  expected_ = is_object ? Expected::name_or_end : Expected::value_or_end;
  return is_object ? Token::begin_object : Token::begin_array;
}

JsonScanner::Token JsonScanner::close() {
  raw_ = text_.substr(position_++, 1);
  const bool is_object = in_object();
  --depth_;
  expected_ = Expected::comma_or_end;
  return is_object ? Token::end_object : Token::end_array;
}

JsonScanner::Token JsonScanner::fail() {
  expected_ = Expected::nothing;
  raw_ = {};
  return Token::error;
}

bool JsonScanner::scan_string() {
  const std::size_t begin = ++position_;
  while (skip_plain()) {
    switch (class_of(text_[position_])) {
      case ByteClass::quote:
        raw_ = text_.substr(begin, position_++ - begin);
        return true;
      case ByteClass::backslash:
        if (!scan_escape()) return false;
        break;
      case ByteClass::multibyte:
        if (!scan_multibyte()) return false;
        break;
      case ByteClass::control:
      case ByteClass::plain:
        return false;
    }
  }
  return false;
}

// To the next byte of a string that means something, eight at a time. False: there is none.
bool JsonScanner::skip_plain() {
  const char* const end = text_.data() + text_.size();
  const char* next = text_.data() + position_;
  while (end - next >= 8 && all_plain(next))
    next += 8;
  while (next != end && class_of(*next) == ByteClass::plain)
    ++next;
  position_ = static_cast<std::size_t>(next - text_.data());
  return next != end;
}

bool JsonScanner::scan_escape() {
  if (text_.size() - position_ < 2) return false;
  const char c = text_[position_ + 1];
  if (c != 'u') {
    position_ += 2;
    return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
  }
  if (text_.size() - position_ < 6) return false;
  for (std::size_t i = 2; i < 6; ++i) {
    if (!is_hex(text_[position_ + i])) return false;
  }
  position_ += 6;
  return true;
}

bool JsonScanner::scan_digits() {
  const std::size_t begin = position_;
  while (position_ < text_.size() && is_digit(text_[position_]))
    ++position_;
  return position_ > begin;
}

// One character of two to four bytes: no overlong form, no surrogate, nothing beyond U+10FFFF.
bool JsonScanner::scan_multibyte() {
  const auto byte = [&](std::size_t i) {
    return position_ + i < text_.size() ? static_cast<unsigned char>(text_[position_ + i]) : 0U;
  };
  const unsigned lead = byte(0);
  const unsigned second = byte(1);
  const unsigned low = lead == 0xe0 ? 0xa0U : lead == 0xf0 ? 0x90U : 0x80U;
  const unsigned high = lead == 0xed ? 0x9fU : lead == 0xf4 ? 0x8fU : 0xbfU;
  if (lead < 0xc2 || lead > 0xf4 || second < low || second > high) return false;
  const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return false;
  }
  position_ += length;
  return true;
}

void JsonScanner::skip_space() {
  while (at(' ') || at('\n') || at('\t') || at('\r'))
    ++position_;
}

std::optional<std::string> JsonScanner::unescape(std::string_view raw) {
  std::string text;
  text.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size();) {
    if (raw[i] != '\\') {
      text.push_back(raw[i++]);
      continue;
    }
    if (raw[i + 1] != 'u') {
      text.push_back(simple_escape(raw[i + 1]));
      i += 2;
      continue;
    }
    std::uint32_t code_point = code_unit(raw, i + 2);
    i += 6;
    if (code_point >= 0xdc00 && code_point < 0xe000) return std::nullopt;
    if (code_point >= 0xd800 && code_point < 0xdc00) {
      if (raw.substr(i, 2) != "\\u") return std::nullopt;
      const std::uint32_t low = code_unit(raw, i + 2);
      if (low < 0xdc00 || low > 0xdfff) return std::nullopt;
      code_point = 0x10000 + ((code_point - 0xd800) << 10) + (low - 0xdc00);
      i += 6;
    }
    append_utf8(text, code_point);
  }
  return text;
}

bool JsonScanner::skip_value() {
  if (token_ != Token::begin_object && token_ != Token::begin_array) return token_ != Token::error;
  const std::size_t outside = depth_ - 1;
  while (depth_ > outside) {
    if (next() == Token::error) return false;
  }
  return true;
}

}  // namespace holdfast::content
