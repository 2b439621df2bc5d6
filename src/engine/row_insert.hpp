// Inserts rows whose columns are known at run time only: those that salvage found.
//
// Errors   as engine/failure.hpp maps SQLite's codes, but for a row that the schema refuses
// Threads  those of the connection
#pragma once

#include "engine/connection.hpp"
#include "holdfast/bytes.hpp"

#include <cstdint>
#include <span>

struct sqlite3_stmt;

namespace holdfast::engine {

// A column: NULL, INTEGER, TEXT or BLOB. It borrows its bytes.
struct RowValue {
  enum class Type : std::uint8_t { null, integer, text, blob };
  Type type = Type::null;
  std::int64_t integer = 0;
  BytesView bytes = {};
};

class RowInsert {
 public:
  // `sql` is a literal, with one parameter per column.
  RowInsert(Connection& connection, const char* sql);
  RowInsert(const RowInsert&) = delete;
  RowInsert& operator=(const RowInsert&) = delete;
  ~RowInsert();

  // False: a constraint of the schema refuses the row, or its number of columns is another one.
  bool insert(std::span<const RowValue> row);

 private:
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace holdfast::engine
