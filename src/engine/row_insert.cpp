#include "engine/row_insert.hpp"

#include "engine/failure.hpp"

#include <sqlite3.h>

namespace holdfast::engine {

namespace {

// SQLite takes a null pointer for NULL; empty text and blobs are not NULL.
const void* non_null(BytesView bytes) {
  return bytes.data() == nullptr ? static_cast<const void*>("") : bytes.data();
}

int bind(sqlite3_stmt* statement, int index, const RowValue& value) {
  switch (value.type) {
    case RowValue::Type::null:
      return sqlite3_bind_null(statement, index);
    case RowValue::Type::integer:
      return sqlite3_bind_int64(statement, index, value.integer);
    case RowValue::Type::text:
      return sqlite3_bind_text64(statement,
                                 index,
                                 static_cast<const char*>(non_null(value.bytes)),
                                 value.bytes.size(),
                                 SQLITE_STATIC,
                                 SQLITE_UTF8);
    case RowValue::Type::blob:
      return sqlite3_bind_blob64(
          statement, index, non_null(value.bytes), value.bytes.size(), SQLITE_STATIC);
  }
  return SQLITE_MISUSE;
}

}  // namespace

RowInsert::RowInsert(Connection& connection, const char* sql) {
  if (sqlite3_prepare_v2(connection.handle(), sql, -1, &statement_, nullptr) != SQLITE_OK) {
    fail(connection.handle(), "preparing an insert");
  }
}

RowInsert::~RowInsert() {
  sqlite3_finalize(statement_);
}

bool RowInsert::insert(std::span<const RowValue> row) {
  if (static_cast<std::size_t>(sqlite3_bind_parameter_count(statement_)) != row.size())
    return false;
  int index = 0;
  for (const RowValue& value : row) {
    const int bound = bind(statement_, ++index, value);
    if (bound != SQLITE_OK) fail(bound, "binding a column");
  }
  const int result = sqlite3_step(statement_);
  sqlite3_reset(statement_);
  if (result == SQLITE_DONE) return true;
  if ((result & 0xff) == SQLITE_CONSTRAINT || result == SQLITE_TOOBIG) return false;
  fail(result, "inserting a row");
}

}  // namespace holdfast::engine
