// Owners whose own row is lost, while what they own is there: the index on their names still has their
// name and key, and the rest is counted anew. Of segments and of the events of runs that is not
// enough: which log was theirs stood in their row alone.

#include "engine/statement.hpp"
#include "maintain/row_repair.hpp"
#include "maintain/salvaging.hpp"

#include <array>

namespace holdfast::maintain {

namespace {

using engine::Connection;
using engine::Statement;
using Row = std::vector<StoredField>;
using Type = StoredField::Type;

// `insert` makes the row of key ?1, named ?2, if there is something that it owns; ?3 is a number that
// counting has never reached.
struct OwnerTable {
  const char* kind;
  const char* index;
  const char* insert;
};

constexpr std::array kOwners = {
    OwnerTable{"session",
               "sqlite_autoindex_session_1",
               "INSERT OR IGNORE INTO session (session_key, name, created_at_us, recency_us,"
               " recency_given, segment_count, digest)"
               " SELECT ?1, ?2, created, recency, 0, n, 0 FROM (SELECT count(*) AS n,"
               "  min(created_at_us) AS created, min(recency_us) AS recency, ?3"
               "  FROM segment WHERE session_key = ?1) WHERE n > 0"},
    OwnerTable{"trace",
               "sqlite_autoindex_trace_1",
               "INSERT OR IGNORE INTO trace (trace_key, name, last_ordinal, oldest_ordinal,"
               " newest_ordinal, checkpoint_count, created_at_us, digest)"
               " SELECT ?1, ?2, newest, oldest, newest, n, created, 0 FROM (SELECT count(*) AS n,"
               "  min(checkpoint_key) & 4294967295 AS oldest,"
               "  max(checkpoint_key) & 4294967295 AS newest, min(saved_at_us) AS created, ?3"
               "  FROM checkpoint WHERE checkpoint_key"
               "   BETWEEN (?1 << 32) + 1 AND (?1 << 32) + 4294967295) WHERE n > 0"},
    OwnerTable{"run",
               "sqlite_autoindex_run_1",
               "INSERT OR IGNORE INTO run (run_key, name, first_seq, event_count, raw_bytes,"
               " snapshot_count, oldest_at_seq, newest_at_seq, created_at_us, digest)"
               " SELECT ?1, ?2, 1, 0, 0, n, oldest, newest, created, 0 FROM (SELECT count(*) AS n,"
               "  min(at_seq) AS oldest, max(at_seq) AS newest, min(created_at_us) AS created, ?3"
               "  FROM snapshot WHERE run_key = ?1) WHERE n > 0"},
    OwnerTable{"stream",
               "sqlite_autoindex_stream_1",
               "INSERT OR IGNORE INTO stream (stream_key, name, created_at_us, latest_id,"
               " id_digest, digest)"
               " SELECT ?1, ?2, created, latest, 0, 0 FROM (SELECT count(*) AS n,"
               "  min(saved_at_us) AS created, max(checkpoint_id) AS latest, ?3"
               "  FROM manifest WHERE stream_key = ?1) WHERE n > 0"},
    // What is kept since the newest checkpoint is counted one too many, so that each checkpoint is
    // put together and compared (salvage_state.cpp).
    OwnerTable{"state",
               "sqlite_autoindex_state_backend_1",
               "INSERT OR IGNORE INTO state_backend (backend_key, name, version, entry_count,"
               " size_bytes, interval, undo_count, created_at_us, digest)"
               " SELECT ?1, ?2, ?3, n, bytes, 1 + max(changed, kept, ended), undo + 1, ?3, 0 FROM ("
               "  SELECT (SELECT count(*) FROM state_partition AS p WHERE p.backend_key = ?1)"
               "    AS partitions,"
               "   (SELECT count(*) FROM state_partition AS p JOIN state_entry AS e"
               "     ON e.partition_key = p.partition_key WHERE p.backend_key = ?1) AS n,"
               "   (SELECT CAST(total(length(e.key) + e.raw_bytes) AS INTEGER)"
               "     FROM state_partition AS p JOIN state_entry AS e"
               "     ON e.partition_key = p.partition_key WHERE p.backend_key = ?1) AS bytes,"
               "   (SELECT ifnull(max(e.interval), 0) FROM state_partition AS p"
               "     JOIN state_entry AS e ON e.partition_key = p.partition_key"
               "     WHERE p.backend_key = ?1) AS changed,"
               "   (SELECT ifnull(max(interval), 0) FROM state_undo WHERE backend_key = ?1)"
               "    AS kept,"
               "   (SELECT ifnull(max(interval), 0) FROM state_checkpoint WHERE backend_key = ?1)"
               "    AS ended,"
               "   (SELECT count(*) FROM state_undo WHERE backend_key = ?1) AS undo)"
               " WHERE partitions > 0"},
};

constexpr const char* kInsertPartition =
    "INSERT OR IGNORE INTO state_partition (partition_key, backend_key, operator, partition,"
    " subtask, digest) SELECT ?1, ?2, ?3, ?4, ?5, 0 WHERE"
    " EXISTS (SELECT 1 FROM state_entry WHERE partition_key = ?1)"
    " OR EXISTS (SELECT 1 FROM state_undo WHERE partition_key = ?1)";

bool is_integer(const StoredField& field) {
  return field.type == Type::integer;
}

// The index holds all columns of a partition but its digest.
void rebuild_partitions(Salvaging& salvaging, Connection& db) {
  Statement insert(db, kInsertPartition);
  visit_rows(salvaging, "sqlite_autoindex_state_partition_1", TreeKind::index, [&](const Row& row) {
    if (row.size() != 5 || row[1].type != Type::text) return;
    if (!is_integer(row[0]) || !is_integer(row[2]) || !is_integer(row[3]) || !is_integer(row[4])) {
      return;
    }
    if (insert.execute(row[4].integer,
                       row[0].integer,
                       as_text(row[1].bytes),
                       row[2].integer,
                       row[3].integer) == 0) {
      return;
    }
    salvaging.find(Severity::warning,
                   "table state_partition",
                   "a row is lost, and was made anew from its index");
  });
}

void rebuild(Salvaging& salvaging, Connection& db, const OwnerTable& table) {
  Statement insert(db, table.insert);
  visit_names(salvaging, table.index, [&](std::int64_t key, const std::string& name) {
    if (insert.execute(key, name, salvaging.now_us()) == 0) return;
    salvaging.find(Severity::error,
                   std::string(table.kind) + " " + name,
                   "its record is lost, and was made anew from what names it");
  });
}

// A session's digest does not cover its key: the index says it a second time.
void remove_misplaced_sessions(Salvaging& salvaging, Connection& db) {
  Statement remove(db, "DELETE FROM session WHERE name = ?2 AND session_key <> ?1");
  visit_names(
      salvaging, "sqlite_autoindex_session_1", [&](std::int64_t key, const std::string& name) {
        if (remove.execute(key, name) == 0) return;
        salvaging.drop("session", 1);
        salvaging.find(Severity::error, "session " + name, "its key is damaged");
      });
}

}  // namespace

void visit_names(Salvaging& salvaging,
                 const char* index,
                 const std::function<void(std::int64_t key, const std::string& name)>& visit) {
  visit_rows(salvaging, index, TreeKind::index, [&](const Row& row) {
    if (row.size() != 2 || row[0].type != Type::text || !is_integer(row[1])) return;
    visit(row[1].integer, std::string(as_text(row[0].bytes)));
  });
}

bool visit_rows(Salvaging& salvaging,
                const char* tree,
                TreeKind kind,
                const std::function<void(const Row&)>& visit) {
  const DamagedPages& pages = salvaging.pages();
  const ReadPage read_page = [&](std::uint32_t page) { return pages.read_overflow(page); };
  const auto numbers = pages.pages_of(salvaging.roots[tree]);
  std::uint64_t bad = numbers.empty() ? 1 : 0;
  for (const std::uint32_t number : numbers) {
    const auto page = pages.read(number);
    // Of an index, the checksum covers all that is read of it here.
    const bool readable =
        page && (kind == TreeKind::table || !engine::has_broken_seal(*page, number));
    const auto cells = readable
                           ? read_cells(*page, number, pages.usable_bytes(), kind, read_page, bad)
                           : std::nullopt;
    if (!cells) ++bad;
    for (const StoredCell& cell : cells.value_or(std::vector<StoredCell>())) {
      const auto row = decode_row(cell, kind);
      if (row) visit(*row);
      if (!row) ++bad;
    }
  }
  return bad == 0;
}

void rebuild_owners(Salvaging& salvaging) {
  salvaging.write([&](Connection& db) {
    remove_misplaced_sessions(salvaging, db);
    rebuild_partitions(salvaging, db);
    for (const OwnerTable& table : kOwners)
      rebuild(salvaging, db, table);
  });
}

}  // namespace holdfast::maintain
