// One SQLite connection of an engine, with its settings and its prepared statements.
//
// A store keeps its statements in a struct made from a Connection&; `statements<S>()` makes it at the
// first use on this connection and keeps it for the connection's life.
//
// Threads  one at a time: the engine hands a connection to one caller at a time
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

struct sqlite3;

namespace SQLite {
class Database;
}

namespace holdfast::engine {

class Companion;

enum class Mode : std::uint8_t { read, write };

struct ConnectionOptions {
  std::string path = {};          // absolute
  std::string vfs = {};           // by name, registered
  std::uint64_t cache_bytes = 0;  // at most; 0: SQLite's default
  // The file may be written at all (SQLITE_OPEN_READONLY else).
  bool writable = true;
  // Until distrust_schema(): an index or a table that somebody added with a function that SQLite calls
  // unsafe (in 3.40 those of JSON are) can be read and named, instead of making the file unreadable.
  // Nothing that the schema defines is evaluated meanwhile.
  bool trust_schema = false;
};

class Connection {
 public:
  // Opens and applies the settings for files of unknown origin. Nothing of the file is read yet, unless
  // cache_bytes are given. A read connection is query_only. `deadline`: see set_deadline.
  Connection(const ConnectionOptions& options,
             Mode mode,
             std::chrono::steady_clock::time_point deadline = {});
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  template <class Statements>
  Statements& statements() {
    // Its address stands for the type. A std::type_index does not do: clang gives two structs of one name
    // in the unnamed namespaces of two files equal ones, and each would be taken for the other.
    static char key = 0;
    auto& slot = bundles_[&key];
    if (!slot) slot = std::make_shared<Statements>(*this);
    return *static_cast<Statements*>(slot.get());
  }

  // Runs SQL that returns no rows and takes no values.
  void execute(const char* sql);
  // The one integer that this SQL gives.
  std::int64_t integer(const char* sql);

  void distrust_schema();
  // The page cache; reads the schema.
  void set_cache_bytes(std::uint64_t bytes);

  std::int64_t last_insert_rowid() const;
  // Asked of SQLite, as always: is no transaction open?
  bool autocommit() const;

  // Until then, what is locked by another process is tried again every 100 us: SQLite's own back-off
  // made a waiter wait up to 530 ms beside a grouping process, this one 12 ms.
  void set_deadline(std::chrono::steady_clock::time_point deadline) { deadline_ = deadline; }
  bool deadline_passed() const { return std::chrono::steady_clock::now() >= deadline_; }

  // From now on a transaction commits only while there is a CommitPermit: a statement that runs after
  // SQLite has ended the transaction by itself (a full disk) would else commit on its own.
  void forbid_commits();
  class CommitPermit {
   public:
    explicit CommitPermit(Connection& connection) : connection_(connection) {
      connection_.may_commit_ = true;
    }
    CommitPermit(const CommitPermit&) = delete;
    CommitPermit& operator=(const CommitPermit&) = delete;
    ~CommitPermit() { connection_.may_commit_ = false; }

   private:
    Connection& connection_;
  };

  // What this connection sees now: another number after each change that it did not make itself, and after
  // each of its own that was undone (engine/remembered.hpp).
  static constexpr std::uint64_t kNoView = 0;
  std::uint64_t view() const { return view_; }
  // From here on it may see anything.
  void see_anew() { view_ = ++last_view_; }
  // Nothing that it sees is to be remembered.
  void see_nothing() { view_ = kNoView; }
  // With the write lock: somebody else may have committed since note_commit().
  void look_for_changes();
  void note_commit() { known_version_ = data_version(); }

  // In a write transaction: `companion` takes part in it until its end. Once is enough.
  void enlist(std::shared_ptr<Companion> companion);
  // The writer's, around the end of each transaction.
  void tell_before_commit();
  void tell_after_transaction(bool committed) noexcept;

  // Closing the last connection of a file moves the WAL into it and removes it, unless this is off.
  void set_checkpoint_on_close(bool on);

  SQLite::Database& database() { return *database_; }
  sqlite3* handle() const;

 private:
  static int on_busy(void* self, int attempts) noexcept;
  static int on_commit(void* self) noexcept;
  void apply_settings(const ConnectionOptions& options, Mode mode);
  // Of the file as this connection sees it, counted by SQLite within this connection.
  std::uint32_t data_version() const;

  std::unique_ptr<SQLite::Database> database_;
  std::unordered_map<const void*, std::shared_ptr<void>> bundles_;  // gone before the database
  std::chrono::steady_clock::time_point deadline_;
  bool may_commit_ = true;
  std::uint64_t view_ = kNoView;
  std::uint64_t last_view_ = kNoView;
  std::uint32_t known_version_ = 0;
  std::vector<std::shared_ptr<Companion>> companions_;  // in the open transaction
};

}  // namespace holdfast::engine
