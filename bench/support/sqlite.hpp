// Bare SQLite with prepared statements: the floor. The same page size, cache and log as holdfast's, nothing
// else: no digests, no counts, no checks.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

class Sqlite {
 public:
  Sqlite(const std::filesystem::path& file, bool sync, const char* schema);
  ~Sqlite();
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;

  void execute(const char* sql);
  void set_sync(bool sync);
  // Finalized with the connection.
  sqlite3_stmt* prepare(const char* sql);
  // True: a row.
  bool step(sqlite3_stmt* statement);
  void run(sqlite3_stmt* statement);  // to its end, and resets it

  static void bind(sqlite3_stmt* statement, int index, std::string_view bytes, bool text = false);
  static std::string column(sqlite3_stmt* statement, int index);
  void begin() { run(begin_); }
  void commit() { run(commit_); }

 private:
  void check(int result) const;
  sqlite3* handle_ = nullptr;
  std::vector<sqlite3_stmt*> statements_;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
};

// Entries of segments, by one packed rowid: segment << 32 | ordinal.
class SqliteLog {
 public:
  SqliteLog(const std::filesystem::path& file, bool sync);
  void append(std::int64_t segment, std::int64_t ordinal, std::string_view entry);
  std::vector<std::string> read_all(std::int64_t segment);
  Sqlite& database() { return database_; }

 private:
  Sqlite database_;
  sqlite3_stmt* insert_;
  sqlite3_stmt* select_;
};

// Whole payloads by name, each in a row of its own.
class SqliteBlobs {
 public:
  SqliteBlobs(const std::filesystem::path& file, bool sync);
  void save(std::string_view name, std::string_view bytes);
  std::string load(std::string_view name);
  Sqlite& database() { return database_; }

 private:
  Sqlite database_;
  sqlite3_stmt* insert_;
  sqlite3_stmt* select_;
};

}  // namespace bench
