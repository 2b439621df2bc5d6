#include "access.hpp"
#include "defect.hpp"
#include "engine/lone_connection.hpp"
#include "engine/page_check.hpp"
#include "engine/page_copy.hpp"
#include "engine/schema.hpp"
#include "engine/statement.hpp"
#include "engine/store_row.hpp"
#include "holdfast/error.hpp"
#include "holdfast/maintain.hpp"
#include "maintain/new_file.hpp"

#include <string>

namespace holdfast {

namespace {

using engine::Connection;

// The read transaction of a backup pins the log: it gives up where writers would be refused else.
void check_wal(const engine::Link& link) {
  const std::uint64_t limit = link.options().wal_hard_limit_bytes;
  const std::uint64_t wal_bytes = link.statistics().wal_bytes;
  if (wal_bytes < limit) return;
  throw Error(ErrorCode::full,
              "the backup was given up: the write-ahead log has reached its hard limit meanwhile",
              {.expected = limit, .actual = wal_bytes});
}

// False: the progress function stopped it.
bool copy_pages(const engine::Link& link,
                Connection& source,
                Connection& target,
                const BackupOptions& options) {
  // There is nothing to roll back to in a new file, and what the cache cannot hold must go out.
  target.execute("PRAGMA journal_mode = MEMORY");
  target.execute("PRAGMA synchronous = FULL");
  target.execute("PRAGMA cache_spill = ON");
  engine::PageCopy copy(source, target);
  while (true) {
    const bool more = copy.step(options.pages_per_step);
    if (options.progress && !options.progress(copy.copied_pages(), copy.total_pages()))
      return false;
    if (!more) return true;
    check_wal(link);
  }
}

void check_copy(Connection& target) {
  const auto findings = engine::check_pages(target, "PRAGMA quick_check(1)");
  if (findings.empty()) return;
  if (findings.front().code == ErrorCode::io) {
    throw Error(ErrorCode::io, "the copy could not be read back: " + findings.front().text);
  }
  throw Error(ErrorCode::corrupt, "the copy is not sound, because the database is not; see verify");
}

// Everything into the one file, so that it can be carried away alone.
void fold_log(Connection& target) {
  engine::Statement checkpoint(target, "PRAGMA wal_checkpoint(TRUNCATE)");
  auto row = checkpoint.run();
  if (row.step() && row.integer(0) == 0) return;
  throw Error(ErrorCode::io, "the log of the copy could not be moved into it");
}

bool copy_to(const engine::Link& link, const std::string& path, const BackupOptions& options) {
  engine::LoneConnection lone(path, link.options().cache_bytes);
  Connection& target = *lone;
  bool ours_alone = false;
  const bool complete = link.read(
      [&](Connection& source) {
        ours_alone = engine::schema_is_ours_alone(source);  // takes the snapshot
        return copy_pages(link, source, target, options);
      },
      "backup");
  if (!complete) return false;
  // The copy is another life of the store: who compares positions or leases must see that.
  if (!planted("backup_keeps_incarnation"))
    engine::change_incarnation(target, link.make_uuid().to_string());
  engine::record_schema_cookie(target, ours_alone);
  check_copy(target);
  fold_log(target);
  return true;
}

}  // namespace

bool backup(const Database& database, const std::string& target, const BackupOptions& options) {
  const engine::Link& link = engine::Access::link(database);
  if (link.in_transaction()) {
    // What is not committed must not reach a copy.
    throw Error(ErrorCode::invalid_argument, "backup() inside a transaction of this thread");
  }
  maintain::NewFile file(target, link.make_uuid().to_string());
  if (!copy_to(link, file.partial_path(), options)) return false;
  file.publish();
  return true;
}

}  // namespace holdfast
