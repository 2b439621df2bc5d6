#include "engine/statement.hpp"

#include "engine/connection.hpp"
#include "engine/failure.hpp"

#include <sqlite3.h>

#include <cassert>

namespace holdfast::engine {

namespace {

// SQLite takes a null pointer for NULL; empty text and blobs are not NULL.
const char* non_null(const void* data) {
  return data == nullptr ? "" : static_cast<const char*>(data);
}

}  // namespace

Query::~Query() {
  sqlite3_reset(statement_);
}

bool Query::step() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  fail(sqlite3_db_handle(statement_), "running a statement");
}

bool Query::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

bool Query::is_text(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_TEXT;
}

std::int64_t Query::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view Query::text(int column) const {
  return as_text(bytes(column));
}

BytesView Query::bytes(int column) const {
  // column_blob of TEXT gives its bytes as they are; the length is asked for afterwards, as SQLite wants.
  const void* data = sqlite3_column_blob(statement_, column);
  if (data == nullptr) return {};
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return {static_cast<const std::byte*>(data), size};
}

std::optional<std::int64_t> Query::optional_integer(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

std::optional<std::string> Query::optional_string(int column) const {
  if (is_null(column)) return std::nullopt;
  return string(column);
}

Statement::Statement(Connection& connection, const char* sql) {
  const int result = sqlite3_prepare_v3(
      connection.handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  if (result != SQLITE_OK) fail(connection.handle(), "preparing a statement");
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

void Statement::begin(std::size_t values) {
  assert(sqlite3_stmt_busy(statement_) == 0);
  assert(static_cast<std::size_t>(sqlite3_bind_parameter_count(statement_)) == values);
  static_cast<void>(values);
}

void Statement::finish(Query& query) {
  [[maybe_unused]] const bool row = query.step();
  assert(!row);
}

std::int64_t Statement::changes() const {
  return sqlite3_changes64(sqlite3_db_handle(statement_));
}

void Statement::bind_integer(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_, index, value);
}

void Statement::bind_text(int index, std::string_view value) {
  const int result = sqlite3_bind_text64(
      statement_, index, non_null(value.data()), value.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (result != SQLITE_OK) fail(result, "binding a text");
}

void Statement::bind_bytes(int index, BytesView value) {
  const int result =
      sqlite3_bind_blob64(statement_, index, non_null(value.data()), value.size(), SQLITE_STATIC);
  if (result != SQLITE_OK) fail(result, "binding a blob");
}

void Statement::bind_value(int index, const Value& value) {
  switch (value.type) {
    case Value::Type::null:
      return bind_null(index);
    case Value::Type::text:
      return bind_text(index, as_text(value.bytes));
    case Value::Type::blob:
      return bind_bytes(index, value.bytes);
  }
}

void Statement::bind_null(int index) {
  sqlite3_bind_null(statement_, index);
}

}  // namespace holdfast::engine
