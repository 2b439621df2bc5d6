// What the file says of itself: who it is, its leases, and the keys that it has given. None of it has a
// digest. And the digests of those rows that were changed.

#include "engine/row_insert.hpp"
#include "engine/statement.hpp"
#include "holdfast/id.hpp"
#include "maintain/salvaging.hpp"
#include "maintain/stored_tables.hpp"

#include <array>
#include <vector>

namespace holdfast::maintain {

namespace {

using engine::Connection;
using engine::Statement;
using Row = std::vector<StoredField>;
using Type = StoredField::Type;

// Keys of owners have 31 bits.
constexpr std::int64_t kMostGiven = 0x7fff'ffff;

std::string text_of(const StoredField& field) {
  return field.type == Type::text ? std::string(as_text(field.bytes)) : std::string();
}

void keep_store_id(Salvaging& salvaging) {
  bool kept = false;
  visit_rows(salvaging, "store", TreeKind::table, [&](const Row& row) {
    if (row.size() < 4 || !Uuid::parse(text_of(row[1])) || row[3].type != Type::integer) return;
    salvaging.write([&](Connection& db) {
      Statement update(db,
                       "UPDATE store SET store_id = ?1, created_at_us = ?2 WHERE store_key = 1");
      update.execute(text_of(row[1]), row[3].integer);
    });
    kept = true;
  });
  if (kept) return;
  salvaging.find(Severity::error, "store", "its id is lost; the new file has one of its own");
}

// A token must never go back. Where a lease is lost but for its name, it begins at a number that
// counting up by one has never reached.
void keep_lost_leases(Salvaging& salvaging) {
  salvaging.write([&](Connection& db) {
    Statement insert(db,
                     "INSERT OR IGNORE INTO lease (name, holder, token, boot_id, expires_at_ms,"
                     " acquired_at_us) VALUES (?1, NULL, ?2, '', 0, ?2)");
    visit_names(salvaging, "sqlite_autoindex_lease_1", [&](std::int64_t, const std::string& name) {
      if (insert.execute(name, salvaging.now_us()) == 0) return;
      salvaging.find(Severity::error,
                     "lease " + name,
                     "damaged; nobody holds it now, and its token is above every one given");
    });
  });
}

void keep_leases(Salvaging& salvaging) {
  SalvageCount count{.table = "lease"};
  const bool whole = visit_rows(salvaging, "lease", TreeKind::table, [&](const Row& row) {
    salvaging.write([&](Connection& db) {
      engine::RowInsert insert(db,
                               "INSERT INTO lease (lease_key, name, holder, token, boot_id,"
                               " expires_at_ms, acquired_at_us)"
                               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
      ++(insert.insert(row) ? count.kept : count.dropped);
    });
  });
  salvaging.count_of("lease") = count;
  if (whole && count.dropped == 0) return;
  salvaging.find(Severity::error, "table lease", "rows of it are damaged");
  keep_lost_leases(salvaging);
}

// What was given once is never given again, also where its row has gone.
void keep_given_keys(Salvaging& salvaging) {
  const bool whole = visit_rows(salvaging, "sqlite_sequence", TreeKind::table, [&](const Row& row) {
    if (row.size() != 2 || row[1].type != Type::integer || row[1].integer >= kMostGiven) return;
    salvaging.write([&](Connection& db) {
      Statement update(db, "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1");
      if (update.execute(text_of(row[0]), row[1].integer) != 0) return;
      Statement insert(db,
                       "INSERT INTO sqlite_sequence (name, seq) SELECT name, ?2"
                       " FROM sqlite_schema WHERE type = 'table' AND name = ?1");
      insert.execute(text_of(row[0]), row[1].integer);
    });
  });
  if (whole) return;
  salvaging.find(Severity::warning,
                 "table sqlite_sequence",
                 "damaged; internal keys go on from the highest that is there");
}

// Of tables whose rows are changed after they were found.
struct Seal {
  std::string_view table;
  const char* update;
};

constexpr std::array kSeals = {
    Seal{"session", "UPDATE session SET digest = ?2 WHERE session_key = ?1"},
    Seal{"segment", "UPDATE segment SET digest = ?2 WHERE segment_key = ?1"},
    Seal{"trace", "UPDATE trace SET digest = ?2 WHERE trace_key = ?1"},
    Seal{"checkpoint", "UPDATE checkpoint SET digest = ?2 WHERE checkpoint_key = ?1"},
    Seal{"run", "UPDATE run SET digest = ?2 WHERE run_key = ?1"},
    Seal{"snapshot", "UPDATE snapshot SET digest = ?2 WHERE snapshot_key = ?1"},
    Seal{"stream", "UPDATE stream SET digest = ?2 WHERE stream_key = ?1"},
    Seal{"state_backend", "UPDATE state_backend SET digest = ?2 WHERE backend_key = ?1"},
    Seal{"state_partition", "UPDATE state_partition SET digest = ?2 WHERE partition_key = ?1"},
    Seal{"state_checkpoint", "UPDATE state_checkpoint SET digest = ?2 WHERE checkpoint_key = ?1"},
};

struct Change {
  std::int64_t key = 0;
  std::int64_t digest = 0;
};

std::vector<Change> list_changes(Connection& db, const StoredTable& table) {
  std::vector<Change> changes;
  Statement select(db, table.rows);
  auto row = run_page(select, table, {}, -1);
  while (row.step()) {
    const RowDigestColumns columns = compute_digest(table, row);
    if (columns.computed != columns.stored) changes.push_back({row.integer(0), columns.computed});
  }
  return changes;
}

const StoredTable& digests_of(std::string_view name) {
  for (const StoredTable& table : stored_tables()) {
    if (table.name == name) return table;
  }
  return stored_tables().front();
}

}  // namespace

void seal_rows(Salvaging& salvaging) {
  for (const Seal& seal : kSeals) {
    salvaging.write([&](Connection& db) {
      Statement update(db, seal.update);
      for (const Change& change : list_changes(db, digests_of(seal.table)))
        update.execute(change.key, change.digest);
    });
  }
}

void salvage_identity(Salvaging& salvaging) {
  keep_store_id(salvaging);
  keep_leases(salvaging);
  keep_given_keys(salvaging);
}

}  // namespace holdfast::maintain
