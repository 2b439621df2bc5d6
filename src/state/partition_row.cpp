#include "state/partition_row.hpp"

#include "content/row_digest.hpp"
#include "engine/statement.hpp"

#include <utility>

namespace holdfast::state {

namespace {

using engine::Connection;
using engine::Query;
using engine::Statement;

struct PartitionStatements {
  explicit PartitionStatements(Connection& c)
      : find_by_name(c,
                     "SELECT p.partition_key, p.backend_key, p.digest"
                     "  FROM state_backend AS b"
                     "  JOIN state_partition AS p ON p.backend_key = b.backend_key"
                     " WHERE b.name = ?1 AND p.operator = ?2 AND p.partition = ?3"
                     "   AND p.subtask = ?4"),
        find(c,
             "SELECT partition_key, backend_key, digest FROM state_partition"
             " WHERE backend_key = ?1 AND operator = ?2 AND partition = ?3 AND subtask = ?4"),
        list(c,
             "SELECT partition_key, backend_key, digest, operator, partition, subtask"
             "  FROM state_partition WHERE backend_key = ?1"
             " ORDER BY operator, partition, subtask"),
        insert(c,
               "INSERT INTO state_partition (backend_key, operator, partition, subtask, digest)"
               " VALUES (?1, ?2, ?3, ?4, 0)"),
        seal(c, "UPDATE state_partition SET digest = ?2 WHERE partition_key = ?1"),
        has_entries(c,
                    "SELECT EXISTS (SELECT 1 FROM state_entry WHERE partition_key = ?2)"
                    "    OR EXISTS (SELECT 1 FROM state_undo WHERE backend_key = ?1"
                    "                  AND partition_key = ?2 AND raw_bytes IS NOT NULL)"),
        forget(c,
               "DELETE FROM state_partition WHERE partition_key = ?2"
               "   AND NOT EXISTS (SELECT 1 FROM state_entry WHERE partition_key = ?2)"
               "   AND NOT EXISTS (SELECT 1 FROM state_undo"
               "                    WHERE backend_key = ?1 AND partition_key = ?2)"),
        remove(c, "DELETE FROM state_partition WHERE backend_key = ?1") {}
  Statement find_by_name, find, list, insert, seal, has_entries, forget, remove;
};

// The name as its columns; flat entries have the operator that no partition can have.
struct PartitionColumns {
  explicit PartitionColumns(const std::optional<PartitionKey>& key) {
    if (!key) return;
    operator_id = key->operator_id;
    partition = key->partition;
    subtask = key->subtask;
  }
  std::string_view operator_id = "";
  std::int64_t partition = 0;
  std::int64_t subtask = 0;
};

std::int64_t digest_of(const Partition& partition, const PartitionColumns& columns) {
  return content::RowDigest()
      .add(partition.partition_key)
      .add(partition.backend_key)
      .add(columns.operator_id)
      .add(columns.partition)
      .add(columns.subtask)
      .value();
}

Partition read_partition(const Query& row,
                         std::string_view state,
                         const PartitionColumns& columns) {
  const Partition partition{
      .backend_key = row.integer(1), .partition_key = row.integer(0), .state = state};
  if (digest_of(partition, columns) != row.integer(2))
    throw_corrupt("a partition of a state", state);
  return partition;
}

}  // namespace

std::optional<Partition> find_partition(Connection& db,
                                        std::string_view state,
                                        const std::optional<PartitionKey>& key) {
  const PartitionColumns columns(key);
  auto row = db.statements<PartitionStatements>().find_by_name.run(
      state, columns.operator_id, columns.partition, columns.subtask);
  if (!row.step()) return std::nullopt;
  return read_partition(row, state, columns);
}

std::optional<Partition> find_partition(Connection& db,
                                        const BackendRow& backend,
                                        const std::optional<PartitionKey>& key) {
  const PartitionColumns columns(key);
  auto row = db.statements<PartitionStatements>().find.run(
      backend.backend_key, columns.operator_id, columns.partition, columns.subtask);
  if (!row.step()) return std::nullopt;
  return read_partition(row, backend.name, columns);
}

Partition find_or_make_partition(Connection& db,
                                 const BackendRow& backend,
                                 const std::optional<PartitionKey>& key) {
  if (auto found = find_partition(db, backend, key)) return *found;
  const PartitionColumns columns(key);
  auto& statements = db.statements<PartitionStatements>();
  statements.insert.execute(
      backend.backend_key, columns.operator_id, columns.partition, columns.subtask);
  const Partition made{.backend_key = backend.backend_key,
                       .partition_key = db.last_insert_rowid(),
                       .state = backend.name};
  statements.seal.execute(made.partition_key, digest_of(made, columns));
  return made;
}

std::vector<NamedPartition> list_partitions(Connection& db, const BackendRow& backend) {
  std::vector<NamedPartition> partitions;
  auto row = db.statements<PartitionStatements>().list.run(backend.backend_key);
  while (row.step()) {
    std::optional<PartitionKey> key;
    if (!row.text(3).empty()) {
      key = PartitionKey{.operator_id = row.string(3),
                         .partition = static_cast<std::uint32_t>(row.integer(4)),
                         .subtask = static_cast<std::uint32_t>(row.integer(5))};
    }
    const Partition partition = read_partition(row, backend.name, PartitionColumns(key));
    partitions.push_back({.partition = partition, .key = std::move(key)});
  }
  return partitions;
}

bool has_entries(Connection& db, const Partition& partition) {
  auto row = db.statements<PartitionStatements>().has_entries.run(partition.backend_key,
                                                                  partition.partition_key);
  return row.step() && row.integer(0) != 0;
}

void forget_if_empty(Connection& db, const Partition& partition) {
  db.statements<PartitionStatements>().forget.execute(partition.backend_key,
                                                      partition.partition_key);
}

void delete_partition_rows(Connection& db, std::int64_t backend_key) {
  db.statements<PartitionStatements>().remove.execute(backend_key);
}

}  // namespace holdfast::state
