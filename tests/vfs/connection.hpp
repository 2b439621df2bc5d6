// A raw SQLite connection for the tests of this room, and the grounds that they run on.
#pragma once

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "vfs/interceptor.hpp"
#include "vfs/memory_disk.hpp"
#include "vfs/shim.hpp"

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::vfs::test {

// Uses no assertion but in `must` and `number`, so that the rest may run on other threads.
class Connection {
 public:
  static constexpr int kReadWriteCreate = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

  // `vfs` "" is the platform's default.
  Connection(const std::string& vfs, const std::string& path, int flags = kReadWriteCreate) {
    const char* name = vfs.empty() ? nullptr : vfs.c_str();
    open_result_ = sqlite3_open_v2(path.c_str(), &db_, flags, name);
    if (db_ == nullptr) throw std::bad_alloc();
    sqlite3_extended_result_codes(db_, 1);
  }
  ~Connection() { sqlite3_close_v2(db_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int open_result() const { return open_result_; }
  [[nodiscard]] sqlite3* handle() const { return db_; }

  int run(const std::string& sql) {
    return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  }

  // The first column of the first row, and SQLITE_ROW; or what went wrong.
  std::pair<std::string, int> ask(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    const int prepared = sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr);
    if (prepared != SQLITE_OK) return {"", prepared};
    const int stepped = sqlite3_step(statement);
    std::string answer;
    if (stepped == SQLITE_ROW) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
      answer = text != nullptr ? text : "";
    }
    sqlite3_finalize(statement);
    return {answer, stepped};
  }

  int checkpoint(int mode) {
    return sqlite3_wal_checkpoint_v2(db_, nullptr, mode, nullptr, nullptr);
  }

  void must(const std::string& sql) {
    const int result = run(sql);
    INFO(sql << ": " << sqlite3_errmsg(db_));
    REQUIRE(result == SQLITE_OK);
  }

  std::string text(const std::string& sql) {
    const auto [answer, result] = ask(sql);
    INFO(sql << ": " << sqlite3_errmsg(db_));
    REQUIRE(result == SQLITE_ROW);
    return answer;
  }

  std::int64_t number(const std::string& sql) { return std::stoll(text(sql)); }

 private:
  sqlite3* db_ = nullptr;
  int open_result_ = SQLITE_OK;
};

enum class Base { platform, memory };

// A Shim over one of the two bases, and the path of a database on it.
class Ground {
 public:
  explicit Ground(Base base, ShimOptions options = {})
      : path(base == Base::memory ? "/app.holdfast" : folder.file("app.holdfast")),
        shim(over(base, options)) {}

  // In WAL mode, with a table t(a) of integers, checkpointed only on demand.
  void create() {
    Connection db(shim.name(), path);
    db.must("PRAGMA journal_mode=WAL");
    db.must("CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
  }

  Connection open() { return {shim.name(), path}; }

  holdfast::test::TemporaryFolder folder;
  MemoryDisk disk;
  const std::string path;
  Shim shim;

 private:
  ShimOptions over(Base base, ShimOptions options) {
    if (base == Base::memory) options.base = disk.vfs();
    return options;
  }
};

// Of t, as a process that dies now leaves the files of the disk: another shim opens them.
inline std::int64_t rows_after_crash(const MemoryDisk& disk) {
  Ground after(Base::memory);
  after.disk.restore(disk.snapshot());
  Connection db = after.open();
  CHECK(db.text("PRAGMA integrity_check") == "ok");
  return db.number("SELECT count(*) FROM t");
}

// Decides by a function, which may be changed at any time.
class Rule : public Interceptor {
 public:
  using Decide = std::function<Verdict(const Call&)>;

  Verdict before(const Call& call) override {
    const std::lock_guard lock(mutex_);
    return decide_ ? decide_(call) : Verdict::proceed();
  }

  void set(Decide decide) {
    const std::lock_guard lock(mutex_);
    decide_ = std::move(decide);
  }

 private:
  std::mutex mutex_;
  Decide decide_;
};

}  // namespace holdfast::vfs::test
