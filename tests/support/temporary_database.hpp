// A database for one test: on a file in a fresh folder, or in memory. What holds on one ground must hold on
// both:
//
//   test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
//   db->sessions().append("s", "g", "{}");
//
// At its end a file is closed and checked by SQLite itself, then removed.
#pragma once

#include "holdfast/database.hpp"
#include "support/catch.hpp"
#include "support/plain_sqlite.hpp"
#include "support/temporary_folder.hpp"

#include <cstdint>
#include <exception>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

namespace holdfast::test {

enum class Ground : std::uint8_t { file, memory };

inline std::ostream& operator<<(std::ostream& out, Ground ground) {
  return out << (ground == Ground::file ? "file" : "memory");
}

class TemporaryDatabase {
 public:
  explicit TemporaryDatabase(Ground ground = Ground::file, OpenOptions options = {})
      : options_(std::move(options)), ground_(ground) {
    if (ground_ == Ground::file) {
      database_ = std::make_unique<Database>(Database::open(file(), options_));
    } else {
      database_ = std::make_unique<Database>(Database::in_memory(options_));
    }
  }
  TemporaryDatabase(const TemporaryDatabase&) = delete;
  TemporaryDatabase& operator=(const TemporaryDatabase&) = delete;
  ~TemporaryDatabase() {
    close();
    // A test that failed has said so already; an exception of SQLite must not end the program here.
    if (ground_ != Ground::file || checked_ || std::uncaught_exceptions() > 0) return;
    std::string found;
    try {
      found = PlainSqlite(file()).text("PRAGMA integrity_check");
    } catch (const std::exception& error) {
      found = error.what();
    }
    CHECK(found == "ok");
  }

  Database& operator*() { return *database_; }
  Database* operator->() { return database_.get(); }
  [[nodiscard]] std::string file() const { return folder_.file("test.holdfast"); }
  [[nodiscard]] Ground ground() const { return ground_; }

  // Ends the opening: the file may be changed by others then.
  void close() {
    if (database_) database_->close();
    database_.reset();
  }
  // Closes and opens the file again; what was in memory would be gone.
  void reopen() {
    REQUIRE(ground_ == Ground::file);
    close();
    database_ = std::make_unique<Database>(Database::open(file(), options_));
  }
  // Closes the file, runs SQL on it that holdfast would never run, and opens it again.
  void damage(const std::string& sql) {
    REQUIRE(ground_ == Ground::file);
    close();
    RowEditor(file())->run(sql);
    reopen();
  }
  // For tests that damage the pages themselves.
  void skip_final_check() { checked_ = true; }

 private:
  TemporaryFolder folder_;
  OpenOptions options_;
  Ground ground_;
  bool checked_ = false;
  std::unique_ptr<Database> database_;
};

}  // namespace holdfast::test
