// Steps through the tokens of one JSON value, checking every byte of it.
//
//   JsonScanner json(text);
//   while (json.next() != Token::end) if (json.token() == Token::error) return false;
//
// Strict RFC 8259: one value in UTF-8, without a byte order mark. Numbers stay text, so that none loses
// a bit; escapes that name half a surrogate pair are taken, since writers in JavaScript and Python make
// them and the bytes are kept as they are anyway. Nothing is allocated, nothing recurses, and nesting
// deeper than kMaxJsonDepth is an error (SQLite's own limit, beyond which ->> fails, is higher).
//
// Why not the JSON library that reads manifests: it copies each string and looks each byte up through
// three calls (a tenth of this scanner's speed, on the way of every append), refuses those escapes and
// numbers beyond a double, and skips a byte order mark, at which ->> fails.
//
// Threads  plain value; it borrows the text
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::content {

inline constexpr std::size_t kMaxJsonDepth = 512;

class JsonScanner {
 public:
  enum class Token : std::uint8_t {
    begin_object,
    end_object,
    begin_array,
    end_array,
    name,  // of a member; its value is the next token
    string,
    number,
    literal,  // true, false, null
    end,      // of the text, after one whole value; again at every further next()
    error,    // this is not JSON; again at every further next()
  };

  explicit JsonScanner(std::string_view text) : text_(text) {}

  Token next();
  Token token() const { return token_; }
  // How many objects and arrays are open after the token.
  std::size_t depth() const { return depth_; }

  // The token as it stands; of a name or string what is between the quotes.
  std::string_view raw() const { return raw_; }
  // What a raw name or string stands for. nullopt: it is not Unicode text.
  static std::optional<std::string> unescape(std::string_view raw);

  // After the token that begins a value: moves to the last token of that value. False: error.
  bool skip_value();

 private:
  enum class Expected : std::uint8_t {
    value,
    value_or_end,
    name,
    name_or_end,
    comma_or_end,
    nothing,  // after an error
  };

  Token scan();
  Token scan_value();
  Token scan_name();
  Token scan_number();
  Token scan_literal(std::string_view word);
  Token after_value();
  Token open(bool is_object);
  Token close();
  Token fail();
  bool scan_string();
  bool skip_plain();
  bool scan_escape();
  bool scan_digits();
  bool scan_multibyte();
  void skip_space();
  bool at(char c) const { return position_ < text_.size() && text_[position_] == c; }
  bool in_object() const { return depth_ > 0 && objects_[depth_ - 1]; }

  std::string_view text_;
  std::size_t position_ = 0;
  std::string_view raw_;
  Token token_ = Token::error;
  Expected expected_ = Expected::value;
  std::size_t depth_ = 0;
  std::bitset<kMaxJsonDepth> objects_;  // of each open container: is it an object?
};

}  // namespace holdfast::content
