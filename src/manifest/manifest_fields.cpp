#include "manifest/manifest_fields.hpp"

#include "content/json_scanner.hpp"
#include "holdfast/error.hpp"
#include "holdfast/limits.hpp"

#include <array>
#include <bitset>
#include <charconv>
#include <map>
#include <tuple>

namespace holdfast::manifest {
namespace {

using content::JsonScanner;
using Token = JsonScanner::Token;

[[noreturn]] void refuse(const std::string& reason) {
  throw Error(ErrorCode::invalid_argument, "this is not a checkpoint manifest: " + reason);
}

class FieldReader {
 public:
  explicit FieldReader(std::string_view json) : json_(json) {}
  ManifestFields read();

 private:
  struct Field {
    std::string_view name;
    bool required;
    void (FieldReader::*read)();
  };
  static const std::array<Field, 11> kFields;

  // Each of these is called at the token that begins the value, and leaves its last one.
  void read_version() { fields_.version = number(); }
  void read_checkpoint_id() { fields_.checkpoint_id = limited_number(); }
  void read_epoch() { fields_.epoch = limited_number(); }
  void read_timestamp_ms() { fields_.timestamp_ms = limited_number(); }
  void read_vnode_count() { fields_.vnode_count = number(); }
  void read_state_checksum() { fields_.state_checksum = text(); }
  void read_sink_epochs() { read_names(fields_.sink_epochs); }
  void read_source_offsets() { read_names(fields_.source_offsets); }
  void read_source_names();
  void read_sink_commit_statuses();
  void read_operator_states();

  void read_names(std::set<std::string>& names);
  void read_status();
  std::optional<std::string_view> read_operator();
  template <class Visit>
  void each_member(std::set<std::string>& names, Visit visit);

  void advance();
  void skip();
  bool is_null() const { return json_.token() == Token::literal && json_.raw() == "null"; }
  std::uint64_t number() const;
  std::uint64_t limited_number() const;
  std::string text() const;
  [[noreturn]] void refuse_field(std::string_view what) const;

  JsonScanner json_;
  std::string_view field_ = "(none)";  // the one that is being read: it names a refusal
  ManifestFields fields_;
};

const std::array<FieldReader::Field, 11> FieldReader::kFields = {{
    {"version", true, &FieldReader::read_version},
    {"checkpoint_id", true, &FieldReader::read_checkpoint_id},
    {"epoch", true, &FieldReader::read_epoch},
    {"timestamp_ms", true, &FieldReader::read_timestamp_ms},
    {"sink_epochs", false, &FieldReader::read_sink_epochs},
    {"sink_commit_statuses", false, &FieldReader::read_sink_commit_statuses},
    {"source_offsets", false, &FieldReader::read_source_offsets},
    {"source_names", false, &FieldReader::read_source_names},
    {"operator_states", false, &FieldReader::read_operator_states},
    {"vnode_count", false, &FieldReader::read_vnode_count},
    {"state_checksum", false, &FieldReader::read_state_checksum},
}};

ManifestFields FieldReader::read() {
  std::bitset<std::tuple_size_v<decltype(kFields)>> seen;
  advance();
  if (json_.token() != Token::begin_object) refuse("it is no JSON object");
  for (advance(); json_.token() == Token::name; advance()) {
    // What is not Unicode text is none of the names known here.
    const std::string name = JsonScanner::unescape(json_.raw()).value_or("");
    advance();
    std::size_t index = 0;
    while (index < kFields.size() && kFields[index].name != name)
      ++index;
    if (index == kFields.size()) {
      skip();
      continue;
    }
    const Field& field = kFields[index];
    field_ = field.name;
    if (seen.test(index)) refuse_field("stands there twice");
    seen.set(index);
    if (field.required || !is_null()) (this->*field.read)();
  }
  advance();
  if (json_.token() != Token::end) refuse("something follows the JSON object");
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    field_ = kFields[i].name;
    if (kFields[i].required && !seen.test(i)) refuse_field("is missing");
  }
  return std::move(fields_);
}

void FieldReader::read_source_names() {
  if (json_.token() != Token::begin_array) refuse_field("is no array of texts");
  for (advance(); json_.token() != Token::end_array; advance()) {
    fields_.source_names.insert(text());
  }
}

void FieldReader::read_sink_commit_statuses() {
  each_member(fields_.sink_commit_statuses, [&](const std::string&) { read_status(); });
}

void FieldReader::read_operator_states() {
  std::set<std::string> names;
  std::map<std::string, std::string_view> states;  // in byte order of names, as in the digest
  each_member(names, [&](const std::string& name) {
    if (auto state = read_operator()) states.emplace(name, *state);
  });
  if (states.empty()) return;
  content::Sha256 digest;
  const BytesView separator(std::string_view("\0", 1));
  for (const auto& [name, raw] : states) {
    const auto state = JsonScanner::unescape(raw);
    if (!state) refuse_field("holds a state that is not Unicode text");
    digest.update(name).update(separator).update(*state).update(separator);
  }
  fields_.inline_digest = digest.finish();
}

void FieldReader::read_names(std::set<std::string>& names) {
  each_member(names, [&](const std::string&) { skip(); });
}

// "Pending", "Committed", or {"Failed": why}. What is none of these must not pass for committed.
void FieldReader::read_status() {
  if (json_.token() == Token::string) {
    const std::string status = text();
    if (status == "Pending") {
      fields_.committed = false;
    } else if (status != "Committed") {
      refuse_field("holds an unknown status");
    }
    return;
  }
  std::set<std::string> names;
  each_member(names, [&](const std::string& name) {
    if (name != "Failed") refuse_field("holds an unknown status");
    skip();
  });
  if (names.empty()) refuse_field("holds an unknown status");
  fields_.committed = false;
}

// The base64 text of an operator's state as it stands in the JSON, if it does.
std::optional<std::string_view> FieldReader::read_operator() {
  std::optional<std::string_view> state;
  std::set<std::string> names;
  each_member(names, [&](const std::string& name) {
    if (name == "state_b64" && !is_null()) {
      if (json_.token() != Token::string) refuse_field("holds a state that is no text");
      state = json_.raw();
    } else if (name == "external") {
      if (json_.token() != Token::literal || is_null()) refuse_field("holds an unknown `external`");
      if (json_.raw() == "true") fields_.has_external_state = true;
    } else {
      skip();
    }
  });
  return state;
}

// Calls visit(name) at the first token of each member's value; it leaves the last one.
template <class Visit>
void FieldReader::each_member(std::set<std::string>& names, Visit visit) {
  if (json_.token() != Token::begin_object) refuse_field("holds something else than an object");
  for (advance(); json_.token() == Token::name; advance()) {
    const auto name = JsonScanner::unescape(json_.raw());
    if (!name) refuse_field("holds a name that is not Unicode text");
    if (!names.insert(*name).second) refuse_field("holds a name twice");
    advance();
    visit(*name);
  }
}

void FieldReader::advance() {
  if (json_.next() == Token::error) refuse("it is not valid JSON");
}

void FieldReader::skip() {
  if (!json_.skip_value()) refuse("it is not valid JSON");
}

std::uint64_t FieldReader::number() const {
  std::uint64_t value = 0;
  const std::string_view raw = json_.raw();
  const auto parsed = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (json_.token() != Token::number || parsed.ec != std::errc() ||
      parsed.ptr != raw.data() + raw.size()) {
    refuse_field("is no whole number from 0 to 2^64-1");
  }
  return value;
}

std::uint64_t FieldReader::limited_number() const {
  const std::uint64_t value = number();
  if (value > kMaxNumber) refuse_field("is above 2^63-1");
  return value;
}

std::string FieldReader::text() const {
  auto text = json_.token() == Token::string ? JsonScanner::unescape(json_.raw()) : std::nullopt;
  if (!text) refuse_field("holds something else than a text");
  return std::move(*text);
}

void FieldReader::refuse_field(std::string_view what) const {
  refuse(std::string(field_).append(" ").append(what));
}

}  // namespace

ManifestFields read_fields(std::string_view json) {
  return FieldReader(json).read();
}

std::optional<ManifestFields> find_fields(std::string_view json) {
  try {
    return read_fields(json);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_argument) throw;
    return std::nullopt;
  }
}

}  // namespace holdfast::manifest
