#include "support/sqlite.hpp"
#include "support/store.hpp"

namespace bench {

namespace {

class SqliteStore : public Store {
 public:
  explicit SqliteStore(const StoreOptions& options)
      : database_(options.folder / "floor.sqlite",
                  options.sync,
                  "CREATE TABLE entry (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"),
        upsert_(database_.prepare("INSERT INTO entry VALUES (?1, ?2) "
                                  "ON CONFLICT (key) DO UPDATE SET value = excluded.value")),
        delete_(database_.prepare("DELETE FROM entry WHERE key = ?1")),
        select_(database_.prepare("SELECT value FROM entry WHERE key = ?1")),
        scan_(database_.prepare("SELECT key, value FROM entry WHERE key >= ?1 ORDER BY key")),
        begin_read_(database_.prepare("BEGIN")) {}

  void write(std::span<const PairView> batch) override {
    if (batch.size() > 1) database_.begin();
    for (const PairView& pair : batch) {
      sqlite3_stmt* statement = removes(pair) ? delete_ : upsert_;
      Sqlite::bind(statement, 1, pair.first);
      if (!removes(pair)) Sqlite::bind(statement, 2, pair.second);
      database_.run(statement);
    }
    if (batch.size() > 1) database_.commit();
  }

  std::optional<std::string> get(std::string_view key) override {
    Sqlite::bind(select_, 1, key);
    std::optional<std::string> value;
    if (database_.step(select_)) value = Sqlite::column(select_, 0);
    sqlite3_reset(select_);
    return value;
  }

  std::vector<Pair> scan(std::string_view prefix) override {
    std::vector<Pair> entries;
    Sqlite::bind(scan_, 1, prefix);
    while (database_.step(scan_)) {
      const std::string_view key(static_cast<const char*>(sqlite3_column_blob(scan_, 0)),
                                 static_cast<std::size_t>(sqlite3_column_bytes(scan_, 0)));
      if (!key.starts_with(prefix)) break;
      entries.emplace_back(key, Sqlite::column(scan_, 1));
    }
    sqlite3_reset(scan_);
    return entries;
  }

  void hold_reads() override { database_.run(begin_read_); }
  void release_reads() override { database_.commit(); }
  void set_sync(bool sync) override { database_.set_sync(sync); }

 private:
  Sqlite database_;
  sqlite3_stmt* upsert_;
  sqlite3_stmt* delete_;
  sqlite3_stmt* select_;
  sqlite3_stmt* scan_;
  sqlite3_stmt* begin_read_;
};

}  // namespace

std::unique_ptr<Store> open_sqlite(const StoreOptions& options) {
  return std::make_unique<SqliteStore>(options);
}

}  // namespace bench
