#include "interchange/file_note.hpp"

#include <nlohmann/json.hpp>

namespace holdfast::interchange {

namespace {

// Ordered, so that what a program wrote there stays in its order.
using Json = nlohmann::ordered_json;

constexpr std::string_view kBlankSpace = " \t\r\n";

std::optional<std::string> with_member(std::string_view metadata, const char* key, Json value) {
  Json document = metadata.empty() ? Json::object() : Json::parse(metadata, nullptr, false);
  if (!document.is_object()) return std::nullopt;
  if (document.contains(key) && document[key] == value) return std::nullopt;
  document[key] = std::move(value);
  return document.dump();
}

Json member(std::string_view metadata, const char* key) {
  if (metadata.empty()) return nullptr;
  const Json document = Json::parse(metadata, nullptr, false);
  if (!document.is_object() || !document.contains(key)) return nullptr;
  return document[key];
}

std::string text_at(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

bool flag_at(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_boolean() && at->get<bool>();
}

// Nothing but white space is taken from there: whoever else writes metadata cannot put records into an
// exported file.
bool is_blank(const Json& pair) {
  return pair.is_array() && pair.size() == 2 && pair[0].is_number_unsigned() &&
         pair[1].is_string() &&
         pair[1].get_ref<const std::string&>().find_first_not_of(kBlankSpace) == std::string::npos;
}

std::vector<std::pair<std::uint64_t, std::string>> blanks_in(const Json& note) {
  std::vector<std::pair<std::uint64_t, std::string>> blanks;
  const auto pairs = note.find("blanks");
  if (pairs == note.end() || !pairs->is_array()) return blanks;
  for (const Json& pair : *pairs) {
    if (!is_blank(pair)) continue;
    blanks.emplace_back(pair[0].get<std::uint64_t>(), pair[1].get<std::string>());
  }
  return blanks;
}

}  // namespace

std::optional<std::string> with_note(std::string_view metadata,
                                     const char* key,
                                     const FileNote& note) {
  Json value = {{"file", note.file}};
  if (note.records) value["records"] = *note.records;
  if (note.unterminated) value["unterminated"] = true;
  if (note.byte_order_mark) value["byte_order_mark"] = true;
  for (const auto& [index, text] : note.blanks)
    value["blanks"].push_back({index, text});
  return with_member(metadata, key, std::move(value));
}

std::optional<std::string> with_note(std::string_view metadata, const SessionFileNote& note) {
  return with_member(metadata, kSessionFileNote, {{"file", note.file}, {"text", note.text}});
}

std::optional<FileNote> file_note(std::string_view metadata, const char* key) {
  const Json value = member(metadata, key);
  if (!value.is_object()) return std::nullopt;
  FileNote note;
  note.file = text_at(value, "file");
  note.unterminated = flag_at(value, "unterminated");
  note.byte_order_mark = flag_at(value, "byte_order_mark");
  const auto records = value.find("records");
  if (records != value.end() && records->is_number_unsigned()) {
    note.records = records->get<std::uint64_t>();
  }
  note.blanks = blanks_in(value);
  return note;
}

std::optional<SessionFileNote> session_file_note(std::string_view metadata) {
  const Json value = member(metadata, kSessionFileNote);
  if (!value.is_object()) return std::nullopt;
  SessionFileNote note{text_at(value, "file"), text_at(value, "text")};
  return note.file.empty() ? std::nullopt : std::optional(std::move(note));
}

}  // namespace holdfast::interchange
