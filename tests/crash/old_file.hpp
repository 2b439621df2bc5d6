// Files of older schema versions, as synthetic as can be before the first release: what the first migrations
// make, with a lease in it. Version 0 is a file that has only been created.
#pragma once

#include "engine/lease.hpp"
#include "engine/schema.hpp"
#include "engine/store_row.hpp"
#include "harness/ground.hpp"
#include "schema_sql.hpp"
#include "vfs/memory_disk.hpp"
#include "vfs/page_seal.hpp"
#include "vfs/shim.hpp"

#include <sqlite3.h>

#include <stdexcept>
#include <string>

namespace holdfast::test {

inline constexpr const char* kOldStore = "01940000-0000-7000-8000-000000000000";

// A connection that is none of the engine's, over a disk in memory.
class DiskSqlite {
 public:
  explicit DiskSqlite(vfs::MemoryDisk& disk) : shim_({.base = disk.vfs()}) {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(kDiskPath.c_str(), &handle_, flags, shim_.name().c_str()) != SQLITE_OK)
      throw std::runtime_error("cannot open the disk's file");
  }
  DiskSqlite(const DiskSqlite&) = delete;
  DiskSqlite& operator=(const DiskSqlite&) = delete;
  ~DiskSqlite() { sqlite3_close_v2(handle_); }

  // As every file of ours has them, for the checksum of each page.
  void reserve_page_ends() {
    int bytes = static_cast<int>(vfs::kSealBytes);
    sqlite3_file_control(handle_, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
  }
  // The file stays as it is when this connection closes: nothing is moved into it from its log.
  void leave_log() { sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr); }
  void run(const std::string& sql) {
    if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(handle_));
  }
  // The first column of all rows, one a line.
  std::string text(const std::string& sql) {
    std::string lines;
    const auto add = [](void* out, int, char** values, char**) {
      *static_cast<std::string*>(out) += std::string(values[0] != nullptr ? values[0] : "") + "\n";
      return 0;
    };
    if (sqlite3_exec(handle_, sql.c_str(), add, &lines, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(handle_));
    return lines;
  }

 private:
  vfs::Shim shim_;
  sqlite3* handle_ = nullptr;
};

// To every other version a person has added something.
inline bool has_foreign_table(int version) {
  return version % 2 == 1;
}

// The disk with a file of that version, 0 to the current one less one.
inline vfs::MemoryDisk::Image old_file(int version) {
  vfs::MemoryDisk disk;
  disk.restore({{kDiskPath, {}}});
  if (version == 0) return disk.snapshot();
  DiskSqlite sqlite(disk);
  sqlite.reserve_page_ends();
  sqlite.run(
      "PRAGMA page_size = 1024; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL");
  sqlite.run("BEGIN");
  for (const auto& migration : schema::kMigrations) {
    if (migration.version > version) continue;
    sqlite.run(std::string(migration.sql));
    sqlite.run("INSERT INTO schema_migration VALUES (" + std::to_string(migration.version) + ", '" +
               std::string(migration.name) + "', '" + std::string(migration.sha256) + "', '0', 1)");
  }
  const std::string id = kOldStore;
  sqlite.run("INSERT INTO store SELECT 1, '" + id + "', '" + id + "', 1, 0, schema_version, 0, " +
             std::to_string(engine::digest_of(engine::StoreRow{id, id, 1})) +
             " FROM pragma_schema_version");
  const engine::LeaseRow lease{.name = "old lease",
                               .holder = "holder",
                               .token = 7,
                               .boot_id = "boot",
                               .expires_at_ms = 1,
                               .acquired_at_us = 1};
  sqlite.run("INSERT INTO lease VALUES (1, 'old lease', 'holder', 7, 'boot', 1, 1, " +
             std::to_string(engine::digest_of(lease)) + ")");
  if (has_foreign_table(version)) {
    sqlite.run("CREATE TABLE mine (a); INSERT INTO mine VALUES ('of a person')");
    sqlite.run("CREATE VIEW mine_too AS SELECT a FROM mine");
  }
  sqlite.run("PRAGMA application_id = " + std::to_string(engine::kApplicationId));
  sqlite.run("PRAGMA user_version = " + std::to_string(version));
  sqlite.run("COMMIT");
  sqlite.leave_log();  // it stands in the log, as after a crash
  return disk.snapshot();
}

}  // namespace holdfast::test
