// Rows of state_entry and state_undo: their digests, and reading them, as they are now and as they were
// when an interval ended.
//
// Errors   corrupt: a row fails its digest, or an undo row that must be there is missing
// Threads  within a transaction
#pragma once

#include "content/payload.hpp"
#include "engine/connection.hpp"
#include "holdfast/bytes.hpp"
#include "holdfast/state.hpp"
#include "state/key_range.hpp"
#include "state/partition_row.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace holdfast::state {

std::int64_t digest_of_entry(std::int64_t partition_key,
                             BytesView key,
                             std::int64_t interval,
                             const content::Payload& payload);

// A row of state_undo without its payload, which old_digest covers. What was an entry has all of
// old_interval, raw_bytes and old_digest; an absence has none.
struct UndoRow {
  std::int64_t undo_key = 0;
  std::int64_t backend_key = 0;
  std::int64_t interval = 0;
  std::int64_t partition_key = 0;
  BytesView key = {};
  std::optional<std::int64_t> old_interval = std::nullopt;
  std::optional<std::int64_t> raw_bytes = std::nullopt;
  std::optional<std::int64_t> content_key = std::nullopt;
  std::optional<std::int64_t> old_digest = std::nullopt;
};

std::int64_t digest_of(const UndoRow& row);

std::optional<Bytes> get_entry(engine::Connection& db, const Partition& partition, BytesView key);
// The length of its value.
std::optional<std::int64_t> find_value_bytes(engine::Connection& db,
                                             const Partition& partition,
                                             BytesView key);
bool has_entry(engine::Connection& db, const Partition& partition, BytesView key);
// As it was when `interval`, which a checkpoint has ended, was over.
std::optional<Bytes> get_entry_at(engine::Connection& db,
                                  const Partition& partition,
                                  std::int64_t interval,
                                  BytesView key);

// Gets the entries one by one; false: that was enough. The key is borrowed.
using EntrySink = std::function<bool(BytesView key, Bytes value)>;
// One that fills `entries`, which must outlive it, up to `limit` (at least one).
EntrySink collect_into(std::vector<StateEntry>& entries, std::size_t limit);

struct Scan {
  Partition partition = {};
  KeyRange range = {};
  bool reverse = false;
};

void scan_entries(engine::Connection& db, const Scan& scan, const EntrySink& sink);
// Both tables in one pass, merged in key order: entries that have not changed since, and of the others
// what the undo rows kept.
void scan_entries_at(engine::Connection& db,
                     const Scan& scan,
                     std::int64_t interval,
                     const EntrySink& sink);

// The first keys of a range, some of them; none: there are none. Values are not looked at.
std::vector<Bytes> list_keys(engine::Connection& db,
                             const Partition& partition,
                             const KeyRange& range);

// Deletes all entries with their contents.
void delete_entries(engine::Connection& db, const Partition& partition);

}  // namespace holdfast::state
