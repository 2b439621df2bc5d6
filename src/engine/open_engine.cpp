// How an engine comes up: the file is recognised, made or migrated, and compared with what it must be,
// before anything else may use it.
#include "engine/engine.hpp"
#include "engine/schema.hpp"
#include "engine/store_row.hpp"
#include "holdfast/error.hpp"
#include "holdfast/id.hpp"
#include "vfs/file_identity.hpp"

#include <sqlite3.h>

#include <chrono>
#include <thread>
#include <utility>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::engine {

namespace {

constexpr const char* kMemoryName = "/memory.holdfast";

ConnectionOptions connection_options(const std::string& path,
                                     const vfs::Shim& shim,
                                     const OpenOptions& options) {
  return {.path = path.empty() ? kMemoryName : path,
          .vfs = shim.name(),
          .writable = !options.read_only};
}

// A file is switched to WAL mode by one process at a time, and SQLite does not wait there: two who wait
// could wait for each other.
template <class Function>
void retry_while_busy(SteadyTime deadline, const Function& function) {
  for (;;) {
    try {
      return function();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::busy || std::chrono::steady_clock::now() >= deadline) throw;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// 0 for what is not there.
std::int64_t bytes_of(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? static_cast<std::int64_t>(status.st_size) : 0;
}

// A log without its index: whoever had the file open is gone, and the first to read makes a new index beside
// the log. Not here: it stays in memory, so that a file that is not ours is left as it was.
void recognise_beside_log(const ConnectionOptions& options, SteadyTime deadline) {
  Connection probe(options, Mode::write, deadline);
  probe.set_checkpoint_on_close(false);
  probe.execute("PRAGMA locking_mode = EXCLUSIVE");
  recognise(probe);
}

std::unique_ptr<Connection> connect_for_checkpoints(const ConnectionOptions& options) {
  auto connection = std::make_unique<Connection>(options, Mode::write);
  connection->integer("PRAGMA user_version");  // a checkpoint does nothing before the first read
  return connection;
}

}  // namespace

Engine::Engine(std::string path, OpenOptions options, const vfs::ShimOptions& ground)
    : options_(std::move(options)), path_(std::move(path)), process_(::getpid()) {
  shim_ = std::make_unique<vfs::Shim>(ground);
  open();
}

Engine::Engine(OpenOptions options) : options_(std::move(options)), process_(::getpid()) {
  disk_ = std::make_unique<vfs::MemoryDisk>();
  shim_ = std::make_unique<vfs::Shim>(vfs::ShimOptions{.base = disk_->vfs()});
  open();
}

void Engine::open() {
  if (sqlite3_threadsafe() == 0) {
    throw Error(ErrorCode::unsupported, "this SQLite was built without mutexes");
  }
  const auto deadline = deadline_after(options_.busy_timeout_ms);
  ConnectionOptions connections = connection_options(path_, *shim_, options_);
  // Until we know that the file is ours, nothing in it is touched: a log that is there stays there.
  const bool has_log = !path_.empty() && bytes_of(path_ + "-wal") > 0;
  if (!path_.empty() && bytes_of(path_) == 1) {
    // SQLite takes it for an empty file.
    throw Error(ErrorCode::not_a_database, "the file is not a database");
  }
  if (has_log && !vfs::identity_of(path_ + "-shm")) {
    retry_while_busy(deadline, [&] { recognise_beside_log(connections, deadline); });
  }
  connections.trust_schema = true;
  auto connection = std::make_unique<Connection>(connections, Mode::write, deadline);
  connection->set_checkpoint_on_close(!has_log);
  retry_while_busy(deadline, [&] { open_schema(*connection); });
  report_recovery(*connection);
  connection->set_checkpoint_on_close(true);
  connection->distrust_schema();
  connection->set_cache_bytes(options_.cache_bytes);

  connections.trust_schema = false;
  connections.cache_bytes = options_.cache_bytes;
  page_bytes_ = static_cast<std::uint64_t>(connection->integer("PRAGMA page_size"));
  readers_ = std::make_unique<ReaderPool>(connections, options_.max_readers);
  // The first reader, now: whether the schema can be read without trust.
  { const ReaderPool::Transaction first(*readers_, "open", deadline); }
  governor_ = std::make_unique<WalGovernor>(
      options_,
      page_bytes_,
      *shim_,
      [this] { return readers_->describe_oldest(); },
      [connections] { return connect_for_checkpoints(connections); });
  writer_ = std::make_unique<Writer>(*this, std::move(connection), *shim_, *governor_);
  start_committer();
}

LogRecovery Engine::log_recovery() const {
  const auto recovery = shim_->recovery();
  if (!recovery) return {};
  LogRecovery result{.kept_pages = recovery->kept_frames,
                     .dropped_pages = recovery->found.dropped_frames,
                     .copy = recovery->copy};
  using Finding = LogRecovery::Finding;
  switch (recovery->found.tail) {
    case vfs::WalTail::clean:
      return {};
    case vfs::WalTail::unfinished:
      result.finding = Finding::unfinished;
      break;
    case vfs::WalTail::uncertain:
      result.finding = Finding::uncertain;
      break;
    case vfs::WalTail::damaged:
      // What was lost at normal is known to have been normal by what came before it: the file said so.
      result.finding =
          had_normal_commits_ && !recovery->found.in_header ? Finding::uncertain : Finding::damaged;
      break;
  }
  return result;
}

// The database is opened as of the last whole commit, and whoever opens it is told what is missing.
void Engine::report_recovery(Connection& connection) {
  const LogRecovery found = log_recovery();
  if (found.finding == LogRecovery::Finding::clean) return;
  const std::string pages = std::to_string(found.dropped_pages) + " pages";
  if (found.finding == LogRecovery::Finding::unfinished) {
    return log(LogLevel::info,
               "the write-ahead log ended in a transaction that was not finished, as after a "
               "crash: " +
                   pages + " of it were dropped");
  }
  const bool damaged = found.finding == LogRecovery::Finding::damaged;
  const std::string what =
      damaged ? "the write-ahead log is damaged: acknowledged commits behind its first "
              : "the newest commits in the write-ahead log are missing, by damage or by a power "
                "loss at normal durability, which cannot be told: those behind its first ";
  log(damaged ? LogLevel::error : LogLevel::warning,
      what + std::to_string(found.kept_pages) + " pages were dropped (" + pages + "); " +
          (found.copy.empty() ? "there was no room for a copy of it"
                              : "a copy of it is " + found.copy));
  if (options_.read_only) return;
  // So that what lies behind the last commit is not found once more after the next crash.
  connection.set_deadline(deadline_after(options_.busy_timeout_ms));
  run_checkpoint(connection, SQLITE_CHECKPOINT_TRUNCATE);
}

void Engine::open_schema(Connection& connection) {
  const FileKind kind = recognise(connection);
  if (kind != FileKind::current && options_.read_only) {
    throw Error(ErrorCode::read_only,
                "the file needs a migration, which a read-only open cannot make");
  }
  if (kind == FileKind::empty) prepare_new_file(connection, options_.page_bytes);
  if (!options_.read_only) use_wal(connection);
  if (kind != FileKind::current) {
    migrate(connection, {make_uuid().to_string(), make_uuid().to_string(), now_us()});
  }
  check_fingerprint(connection);
  check_page_layout(connection, !options_.read_only);
  StoreRow row = read_store_row(connection);
  store_id_ = std::move(row.store_id);
  incarnation_ = std::move(row.incarnation);
  had_normal_commits_ = connection.integer("SELECT normal_commits FROM store") != 0;
  if (!schema_is_ours_alone(connection)) return;
  check_roots(connection);
  const auto cookie = connection.integer("PRAGMA schema_version");
  shim_->protect(
      {.roots = our_roots(connection), .schema_cookie = static_cast<std::uint32_t>(cookie)});
}

}  // namespace holdfast::engine
