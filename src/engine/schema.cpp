#include "engine/schema.hpp"

#include "defect.hpp"
#include "engine/field_digest.hpp"
#include "engine/statement.hpp"
#include "engine/store_row.hpp"
#include "holdfast/error.hpp"
#include "holdfast/version.hpp"
#include "schema_sql.hpp"
#include "vfs/page_seal.hpp"

#include <SQLiteCpp/Database.h>
#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <string_view>

namespace holdfast::engine {

namespace {

// A row of sqlite_schema. A trigger may have the name of a table.
struct ObjectName {
  std::string name;
  std::string type;
  auto operator<=>(const ObjectName&) const = default;  // NOLINT(modernize-use-nullptr)
};
struct Object {
  std::string table;
  std::string sql;
  bool operator==(const Object&) const = default;
};
using Objects = std::map<ObjectName, Object>;

constexpr const char* kReadObjects =
    "SELECT name, type, tbl_name, ifnull(sql, '') FROM sqlite_schema";

// What the objects of a current file must be: those of a file just made.
const Objects& expected_objects() {
  static const Objects objects = [] {
    SQLite::Database model(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    for (const auto& migration : schema::kMigrations)
      model.exec(std::string(migration.sql));
    model.exec(std::string(schema::kViews));
    Objects result;
    SQLite::Statement rows(model, kReadObjects);
    while (rows.executeStep()) {
      result.emplace(ObjectName{rows.getColumn(0).getString(), rows.getColumn(1).getString()},
                     Object{rows.getColumn(2).getString(), rows.getColumn(3).getString()});
    }
    return result;
  }();
  return objects;
}

Objects read_objects(Connection& connection) {
  Objects objects;
  Statement select(connection, kReadObjects);
  auto row = select.run();
  while (row.step())
    objects.emplace(ObjectName{row.string(0), row.string(1)}, Object{row.string(2), row.string(3)});
  return objects;
}

bool is_ours(const ObjectName& name) {
  return expected_objects().contains(name);
}

// sqlite_sequence, sqlite_stat1, automatic indexes: made by SQLite itself.
bool is_sqlites(std::string_view name) {
  return name.starts_with("sqlite_");
}

std::string quote_name(std::string_view name) {
  std::string text = "\"";
  for (const char c : name)
    text += c == '"' ? "\"\"" : std::string(1, c);
  return text + "\"";
}

void refuse_foreign(const ObjectName& name, const Object& object) {
  const bool trigger = name.type == "trigger";
  const bool index_on_ours = name.type == "index" && is_ours({object.table, "table"});
  if (!trigger && !index_on_ours) return;
  throw Error(ErrorCode::incompatible,
              "the file has a foreign " + name.type + " " + quote_name(name.name) + " on " +
                  quote_name(object.table) + "; drop it with: DROP " +
                  (trigger ? "TRIGGER " : "INDEX ") + quote_name(name.name) + ";",
              {.id = name.name});
}

// The bytes at the end of each page that SQLite leaves alone; -1 asks only.
int set_or_ask_reserved_bytes(Connection& connection, int bytes) {
  int value = bytes;
  sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_RESERVE_BYTES, &value);
  return value;
}

template <class Visit>
void visit_our_roots(Connection& connection, const Visit& visit) {
  Statement select(connection,
                   "SELECT name, type, tbl_name, rootpage FROM sqlite_schema WHERE rootpage > 1"
                   " ORDER BY rootpage");
  auto row = select.run();
  while (row.step()) {
    const ObjectName name{row.string(0), row.string(1)};
    if (is_ours(name) || is_ours({row.string(2), "table"})) visit(name, row.integer(3));
  }
}

std::int64_t roots_digest(Connection& connection) {
  std::string roots;
  visit_our_roots(connection, [&](const ObjectName& name, std::int64_t page) {
    roots += name.name + " " + std::to_string(page) + "\n";
  });
  return field_digest({roots});
}

void drop_our_views(Connection& connection) {
  for (const auto& [name, object] : read_objects(connection)) {
    if (name.type != "view" || !is_ours(name)) continue;
    connection.execute(("DROP VIEW " + quote_name(name.name)).c_str());
  }
}

void run_pending_migrations(Connection& connection, const NewStore& store) {
  const auto from = connection.integer("PRAGMA user_version");
  if (from >= current_schema_version()) return;  // another process was faster
  const bool schema_was_ours = from > 0 && schema_is_ours_alone(connection);
  drop_our_views(connection);
  for (const auto& migration : schema::kMigrations) {
    if (migration.version <= from) continue;
    connection.execute(std::string(migration.sql).c_str());
    Statement record(connection,
                     "INSERT INTO schema_migration (version, name, sha256, library_version, "
                     "applied_at_us) VALUES (?1, ?2, ?3, ?4, ?5)");
    record.execute(migration.version,
                   migration.name,
                   migration.sha256,
                   std::string_view(HOLDFAST_VERSION),
                   store.now_us);
    if (planted("migration_in_many_transactions")) connection.execute("COMMIT; BEGIN IMMEDIATE");
  }
  if (from == 0) {
    insert_store_row(connection, {store.store_id, store.incarnation, store.now_us});
    connection.execute(("PRAGMA application_id = " + std::to_string(kApplicationId)).c_str());
  }
  connection.execute(std::string(schema::kViews).c_str());
  const std::string version = std::to_string(current_schema_version());
  connection.execute(("PRAGMA user_version = " + version).c_str());
  if (from == 0 || schema_was_ours) record_schema_cookie(connection, true);
}

}  // namespace

bool schema_is_ours_alone(Connection& connection) {
  return connection.integer(
             "SELECT count(*) FROM store, pragma_schema_version "
             "WHERE schema_cookie = schema_version") == 1;
}

void record_schema_cookie(Connection& connection, bool ours_alone) {
  Statement update(
      connection,
      "UPDATE store SET roots_digest = ?2, schema_cookie ="
      " CASE WHEN ?1 THEN (SELECT schema_version FROM pragma_schema_version) ELSE -1 END");
  update.execute(ours_alone, roots_digest(connection));
}

void check_roots(Connection& connection) {
  if (connection.integer("SELECT roots_digest FROM store") == roots_digest(connection)) return;
  throw Error(ErrorCode::corrupt, "the schema leads to other pages than those of our tables");
}

int current_schema_version() {
  return std::rbegin(schema::kMigrations)->version;
}

FileKind recognise(Connection& connection) {
  // In one statement, so of one instant: another process may be making the file.
  Statement facts(connection,
                  "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)"
                  " FROM pragma_application_id, pragma_user_version");
  auto row = facts.run();
  row.step();
  const auto application_id = row.integer(0);
  const auto version = row.integer(1);
  const auto objects = row.integer(2);
  if (application_id == 0 && objects == 0) return FileKind::empty;
  if (application_id != kApplicationId) {
    throw Error(ErrorCode::not_a_database,
                "the file is an SQLite database of another program; nothing was changed");
  }
  if (version == current_schema_version()) return FileKind::current;
  if (version < current_schema_version()) return FileKind::older;
  throw Error(ErrorCode::schema_too_new,
              "the file has schema version " + std::to_string(version) +
                  ", newer than this library's; nothing was changed",
              {.expected = static_cast<std::uint64_t>(current_schema_version()),
               .actual = static_cast<std::uint64_t>(version)});
}

void prepare_new_file(Connection& connection, std::uint32_t page_bytes) {
  // First: after the other two it would only be noted, for a later VACUUM.
  set_or_ask_reserved_bytes(connection, vfs::kSealBytes);
  connection.execute(("PRAGMA page_size = " + std::to_string(page_bytes)).c_str());
  connection.execute("PRAGMA auto_vacuum = INCREMENTAL");
  // An empty database that was left behind: SQLite changes the layout of its one page by a VACUUM only,
  // which needs a second database for a moment.
  if (connection.integer("PRAGMA page_count") == 0) return;
  set_or_ask_reserved_bytes(connection, vfs::kSealBytes);  // the page size took it back
  const int attached = sqlite3_limit(connection.handle(), SQLITE_LIMIT_ATTACHED, 1);
  connection.execute("VACUUM");
  sqlite3_limit(connection.handle(), SQLITE_LIMIT_ATTACHED, attached);
}

void check_page_layout(Connection& connection, bool writable) {
  // SQLite writes no file whose header has a newer format than it knows, and ours never have.
  if (writable && sqlite3_db_readonly(connection.handle(), "main") == 1) {
    throw Error(ErrorCode::corrupt, "the file's header says that it may only be read");
  }
  const int reserved = set_or_ask_reserved_bytes(connection, -1);
  if (reserved == static_cast<int>(vfs::kSealBytes)) return;
  throw Error(ErrorCode::corrupt,
              "the file's header says that its pages have other parts than ours have",
              {.expected = vfs::kSealBytes, .actual = static_cast<std::uint64_t>(reserved)});
}

std::vector<std::uint32_t> our_roots(Connection& connection) {
  std::vector<std::uint32_t> roots;
  visit_our_roots(connection, [&](const ObjectName&, std::int64_t page) {
    roots.push_back(static_cast<std::uint32_t>(page));
  });
  return roots;
}

void use_wal(Connection& connection) {
  Statement statement(connection, "PRAGMA journal_mode = WAL");
  auto row = statement.run();
  if (row.step() && row.text(0) == "wal") return;
  throw Error(ErrorCode::unsupported,
              "the file system, or this SQLite, cannot keep a write-ahead log");
}

void migrate(Connection& connection, const NewStore& store) {
  connection.execute("PRAGMA synchronous = FULL");
  connection.execute("BEGIN IMMEDIATE");
  try {
    run_pending_migrations(connection, store);
    connection.execute("COMMIT");
  } catch (...) {
    if (!connection.autocommit()) connection.execute("ROLLBACK");
    throw;
  }
  // At normal durability later, a schema that is only in the WAL could vanish in a power loss.
  sqlite3_wal_checkpoint_v2(
      connection.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

void check_fingerprint(Connection& connection) {
  const Objects actual = read_objects(connection);
  for (const auto& [name, object] : actual) {
    if (!is_ours(name) && !planted("foreign_trigger_accepted")) refuse_foreign(name, object);
  }
  for (const auto& [name, expected] : expected_objects()) {
    const auto found = actual.find(name);
    if (found != actual.end() && found->second == expected) continue;
    const char* how = found == actual.end() ? " is missing" : " is not as this library made it";
    throw Error(ErrorCode::incompatible,
                "the schema was changed: " + name.type + " " + quote_name(name.name) + how,
                {.id = name.name});
  }
}

std::vector<std::string> foreign_objects(Connection& connection) {
  std::vector<std::string> result;
  for (const auto& [name, object] : read_objects(connection)) {
    if (!is_ours(name) && !is_sqlites(name.name)) result.push_back(name.type + " " + name.name);
  }
  return result;
}

}  // namespace holdfast::engine
