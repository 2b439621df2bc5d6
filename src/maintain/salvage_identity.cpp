// What the file says of itself: who it is, its leases, and the keys that it has given. And the digests of
// those rows that were changed.

#include "engine/lease.hpp"
#include "engine/statement.hpp"
#include "engine/store_row.hpp"
#include "maintain/salvaging.hpp"
#include "maintain/stored_tables.hpp"

#include <array>
#include <optional>
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

// Columns of the tables, in the file.
constexpr std::size_t kStoreColumns = 8;
constexpr std::size_t kLeaseColumns = 8;

void keep_store_id(Salvaging& salvaging) {
  bool kept = false;
  visit_rows(salvaging, "store", TreeKind::table, [&](const Row& row) {
    if (row.size() != kStoreColumns) return;
    const engine::StoreRow found{.store_id = text_of(row[1]),
                                 .incarnation = text_of(row[2]),
                                 .created_at_us = row[3].integer};
    if (digest_of(found) != row.back().integer) return;
    salvaging.write([&](Connection& db) {
      engine::StoreRow ours = engine::read_store_row(db);
      ours.store_id = found.store_id;
      ours.created_at_us = found.created_at_us;
      engine::update_store_row(db, ours);
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
    visit_names(salvaging, "sqlite_autoindex_lease_1", [&](std::int64_t, const std::string& name) {
      if (engine::find_lease(db, name)) return;
      const std::int64_t now_us = salvaging.now_us();
      engine::insert_lease_row(
          db,
          {.name = name, .token = static_cast<std::uint64_t>(now_us), .acquired_at_us = now_us});
      salvaging.find(Severity::error,
                     "lease " + name,
                     "damaged; nobody holds it now, and its token is above every one given");
    });
  });
}

// Nothing for one that is not whole.
std::optional<engine::LeaseRow> lease_of(const Row& row) {
  if (row.size() != kLeaseColumns) return std::nullopt;
  engine::LeaseRow lease{.name = text_of(row[1]),
                         .token = static_cast<std::uint64_t>(row[3].integer),
                         .boot_id = text_of(row[4]),
                         .expires_at_ms = row[5].integer,
                         .acquired_at_us = row[6].integer};
  if (row[2].type == Type::text) lease.holder = text_of(row[2]);
  return digest_of(lease) == row[7].integer ? std::optional(lease) : std::nullopt;
}

void keep_leases(Salvaging& salvaging) {
  SalvageCount count{.table = "lease"};
  const bool whole = visit_rows(salvaging, "lease", TreeKind::table, [&](const Row& row) {
    const auto lease = lease_of(row);
    salvaging.write([&](Connection& db) {
      const bool keeps = lease && !engine::find_lease(db, lease->name);
      if (keeps) engine::insert_lease_row(db, *lease);
      ++(keeps ? count.kept : count.dropped);
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
