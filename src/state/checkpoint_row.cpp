#include "state/checkpoint_row.hpp"

#include "content/row_digest.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"

#include <string>

namespace holdfast::state {

namespace {

using engine::Connection;
using engine::Query;
using engine::Statement;

struct CheckpointStatements {
  explicit CheckpointStatements(Connection& c)
      : find(c,
             "SELECT checkpoint_key, backend_key, checkpoint_id, interval, version, entry_count,"
             "       size_bytes, entries_digest, undo_count, created_at_us, digest"
             "  FROM state_checkpoint WHERE backend_key = ?1 AND checkpoint_id = ?2"),
        list(c,
             "SELECT checkpoint_key, backend_key, checkpoint_id, interval, version, entry_count,"
             "       size_bytes, entries_digest, undo_count, created_at_us, digest"
             "  FROM state_checkpoint WHERE backend_key = ?1 AND interval > ?2"
             " ORDER BY interval"),
        before(c,
               "SELECT checkpoint_key, backend_key, checkpoint_id, interval, version, entry_count,"
               "       size_bytes, entries_digest, undo_count, created_at_us, digest"
               "  FROM state_checkpoint WHERE backend_key = ?1 AND interval < ?2"
               " ORDER BY interval DESC LIMIT 1"),
        after(c,
              "SELECT checkpoint_key, backend_key, checkpoint_id, interval, version, entry_count,"
              "       size_bytes, entries_digest, undo_count, created_at_us, digest"
              "  FROM state_checkpoint WHERE backend_key = ?1 AND interval > ?2"
              " ORDER BY interval LIMIT 1"),
        insert(c,
               "INSERT INTO state_checkpoint (backend_key, checkpoint_id, interval, version,"
               " entry_count, size_bytes, entries_digest, created_at_us, digest)"
               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
        save_undo_count(c,
                        "UPDATE state_checkpoint SET undo_count = ?2, digest = ?3"
                        " WHERE checkpoint_key = ?1"),
        remove(c, "DELETE FROM state_checkpoint WHERE checkpoint_key = ?1") {}
  Statement find, list, before, after, insert, save_undo_count, remove;
};

std::int64_t digest_of(const CheckpointRow& row) {
  return content::RowDigest()
      .add(row.backend_key)
      .add(static_cast<std::int64_t>(row.id))
      .add(row.interval)
      .add(row.version)
      .add(row.entry_count)
      .add(row.size_bytes)
      .add(static_cast<std::int64_t>(row.entries_digest))
      .add(row.undo_count)
      .add(row.created_at_us)
      .value();
}

CheckpointRow read_checkpoint(const Query& row, const BackendRow& backend) {
  const CheckpointRow checkpoint{.checkpoint_key = row.integer(0),
                                 .backend_key = row.integer(1),
                                 .id = row.bits(2),
                                 .interval = row.integer(3),
                                 .version = row.integer(4),
                                 .entry_count = row.integer(5),
                                 .size_bytes = row.integer(6),
                                 .entries_digest = row.bits(7),
                                 .undo_count = row.integer(8),
                                 .created_at_us = row.integer(9)};
  if (digest_of(checkpoint) != row.integer(10)) {
    throw_corrupt("checkpoint " + std::to_string(checkpoint.id), backend.name);
  }
  return checkpoint;
}

}  // namespace

std::optional<CheckpointRow> find_checkpoint(Connection& db,
                                             const BackendRow& backend,
                                             std::uint64_t id) {
  auto row = db.statements<CheckpointStatements>().find.run(backend.backend_key, id);
  if (!row.step()) return std::nullopt;
  return read_checkpoint(row, backend);
}

CheckpointRow require_checkpoint(Connection& db, const BackendRow& backend, std::uint64_t id) {
  const auto found = find_checkpoint(db, backend, id);
  if (!found) throw_no_checkpoint(backend.name, id);
  return *found;
}

std::vector<CheckpointRow> list_checkpoints(Connection& db,
                                            const BackendRow& backend,
                                            std::int64_t after_interval) {
  std::vector<CheckpointRow> checkpoints;
  auto row = db.statements<CheckpointStatements>().list.run(backend.backend_key, after_interval);
  while (row.step())
    checkpoints.push_back(read_checkpoint(row, backend));
  return checkpoints;
}

std::optional<CheckpointRow> find_before(Connection& db,
                                         const BackendRow& backend,
                                         std::int64_t interval) {
  auto row = db.statements<CheckpointStatements>().before.run(backend.backend_key, interval);
  if (!row.step()) return std::nullopt;
  return read_checkpoint(row, backend);
}

std::optional<CheckpointRow> find_after(Connection& db,
                                        const BackendRow& backend,
                                        std::int64_t interval) {
  auto row = db.statements<CheckpointStatements>().after.run(backend.backend_key, interval);
  if (!row.step()) return std::nullopt;
  return read_checkpoint(row, backend);
}

void insert_checkpoint(Connection& db,
                       const BackendRow& backend,
                       std::uint64_t id,
                       std::int64_t now_us) {
  const CheckpointRow row{.backend_key = backend.backend_key,
                          .id = id,
                          .interval = backend.interval,
                          .version = backend.version,
                          .entry_count = backend.entry_count,
                          .size_bytes = backend.size_bytes,
                          .entries_digest = backend.entries_digest,
                          .created_at_us = now_us};
  db.statements<CheckpointStatements>().insert.execute(row.backend_key,
                                                       row.id,
                                                       row.interval,
                                                       row.version,
                                                       row.entry_count,
                                                       row.size_bytes,
                                                       row.entries_digest,
                                                       row.created_at_us,
                                                       digest_of(row));
  forget_backends(db);
}

void save_undo_count(Connection& db, const CheckpointRow& row) {
  db.statements<CheckpointStatements>().save_undo_count.execute(
      row.checkpoint_key, row.undo_count, digest_of(row));
}

void delete_checkpoint_row(Connection& db, const CheckpointRow& row) {
  db.statements<CheckpointStatements>().remove.execute(row.checkpoint_key);
  forget_backends(db);
}

void throw_no_checkpoint(std::string_view state, std::uint64_t id) {
  throw Error(ErrorCode::not_found,
              "state " + std::string(state) + " has no checkpoint " + std::to_string(id),
              {.id = std::to_string(id)});
}

}  // namespace holdfast::state
