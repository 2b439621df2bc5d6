#include "cli/listing.hpp"

#include "cli/format.hpp"
#include "cli/json_text.hpp"

#include <algorithm>
#include <cassert>

namespace holdfast::cli {

namespace {

constexpr std::string_view kGap = "  ";

bool is_right_aligned(Kind kind) {
  return kind == Kind::count || kind == Kind::number || kind == Kind::bytes;
}

std::uint64_t as_unsigned(const Cell& cell) {
  if (const auto* number = std::get_if<std::int64_t>(&cell))
    return static_cast<std::uint64_t>(*number);
  return std::get<std::uint64_t>(cell);
}

std::int64_t as_signed(const Cell& cell) {
  return static_cast<std::int64_t>(as_unsigned(cell));
}

std::string people_text(Kind kind, const Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) return "";
  switch (kind) {
    case Kind::text:
      return printable(std::get<std::string>(cell));
    case Kind::count:
      if (const auto* number = std::get_if<std::int64_t>(&cell)) return human_count(*number);
      return human_count(std::get<std::uint64_t>(cell));
    case Kind::number:
      if (const auto* number = std::get_if<std::int64_t>(&cell)) return std::to_string(*number);
      return std::to_string(std::get<std::uint64_t>(cell));
    case Kind::bytes:
      return human_bytes(as_unsigned(cell));
    case Kind::time_ms:
      return iso_time_of_ms(as_unsigned(cell));
    case Kind::time_us:
      return iso_time(as_signed(cell));
    case Kind::time_ns:
      return iso_time(as_signed(cell) / 1000);
    case Kind::hex64:
      return hex64(as_unsigned(cell));
    case Kind::flag:
      return std::get<bool>(cell) ? "yes" : "no";
    case Kind::json:
      return "";
  }
  return "";
}

void add_json_member(JsonObject& object, const Column& column, const Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) {
    object.add_null(column.name);
  } else if (column.kind == Kind::json) {
    object.add_json(column.name, std::get<std::string>(cell));
  } else if (column.kind == Kind::hex64) {
    object.add(column.name, hex64(as_unsigned(cell)));
  } else if (const auto* flag = std::get_if<bool>(&cell)) {
    object.add_flag(column.name, *flag);
  } else if (const auto* number = std::get_if<std::int64_t>(&cell)) {
    object.add(column.name, *number);
  } else if (const auto* count = std::get_if<std::uint64_t>(&cell)) {
    object.add(column.name, *count);
  } else {
    object.add(column.name, std::get<std::string>(cell));
  }
}

void append_padded(std::string& line, std::string_view text, std::size_t width, bool right) {
  const std::size_t taken = display_width(text);
  const std::string blanks(width > taken ? width - taken : 0, ' ');
  if (right) line += blanks;
  line += text;
  if (!right) line += blanks;
}

void end_line(std::string& text, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + "\n";
}

}  // namespace

void Listing::add(std::vector<Cell> row) {
  assert(row.size() == columns_.size());
  rows_.push_back(std::move(row));
}

std::string Listing::table() const {
  if (rows_.empty()) return "";
  std::vector<std::vector<std::string>> lines(1);
  for (const auto& column : columns_)
    lines[0].emplace_back(column.title);
  for (const auto& row : rows_) {
    auto& line = lines.emplace_back();
    for (std::size_t at = 0; at < row.size(); ++at) {
      line.push_back(people_text(columns_[at].kind, row[at]));
    }
  }
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& line : lines) {
    for (std::size_t at = 0; at < line.size(); ++at) {
      widths[at] = std::max(widths[at], display_width(line[at]));
    }
  }
  std::string text;
  for (const auto& cells : lines) {
    std::string line;
    for (std::size_t at = 0; at < cells.size(); ++at) {
      if (columns_[at].kind == Kind::json) continue;
      if (!line.empty()) line += kGap;
      append_padded(line, cells[at], widths[at], is_right_aligned(columns_[at].kind));
    }
    end_line(text, std::move(line));
  }
  return text;
}

std::string Listing::json() const {
  JsonArray array;
  for (const auto& row : rows_) {
    JsonObject object;
    for (std::size_t at = 0; at < row.size(); ++at)
      add_json_member(object, columns_[at], row[at]);
    array.add(object.str());
  }
  return array.str();
}

void Listing::print(Output& out, bool as_json) const {
  out.write(as_json ? json() + "\n" : table());
}

Record& Record::add(const Column& column, Cell cell) {
  fields_.emplace_back(column, std::move(cell));
  return *this;
}

std::string Record::table() const {
  std::size_t width = 0;
  for (const auto& [column, cell] : fields_) {
    if (column.kind != Kind::json) width = std::max(width, display_width(column.title));
  }
  std::string text;
  for (const auto& [column, cell] : fields_) {
    if (column.kind == Kind::json || std::holds_alternative<std::monostate>(cell)) continue;
    std::string line;
    append_padded(line, column.title, width, false);
    line += kGap;
    line += people_text(column.kind, cell);
    end_line(text, std::move(line));
  }
  return text;
}

std::string Record::json() const {
  JsonObject object;
  for (const auto& [column, cell] : fields_)
    add_json_member(object, column, cell);
  return object.str();
}

void Record::print(Output& out, bool as_json) const {
  out.write(as_json ? json() + "\n" : table());
}

}  // namespace holdfast::cli
