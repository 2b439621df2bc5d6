// A plain SQLite connection, as a person's shell or another program has: to look at views, and to damage
// rows on purpose. Only for files that holdfast has not open in this process: closing it would drop the
// engine's locks.
#pragma once

#include "vfs/shim.hpp"

#include <sqlite3.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace holdfast::test {

class PlainSqlite {
 public:
  // What a row has in its columns, as text; nothing for NULL.
  using Row = std::vector<std::optional<std::string>>;

  static constexpr int kCreate = SQLITE_OPEN_CREATE;

  explicit PlainSqlite(const std::string& path, int more_flags = 0, const char* vfs = nullptr) {
    const int flags = SQLITE_OPEN_READWRITE | more_flags;
    if (sqlite3_open_v2(path.c_str(), &handle_, flags, vfs) != SQLITE_OK) {
      const std::string message = sqlite3_errmsg(handle_);
      sqlite3_close_v2(handle_);
      throw std::runtime_error("cannot open " + path + ": " + message);
    }
  }
  PlainSqlite(const PlainSqlite&) = delete;
  PlainSqlite& operator=(const PlainSqlite&) = delete;
  ~PlainSqlite() { sqlite3_close_v2(handle_); }

  // Runs all statements of the text.
  void run(const std::string& sql) {
    if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) throw_error();
  }

  std::vector<Row> rows(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
      throw_error();
    std::vector<Row> rows;
    int result = sqlite3_step(statement);
    for (; result == SQLITE_ROW; result = sqlite3_step(statement))
      rows.push_back(row_of(statement));
    sqlite3_finalize(statement);
    if (result != SQLITE_DONE) throw_error();
    return rows;
  }

  // The first column of the first row; it must be there and not NULL.
  std::string text(const std::string& sql) {
    const auto found = rows(sql);
    if (found.empty() || !found.front().front()) throw std::runtime_error("no value: " + sql);
    return *found.front().front();
  }
  long long integer(const std::string& sql) { return std::stoll(text(sql)); }

 private:
  static Row row_of(sqlite3_stmt* statement) {
    Row row;
    for (int column = 0; column < sqlite3_column_count(statement); ++column) {
      const auto* text = static_cast<const char*>(sqlite3_column_blob(statement, column));
      const auto bytes = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
      const bool is_null = sqlite3_column_type(statement, column) == SQLITE_NULL;
      row.push_back(is_null ? std::nullopt : std::optional(std::string(text, text + bytes)));
    }
    return row;
  }
  [[noreturn]] void throw_error() { throw std::runtime_error(sqlite3_errmsg(handle_)); }

  sqlite3* handle_ = nullptr;
};

// The same, but what it writes has whole pages, seals and all: to damage a row and nothing else. A
// plain connection leaves every row of the page unreadable.
class RowEditor {
 public:
  explicit RowEditor(const std::string& path) : sqlite_(path, 0, shim_.name().c_str()) {}
  PlainSqlite* operator->() { return &sqlite_; }

 private:
  vfs::Shim shim_;
  PlainSqlite sqlite_;
};

}  // namespace holdfast::test
