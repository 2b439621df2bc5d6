#include "engine/connection.hpp"

#include "defect.hpp"
#include "engine/companion.hpp"
#include "engine/failure.hpp"
#include "engine/statement.hpp"

#include <SQLiteCpp/Database.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <limits>
#include <thread>
#include <utility>

namespace holdfast::engine {

namespace {

constexpr auto kBusyPoll = std::chrono::microseconds(100);

// A little over the largest row: 1 MiB of payload and what stands beside it.
constexpr int kMaxRowBytes = (1 << 20) + (1 << 18);

// What a file of unknown origin must not be able to do (sqlite.org/security.html). Debian's defaults are
// the open ones.
constexpr std::array<std::pair<int, int>, 7> kSwitches{{
    {SQLITE_DBCONFIG_DEFENSIVE, 1},
    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
    {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
    {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    {SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
    {SQLITE_DBCONFIG_DQS_DML, 0},
    {SQLITE_DBCONFIG_DQS_DDL, 0},
}};

constexpr std::array<std::pair<int, int>, 9> kLimits{{
    {SQLITE_LIMIT_LENGTH, kMaxRowBytes},
    {SQLITE_LIMIT_SQL_LENGTH, 100'000},
    {SQLITE_LIMIT_COLUMN, 100},
    {SQLITE_LIMIT_EXPR_DEPTH, 100},
    {SQLITE_LIMIT_COMPOUND_SELECT, 16},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 64},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
}};

void switch_to(sqlite3* handle, int option, int value) {
  int now = !value;
  const int result = sqlite3_db_config(handle, option, value, &now);
  if (result != SQLITE_OK || now != value) fail(result, "hardening a connection");
}

int open_flags(const ConnectionOptions& options) {
  const int access =
      options.writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  // NOMUTEX: the engine itself hands a connection to one caller at a time.
  return access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
}

}  // namespace

Connection::Connection(const ConnectionOptions& options,
                       Mode mode,
                       std::chrono::steady_clock::time_point deadline)
    : deadline_(deadline) {
  try {
    database_ =
        std::make_unique<SQLite::Database>(options.path, open_flags(options), 0, options.vfs);
  } catch (const SQLite::Exception& exception) {
    fail(exception, "opening the database");
  }
  apply_settings(options, mode);
}

Connection::~Connection() = default;

void Connection::apply_settings(const ConnectionOptions& options, Mode mode) {
  for (const auto& [option, value] : kSwitches)
    switch_to(handle(), option, value);
  if (!options.trust_schema) distrust_schema();
  for (const auto& [limit, value] : kLimits)
    sqlite3_limit(handle(), limit, value);
  sqlite3_busy_handler(handle(), &Connection::on_busy, this);
  execute("PRAGMA temp_store = MEMORY");
  execute("PRAGMA cell_size_check = ON");
  execute("PRAGMA mmap_size = 0");
  execute("PRAGMA fullfsync = ON");
  execute("PRAGMA checkpoint_fullfsync = ON");
  if (mode == Mode::read) {
    execute("PRAGMA query_only = ON");
  } else {
    execute("PRAGMA secure_delete = FAST");
    // A spill in the middle of a group would write frames of members that may yet be undone.
    execute("PRAGMA cache_spill = OFF");
  }
  sqlite3_wal_autocheckpoint(handle(), 0);  // the engine decides when (wal_governor.hpp)
  if (options.cache_bytes > 0) set_cache_bytes(options.cache_bytes);
}

void Connection::distrust_schema() {
  switch_to(handle(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0);
}

void Connection::set_cache_bytes(std::uint64_t bytes) {
  constexpr std::uint64_t kMostKib = std::numeric_limits<std::int32_t>::max();
  const std::uint64_t kib = std::min(bytes / 1024, kMostKib);
  execute(("PRAGMA cache_size = -" + std::to_string(kib)).c_str());
}

void Connection::execute(const char* sql) {
  try {
    database_->exec(sql);
  } catch (const SQLite::Exception& exception) {
    fail(exception, "running SQL");
  }
}

std::int64_t Connection::integer(const char* sql) {
  Statement statement(*this, sql);
  auto row = statement.run();
  return row.step() ? row.integer(0) : 0;
}

std::int64_t Connection::last_insert_rowid() const {
  return sqlite3_last_insert_rowid(handle());
}

bool Connection::autocommit() const {
  return sqlite3_get_autocommit(handle()) != 0;
}

void Connection::forbid_commits() {
  may_commit_ = false;
  sqlite3_commit_hook(handle(), &Connection::on_commit, this);
}

void Connection::look_for_changes() {
  const bool changed = view_ == kNoView || known_version_ != data_version();
  if (changed && !planted("others_not_noticed")) see_anew();
}

std::uint32_t Connection::data_version() const {
  std::uint32_t version = 0;
  const int result = sqlite3_file_control(handle(), "main", SQLITE_FCNTL_DATA_VERSION, &version);
  if (result != SQLITE_OK) fail(result, "asking for the version of the data");
  return version;
}

void Connection::enlist(std::shared_ptr<Companion> companion) {
  if (std::find(companions_.begin(), companions_.end(), companion) != companions_.end()) return;
  companions_.push_back(std::move(companion));
}

void Connection::tell_before_commit() {
  for (const auto& companion : companions_)
    companion->before_commit(*this);
}

void Connection::tell_after_transaction(bool committed) noexcept {
  for (const auto& companion : companions_)
    companion->after_transaction(committed);
  companions_.clear();
}

void Connection::set_checkpoint_on_close(bool on) {
  sqlite3_db_config(handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on ? 0 : 1, nullptr);
}

sqlite3* Connection::handle() const {
  return database_->getHandle();
}

int Connection::on_commit(void* self) noexcept {
  if (planted("autocommit_not_asked")) return 0;
  return static_cast<const Connection*>(self)->may_commit_ ? 0 : 1;
}

int Connection::on_busy(void* self, int /*attempts*/) noexcept {
  const auto* connection = static_cast<const Connection*>(self);
  if (connection->deadline_passed()) return 0;
  std::this_thread::sleep_for(kBusyPoll);
  return 1;
}

}  // namespace holdfast::engine
