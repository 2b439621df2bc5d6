#include "content/json.hpp"

#include "content/json_scanner.hpp"

namespace holdfast::content {

bool is_json(BytesView bytes) {
  JsonScanner json(as_text(bytes));
  return json.next() != JsonScanner::Token::error && json.skip_value() &&
         json.next() == JsonScanner::Token::end;
}

bool is_json_container(BytesView bytes) {
  const std::string_view text = as_text(bytes);
  const std::size_t first = text.find_first_not_of(" \n\t\r");
  if (first == std::string_view::npos) return false;
  return (text[first] == '{' || text[first] == '[') && is_json(bytes);
}

}  // namespace holdfast::content
