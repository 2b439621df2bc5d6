#include "state/partition_row.hpp"

#include "content/row_digest.hpp"
#include "engine/remembered.hpp"
#include "engine/statement.hpp"

#include <array>
#include <bit>
#include <string>
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
        has_undo(c,
                 "SELECT EXISTS (SELECT 1 FROM state_undo WHERE backend_key = ?1"
                 "                  AND partition_key = ?2 AND raw_bytes IS NOT NULL)"),
        entries(c, "SELECT key, interval FROM state_entry WHERE partition_key = ?1 ORDER BY key"),
        forget(c,
               "DELETE FROM state_partition WHERE partition_key = ?2"
               "   AND NOT EXISTS (SELECT 1 FROM state_entry WHERE partition_key = ?2)"
               "   AND NOT EXISTS (SELECT 1 FROM state_undo"
               "                    WHERE backend_key = ?1 AND partition_key = ?2)"),
        remove(c, "DELETE FROM state_partition WHERE backend_key = ?1"),
        known(c) {}
  Statement find_by_name, find, list, insert, seal, has_entries, has_undo, entries, forget, remove;
  engine::Remembered<Partition> known;  // by full_name(); their `state` is not to be used
};

// The name as its columns; flat entries have the operator that no partition can have.
struct PartitionColumns {
  explicit PartitionColumns(const std::optional<PartitionKey>& key) {
    if (!key) return;
    operator_id = key->operator_id;
    partition = key->partition;
    subtask = key->subtask;
  }
  // No id has a NUL in it.
  std::string full_name(std::string_view state) const {
    std::string name;
    name.reserve(state.size() + operator_id.size() + 2 + sizeof(partition) + sizeof(subtask));
    name.append(state).append(1, '\0').append(operator_id).append(1, '\0');
    for (const std::int64_t number : {partition, subtask}) {
      const auto bytes = std::bit_cast<std::array<char, sizeof(number)>>(number);
      name.append(bytes.data(), bytes.size());
    }
    return name;
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

// `look_up` runs the statement that finds the row.
template <class LookUp>
std::optional<Partition> find_known(Connection& db,
                                    std::string_view state,
                                    const PartitionColumns& columns,
                                    const LookUp& look_up) {
  auto& statements = db.statements<PartitionStatements>();
  const std::string name = columns.full_name(state);
  if (const Partition* known = statements.known.find(name)) {
    return Partition{known->backend_key, known->partition_key, state};
  }
  auto row = look_up(statements);
  if (!row.step()) return std::nullopt;
  const Partition found = read_partition(row, state, columns);
  statements.known.remember(name, found);
  return found;
}

}  // namespace

std::optional<Partition> find_partition(Connection& db,
                                        std::string_view state,
                                        const std::optional<PartitionKey>& key) {
  const PartitionColumns columns(key);
  return find_known(db, state, columns, [&](PartitionStatements& statements) {
    return statements.find_by_name.run(
        state, columns.operator_id, columns.partition, columns.subtask);
  });
}

std::optional<Partition> find_partition(Connection& db,
                                        const BackendRow& backend,
                                        const std::optional<PartitionKey>& key) {
  const PartitionColumns columns(key);
  return find_known(db, backend.name, columns, [&](PartitionStatements& statements) {
    return statements.find.run(
        backend.backend_key, columns.operator_id, columns.partition, columns.subtask);
  });
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

bool has_others(Connection& db,
                const Partition& partition,
                const BackendRow& backend,
                const std::vector<Change>& changes) {
  auto& statements = db.statements<PartitionStatements>();
  {
    auto undo = statements.has_undo.run(partition.backend_key, partition.partition_key);
    if (undo.step() && undo.integer(0) != 0) return true;
  }
  auto next = changes.begin();
  auto row = statements.entries.run(partition.partition_key);
  while (row.step()) {
    const auto key = as_text(row.bytes(0));
    while (next != changes.end() && as_text(next->key) < key)
      ++next;
    const bool removed = next != changes.end() && as_text(next->key) == key && !next->value;
    if (!removed || row.integer(1) <= backend.newest_checkpoint) return true;
  }
  return false;
}

void forget_if_empty(Connection& db, const Partition& partition) {
  auto& statements = db.statements<PartitionStatements>();
  const auto gone = statements.forget.execute(partition.backend_key, partition.partition_key);
  if (gone > 0) statements.known.forget();
}

void delete_partition_rows(Connection& db, std::int64_t backend_key) {
  auto& statements = db.statements<PartitionStatements>();
  statements.remove.execute(backend_key);
  statements.known.forget();
}

}  // namespace holdfast::state
