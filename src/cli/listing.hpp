// What commands print: a listing (rows of the same columns) or a record (one thing's fields), as a
// table for people or as JSON for programs.
//
// Shape    a column's kind says how its cells look: people read 1.2 KiB and
//          2026-01-31T12:00:00.000Z where programs get the number under a name that ends in its
//          unit
// Threads  plain values
#pragma once

#include "cli/output.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace holdfast::cli {

enum class Kind {
  text,
  count,    // right-aligned, in groups of three digits
  number,   // right-aligned, as it would be typed: ids, sequence numbers
  bytes,    // right-aligned, in human units
  time_ms,  // since the epoch
  time_us,
  time_ns,
  hex64,  // 64 opaque bits: text in JSON too, since not every reader of JSON has 64 bits
  flag,   // yes or no
  json,   // a JSON value, verbatim: for programs only
};

struct Column {
  const char* name;   // in JSON: snake case, units last
  const char* title;  // for people
  Kind kind = Kind::text;
};

// Nothing: null, or an empty place.
using Cell = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, std::string>;

class Listing {
 public:
  explicit Listing(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<Cell> row);
  std::size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }

  // Aligned, with a line of titles; nothing at all if there are no rows.
  std::string table() const;
  // An array with an object per row.
  std::string json() const;
  void print(Output& out, bool as_json) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

class Record {
 public:
  Record& add(const Column& column, Cell cell);

  // A field per line: "title  value".
  std::string table() const;
  // One object on one line.
  std::string json() const;
  void print(Output& out, bool as_json) const;

 private:
  std::vector<std::pair<Column, Cell>> fields_;
};

}  // namespace holdfast::cli
