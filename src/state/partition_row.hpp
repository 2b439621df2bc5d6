// Rows of state_partition: between the name of a partition and its entries.
//
// Errors   corrupt: a row fails its digest
#pragma once

#include "engine/connection.hpp"
#include "holdfast/state.hpp"
#include "state/backend_row.hpp"
#include "state/change_buffer.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace holdfast::state {

// Where entries live. `state` is for messages; it borrows the name that the row was found by.
struct Partition {
  std::int64_t backend_key = 0;
  std::int64_t partition_key = 0;
  std::string_view state = {};
};

// With its name; none: the flat entries.
struct NamedPartition {
  Partition partition = {};
  std::optional<PartitionKey> key = std::nullopt;
};

// From the names to the keys in one statement.
std::optional<Partition> find_partition(engine::Connection& db,
                                        std::string_view state,
                                        const std::optional<PartitionKey>& key);
// `backend` must outlive what is found.
std::optional<Partition> find_partition(engine::Connection& db,
                                        const BackendRow& backend,
                                        const std::optional<PartitionKey>& key);
Partition find_or_make_partition(engine::Connection& db,
                                 const BackendRow& backend,
                                 const std::optional<PartitionKey>& key);
// By operator, partition, subtask: the flat ones first.
std::vector<NamedPartition> list_partitions(engine::Connection& db, const BackendRow& backend);
// Has it an entry, now or at a checkpoint?
bool has_entries(engine::Connection& db, const Partition& partition);
// ... once the changes, sorted by key, are made? A removed entry stays for a checkpoint that has seen it.
bool has_others(engine::Connection& db,
                const Partition& partition,
                const BackendRow& backend,
                const std::vector<Change>& changes);
// Removes the row once neither an entry nor an undo row needs it.
void forget_if_empty(engine::Connection& db, const Partition& partition);
void delete_partition_rows(engine::Connection& db, std::int64_t backend_key);

}  // namespace holdfast::state
