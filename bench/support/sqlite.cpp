#include "support/sqlite.hpp"

#include "support/store.hpp"

namespace bench {

Sqlite::Sqlite(const std::filesystem::path& file, bool sync, const char* schema) {
  check(sqlite3_open_v2(file.c_str(),
                        &handle_,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        nullptr));
  sqlite3_busy_timeout(handle_, 60'000);
  execute("PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;");
  execute(("PRAGMA cache_size = -" + std::to_string(kCacheBytes / 1024)).c_str());
  set_sync(sync);
  execute(schema);
  begin_ = prepare("BEGIN IMMEDIATE");
  commit_ = prepare("COMMIT");
}

Sqlite::~Sqlite() {
  for (sqlite3_stmt* statement : statements_)
    sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

void Sqlite::check(int result) const {
  if (result != SQLITE_OK) fail(std::string("SQLite: ") + sqlite3_errmsg(handle_));
}

void Sqlite::execute(const char* sql) {
  check(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr));
}

void Sqlite::set_sync(bool sync) {
  execute(sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
}

sqlite3_stmt* Sqlite::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  check(sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
  statements_.push_back(statement);
  return statement;
}

bool Sqlite::step(sqlite3_stmt* statement) {
  const int result = sqlite3_step(statement);
  if (result != SQLITE_ROW && result != SQLITE_DONE) check(result);
  return result == SQLITE_ROW;
}

void Sqlite::run(sqlite3_stmt* statement) {
  while (step(statement)) {
  }
  sqlite3_reset(statement);
}

void Sqlite::bind(sqlite3_stmt* statement, int index, std::string_view bytes, bool text) {
  if (text) {
    sqlite3_bind_text64(statement, index, bytes.data(), bytes.size(), SQLITE_STATIC, SQLITE_UTF8);
  } else {
    sqlite3_bind_blob64(statement, index, bytes.data(), bytes.size(), SQLITE_STATIC);
  }
}

std::string Sqlite::column(sqlite3_stmt* statement, int index) {
  const void* bytes = sqlite3_column_blob(statement, index);
  const int count = sqlite3_column_bytes(statement, index);
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(count)};
}

SqliteLog::SqliteLog(const std::filesystem::path& file, bool sync)
    : database_(
          file,
          sync,
          "CREATE TABLE IF NOT EXISTS entry (key INTEGER PRIMARY KEY, payload TEXT NOT NULL)"),
      insert_(database_.prepare("INSERT INTO entry VALUES (?1, ?2)")),
      select_(database_.prepare("SELECT payload FROM entry WHERE key BETWEEN ?1 << 32 AND (?1 + 1 "
                                "<< 32) - 1 ORDER BY key")) {}

void SqliteLog::append(std::int64_t segment, std::int64_t ordinal, std::string_view entry) {
  sqlite3_bind_int64(insert_, 1, segment << 32 | ordinal);
  Sqlite::bind(insert_, 2, entry, true);
  database_.run(insert_);
}

std::vector<std::string> SqliteLog::read_all(std::int64_t segment) {
  std::vector<std::string> entries;
  sqlite3_bind_int64(select_, 1, segment);
  while (database_.step(select_))
    entries.push_back(Sqlite::column(select_, 0));
  sqlite3_reset(select_);
  return entries;
}

SqliteBlobs::SqliteBlobs(const std::filesystem::path& file, bool sync)
    : database_(file,
                sync,
                "CREATE TABLE IF NOT EXISTS blob (name TEXT PRIMARY KEY, payload BLOB NOT NULL)"),
      insert_(database_.prepare("INSERT OR REPLACE INTO blob VALUES (?1, ?2)")),
      select_(database_.prepare("SELECT payload FROM blob WHERE name = ?1")) {}

void SqliteBlobs::save(std::string_view name, std::string_view bytes) {
  Sqlite::bind(insert_, 1, name, true);
  Sqlite::bind(insert_, 2, bytes);
  database_.run(insert_);
}

std::string SqliteBlobs::load(std::string_view name) {
  Sqlite::bind(select_, 1, name, true);
  if (!database_.step(select_)) fail("SQLite: no such blob");
  std::string bytes = Sqlite::column(select_, 0);
  sqlite3_reset(select_);
  return bytes;
}

}  // namespace bench
