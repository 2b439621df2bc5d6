#include "state/backend_row.hpp"

#include "content/row_digest.hpp"
#include "engine/remembered.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"

#include <utility>

namespace holdfast::state {

namespace {

using engine::Connection;
using engine::Query;
using engine::Statement;

struct BackendStatements {
  explicit BackendStatements(Connection& c)
      : find(c,
             "SELECT b.backend_key, b.name, b.version, b.entry_count, b.size_bytes,"
             "       b.entries_digest, b.interval, b.undo_count, b.created_at_us,"
             "       b.owner_token, b.digest,"
             "       (SELECT max(c.interval) FROM state_checkpoint AS c"
             "         WHERE c.backend_key = b.backend_key)"
             "  FROM state_backend AS b WHERE b.name = ?1"),
        list(c,
             "SELECT b.backend_key, b.name, b.version, b.entry_count, b.size_bytes,"
             "       b.entries_digest, b.interval, b.undo_count, b.created_at_us,"
             "       b.owner_token, b.digest,"
             "       (SELECT max(c.interval) FROM state_checkpoint AS c"
             "         WHERE c.backend_key = b.backend_key)"
             "  FROM state_backend AS b ORDER BY b.name"),
        insert(c, "INSERT INTO state_backend (name, created_at_us, digest) VALUES (?1, ?2, 0)"),
        save(c,
             "UPDATE state_backend SET version = ?2, entry_count = ?3, size_bytes = ?4,"
             "       entries_digest = ?5, interval = ?6, undo_count = ?7, owner_token = ?8,"
             "       digest = ?9"
             " WHERE backend_key = ?1"),
        remove(c, "DELETE FROM state_backend WHERE backend_key = ?1"),
        known(c) {}
  Statement find, list, insert, save, remove;
  engine::Remembered<BackendRow> known;
};

std::int64_t digest_of(const BackendRow& row) {
  return content::RowDigest()
      .add(row.backend_key)
      .add(row.name)
      .add(row.version)
      .add(row.entry_count)
      .add(row.size_bytes)
      .add(static_cast<std::int64_t>(row.entries_digest))
      .add(row.interval)
      .add(row.undo_count)
      .add(row.created_at_us)
      .add(row.owner_token)
      .value();
}

BackendRow read_backend(const Query& row) {
  BackendRow backend{.backend_key = row.integer(0),
                     .name = row.string(1),
                     .version = row.integer(2),
                     .entry_count = row.integer(3),
                     .size_bytes = row.integer(4),
                     .entries_digest = row.bits(5),
                     .interval = row.integer(6),
                     .undo_count = row.integer(7),
                     .created_at_us = row.integer(8),
                     .owner_token = row.integer(9),
                     .newest_checkpoint = row.optional_integer(11).value_or(0)};
  if (digest_of(backend) != row.integer(10)) throw_corrupt("the head of a state", backend.name);
  return backend;
}

}  // namespace

void throw_corrupt(std::string_view what, std::string_view state) {
  throw Error(ErrorCode::corrupt,
              std::string(what) + " is damaged (state " + std::string(state) + ")",
              {.id = std::string(state)});
}

std::optional<BackendRow> find_backend(Connection& db, std::string_view name) {
  auto& statements = db.statements<BackendStatements>();
  if (const BackendRow* known = statements.known.find(name)) return *known;
  auto row = statements.find.run(name);
  if (!row.step()) return std::nullopt;
  auto found = read_backend(row);
  statements.known.remember(name, found);
  return found;
}

BackendRow find_or_make_backend(Connection& db, std::string_view name, std::int64_t now_us) {
  if (auto found = find_backend(db, name)) return *std::move(found);
  db.statements<BackendStatements>().insert.execute(name, now_us);
  BackendRow made{
      .backend_key = db.last_insert_rowid(), .name = std::string(name), .created_at_us = now_us};
  save_backend(db, made);
  return made;
}

void save_backend(Connection& db, const BackendRow& row) {
  auto& statements = db.statements<BackendStatements>();
  statements.save.execute(row.backend_key,
                          row.version,
                          row.entry_count,
                          row.size_bytes,
                          row.entries_digest,
                          row.interval,
                          row.undo_count,
                          row.owner_token,
                          digest_of(row));
  statements.known.rewrite(row.name, row);
}

void forget_backends(Connection& db) {
  db.statements<BackendStatements>().known.forget();
}

std::vector<BackendRow> list_backends(Connection& db) {
  std::vector<BackendRow> backends;
  auto row = db.statements<BackendStatements>().list.run();
  while (row.step())
    backends.push_back(read_backend(row));
  return backends;
}

void delete_backend_row(Connection& db, std::int64_t backend_key) {
  db.statements<BackendStatements>().remove.execute(backend_key);
  forget_backends(db);
}

}  // namespace holdfast::state
