#include "state/undo_log.hpp"

#include "content/payload.hpp"
#include "engine/statement.hpp"
#include "state/partition_row.hpp"

#include <set>
#include <vector>

namespace holdfast::state {

namespace {

using engine::Connection;
using engine::Query;
using engine::Statement;

// The index is named, since the other one would walk the whole log of the state: what a restore or a
// drop costs must follow what changed.
struct UndoStatements {
  explicit UndoStatements(Connection& c)
      : after(c,
              "SELECT undo_key, interval, partition_key, key, old_interval, raw_bytes, content_key,"
              "       old_digest, digest"
              "  FROM state_undo INDEXED BY state_undo_by_interval"
              " WHERE backend_key = ?1 AND interval > ?2 ORDER BY partition_key, key, interval"),
        unused(c,
               "SELECT undo_key, interval, partition_key, key, old_interval, raw_bytes,"
               "       content_key, old_digest, digest"
               "  FROM state_undo AS u INDEXED BY state_undo_by_interval"
               " WHERE backend_key = ?1 AND interval > ?2 AND interval <= ?3"
               "   AND (?4 = 0 OR EXISTS"
               "        (SELECT 1 FROM state_undo AS own"
               "          WHERE own.backend_key = ?1 AND own.partition_key = u.partition_key"
               "            AND own.key = u.key AND own.interval > ?4 AND own.interval <= ?2))"),
        remove(c, "DELETE FROM state_undo WHERE undo_key = ?1"),
        remove_after(c, "DELETE FROM state_undo WHERE backend_key = ?1 AND interval > ?2") {}
  Statement after, unused, remove, remove_after;
};

UndoRow read_undo_row(const Query& row, const BackendRow& backend) {
  const UndoRow undo{.undo_key = row.integer(0),
                     .backend_key = backend.backend_key,
                     .interval = row.integer(1),
                     .partition_key = row.integer(2),
                     .key = row.bytes(3),
                     .old_interval = row.optional_integer(4),
                     .raw_bytes = row.optional_integer(5),
                     .content_key = row.optional_integer(6),
                     .old_digest = row.optional_integer(7)};
  if (digest_of(undo) != row.integer(8)) throw_corrupt("an undo row", backend.name);
  return undo;
}

struct UnusedRow {
  std::int64_t undo_key = 0;
  std::optional<std::int64_t> content_key = std::nullopt;
};

}  // namespace

void for_each_undo_after(Connection& db,
                         const BackendRow& backend,
                         std::int64_t interval,
                         const std::function<void(const UndoRow&)>& visit) {
  auto row = db.statements<UndoStatements>().after.run(backend.backend_key, interval);
  while (row.step())
    visit(read_undo_row(row, backend));
}

void delete_undo_after(Connection& db, const BackendRow& backend, std::int64_t interval) {
  db.statements<UndoStatements>().remove_after.execute(backend.backend_key, interval);
}

std::int64_t free_undo_of(Connection& db, const BackendRow& backend, const UndoSpan& span) {
  auto& statements = db.statements<UndoStatements>();
  std::vector<UnusedRow> unused;
  std::set<std::int64_t> partitions;
  {
    auto row = statements.unused.run(backend.backend_key, span.interval, span.until, span.since);
    while (row.step()) {
      const UndoRow undo = read_undo_row(row, backend);
      unused.push_back({.undo_key = undo.undo_key, .content_key = undo.content_key});
      partitions.insert(undo.partition_key);
    }
  }
  for (const UnusedRow& row : unused) {
    content::remove(db, row.content_key);
    statements.remove.execute(row.undo_key);
  }
  for (const std::int64_t key : partitions) {
    forget_if_empty(db, {.backend_key = backend.backend_key, .partition_key = key});
  }
  return static_cast<std::int64_t>(unused.size());
}

}  // namespace holdfast::state
