// Looks into JSON text without changing a byte of it: hashes of records, and manifests that get one
// more member, depend on the text as it stands, which no parsed document gives back.
//
// Threads  free functions
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::interchange {

// A member of the outermost object.
struct Member {
  std::size_t begin = 0;        // of its name's quote
  std::size_t end = 0;          // after its value
  std::string_view name = {};   // between the quotes, as it stands
  std::string_view value = {};  // as it stands
};

// In their order; none if the text is not an object. REQUIRES: the text is one JSON value.
std::vector<Member> top_level_members(std::string_view json);

// The value of a member whose value is a string without escapes.
std::optional<std::string_view> plain_string(const std::vector<Member>& members,
                                             std::string_view name);

// The text of a string that the field names: a name at the top level, or a JSON pointer.
std::optional<std::string> text_field(std::string_view json, std::string_view field);

// Why a line that no log takes is not one JSON value, for a report; nothing of the line is in it.
std::string why_not_json(std::string_view line);

}  // namespace holdfast::interchange
