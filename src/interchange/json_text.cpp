#include "interchange/json_text.hpp"

#include "interchange/source_folder.hpp"

#include <nlohmann/json.hpp>

#include <cctype>

namespace holdfast::interchange {

namespace {

constexpr std::string_view kJsonSpace = " \t\r\n";

// Steps over tokens of text that is known to be JSON, so that it need not check anything.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) { skip_space(); }

  std::size_t position() const { return position_; }
  bool at_end() const { return position_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[position_]; }
  void skip_space() {
    while (!at_end() && kJsonSpace.find(text_[position_]) != std::string_view::npos)
      ++position_;
  }
  // One character and the space after it.
  void skip_mark() {
    ++position_;
    skip_space();
  }
  void skip_string() {
    for (++position_; !at_end() && text_[position_] != '"'; ++position_) {
      if (text_[position_] == '\\') ++position_;
    }
    if (!at_end()) ++position_;
  }
  void skip_value() {
    std::size_t depth = 0;
    do {
      const char c = peek();
      if (c == '"') {
        skip_string();
        continue;
      }
      if (depth == 0 && (c == ',' || c == '}' || c == ']')) return;
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++position_;
    } while (!at_end() && (depth > 0 || is_scalar_part(peek())));
  }

 private:
  static bool is_scalar_part(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '+' || c == '-';
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

// Takes nothing, and remembers only where the parser stopped.
class ErrorPlace : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::size_t position() const { return position_; }

  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool string(string_t& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool start_object(std::size_t /*size*/) override { return true; }
  bool key(string_t& /*value*/) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t /*size*/) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position,
                   const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    position_ = position;
    return false;
  }

 private:
  std::size_t position_ = 0;
};

}  // namespace

std::vector<Member> top_level_members(std::string_view json) {
  std::vector<Member> members;
  Cursor cursor(json);
  if (cursor.peek() != '{') return members;
  cursor.skip_mark();
  while (cursor.peek() == '"') {
    Member member;
    member.begin = cursor.position();
    cursor.skip_string();
    member.name = json.substr(member.begin + 1, cursor.position() - member.begin - 2);
    cursor.skip_space();
    cursor.skip_mark();  // the colon
    const std::size_t value = cursor.position();
    cursor.skip_value();
    member.end = cursor.position();
    member.value = json.substr(value, member.end - value);
    members.push_back(member);
    cursor.skip_space();
    if (cursor.peek() == ',') cursor.skip_mark();
  }
  return members;
}

std::optional<std::string_view> plain_string(const std::vector<Member>& members,
                                             std::string_view name) {
  for (const Member& member : members) {
    if (member.name != name) continue;
    const std::string_view value = member.value;
    if (value.size() < 2 || value.front() != '"') return std::nullopt;
    if (value.find('\\') != std::string_view::npos) return std::nullopt;
    return value.substr(1, value.size() - 2);
  }
  return std::nullopt;
}

std::optional<std::string> text_field(std::string_view json, std::string_view field) {
  // Most records are answered without parsing them whole.
  if (!field.starts_with('/')) {
    if (auto text = plain_string(top_level_members(json), field)) return std::string(*text);
  }
  const auto document = nlohmann::json::parse(json, nullptr, false);
  if (document.is_discarded()) return std::nullopt;
  try {
    nlohmann::json::json_pointer pointer;
    if (field.starts_with('/')) {
      pointer = nlohmann::json::json_pointer(std::string(field));
    } else {
      pointer.push_back(std::string(field));
    }
    if (!document.contains(pointer)) return std::nullopt;
    const auto& value = document.at(pointer);
    return value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::string why_not_json(std::string_view line) {
  if (!is_utf8(line)) return "not UTF-8";
  if (line.starts_with("\xef\xbb\xbf")) return "not JSON: it begins with a byte order mark";
  ErrorPlace whole;
  if (nlohmann::json::sax_parse(line, &whole)) return "JSON, but nested too deeply";
  ErrorPlace first;
  const bool begins_well = nlohmann::json::sax_parse(
      line, &first, nlohmann::json::input_format_t::json, /*strict=*/false);
  if (begins_well) {
    return "more than one value on the line, at byte " + std::to_string(whole.position());
  }
  return "not JSON, at byte " + std::to_string(whole.position());
}

}  // namespace holdfast::interchange
