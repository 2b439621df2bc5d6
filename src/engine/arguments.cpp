#include "engine/arguments.hpp"

#include "holdfast/error.hpp"
#include "holdfast/limits.hpp"

#include <string>

namespace holdfast::engine {

namespace {

// Bytes of the UTF-8 sequence that begins at `text[0]`, or 0 if none does: over-long forms,
// surrogates and code points beyond U+10FFFF are none (RFC 3629, section 4).
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;  // bounds of the second byte
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (text.size() < length || byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

void check_text(std::string_view what, std::string_view text) {
  const std::string name(what);
  if (text.size() > kMaxIdBytes) {
    throw Error(ErrorCode::too_large,
                name + " id is longer than 1,024 bytes",
                {.expected = kMaxIdBytes, .actual = text.size()});
  }
  if (text.find('\0') != std::string_view::npos) {
    throw Error(ErrorCode::invalid_argument, name + " id holds a NUL");
  }
  if (!is_utf8(text)) throw Error(ErrorCode::invalid_argument, name + " id is not UTF-8");
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void check_id(std::string_view what, const IdRef& id) {
  if (id.text().empty()) {
    throw Error(ErrorCode::invalid_argument, std::string(what) + " id is empty");
  }
  check_text(what, id.text());
}

void check_stream_name(const IdRef& name) {
  check_text("stream", name.text());
}

void check_number(std::string_view what, std::uint64_t number) {
  if (number <= kMaxNumber) return;
  throw Error(ErrorCode::invalid_argument,
              std::string(what) + " is above 2^63-1",
              {.expected = kMaxNumber, .actual = number});
}

void check_key(BytesView key) {
  if (key.size() <= kMaxKeyBytes) return;
  throw Error(ErrorCode::too_large,
              "key is longer than 65,535 bytes",
              {.expected = kMaxKeyBytes, .actual = key.size()});
}

}  // namespace holdfast::engine
