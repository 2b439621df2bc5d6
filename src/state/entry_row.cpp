#include "state/entry_row.hpp"

#include "content/row_digest.hpp"
#include "engine/statement.hpp"

#include <utility>

namespace holdfast::state {

namespace {

using engine::Connection;
using engine::Query;
using engine::Statement;

// Every query lists an entry as key, interval, raw_bytes, payload, content_key, digest; those that read
// at a checkpoint add interval and digest of the undo row (NULL for an entry).
enum Column : int {
  key_column,
  interval_column,
  raw_bytes_column,
  payload_column,
  content_key_column,
  digest_column,
  undo_interval_column,
  undo_digest_column,
};

constexpr std::size_t kKeysPerPage = 256;

struct EntryStatements {
  explicit EntryStatements(Connection& c)
      : get(c,
            "SELECT key, interval, raw_bytes, payload, content_key, digest FROM state_entry"
            " WHERE partition_key = ?1 AND key = ?2"),
        ascending(c,
                  "SELECT key, interval, raw_bytes, payload, content_key, digest FROM state_entry"
                  " WHERE partition_key = ?1 AND key >= ?2 AND key < ?3 ORDER BY key"),
        descending(c,
                   "SELECT key, interval, raw_bytes, payload, content_key, digest FROM state_entry"
                   " WHERE partition_key = ?1 AND key >= ?2 AND key < ?3 ORDER BY key DESC"),
        keys(c,
             "SELECT key FROM state_entry WHERE partition_key = ?1 AND key >= ?2 AND key < ?3"
             " ORDER BY key"),
        with_content(
            c,
            "SELECT key, interval, raw_bytes, payload, content_key, digest FROM state_entry"
            " WHERE partition_key = ?1 AND content_key IS NOT NULL"),
        remove_all(c, "DELETE FROM state_entry WHERE partition_key = ?1") {}
  Statement get, ascending, descending, keys, with_content, remove_all;
};

// SQLite merges the two ordered halves row by row (MERGE in its plan): nothing is sorted or kept.
#define HOLDFAST_STATE_ENTRIES_AT                                                               \
  "SELECT key, interval, raw_bytes, payload, content_key, digest, NULL, NULL FROM state_entry"  \
  " WHERE partition_key = ?2 AND key >= ?3 AND key < ?4 AND interval <= ?5"                     \
  " UNION ALL "                                                                                 \
  "SELECT key, old_interval, raw_bytes, payload, content_key, old_digest, interval, digest"     \
  "  FROM state_undo AS u"                                                                      \
  " WHERE backend_key = ?1 AND partition_key = ?2 AND key >= ?3 AND key < ?4 AND interval > ?5" \
  "   AND NOT EXISTS (SELECT 1 FROM state_undo AS earlier"                                      \
  "                    WHERE earlier.backend_key = ?1 AND earlier.partition_key = ?2"           \
  "                      AND earlier.key = u.key AND earlier.interval > ?5"                     \
  "                      AND earlier.interval < u.interval)"

struct EntryAtStatements {
  explicit EntryAtStatements(Connection& c)
      : get_undo(c,
                 "SELECT key, old_interval, raw_bytes, payload, content_key, old_digest, interval,"
                 "       digest FROM state_undo"
                 " WHERE backend_key = ?1 AND partition_key = ?2 AND key = ?3 AND interval > ?4"
                 " ORDER BY interval LIMIT 1"),
        ascending(c, HOLDFAST_STATE_ENTRIES_AT " ORDER BY key"),
        descending(c, HOLDFAST_STATE_ENTRIES_AT " ORDER BY key DESC") {}
  Statement get_undo, ascending, descending;
};

#undef HOLDFAST_STATE_ENTRIES_AT

void check_entry(const Query& row, const Partition& partition) {
  const std::int64_t digest = content::RowDigest()
                                  .add(partition.partition_key)
                                  .add(row.bytes(key_column))
                                  .add(row.integer(interval_column))
                                  .add_payload(row, raw_bytes_column)
                                  .value();
  if (digest != row.integer(digest_column)) throw_corrupt("an entry", partition.state);
}

Bytes read_value(Connection& db, const Query& row, const Partition& partition) {
  check_entry(row, partition);
  return content::load(db, row, raw_bytes_column);
}

// nullopt: it was absent then.
std::optional<Bytes> read_undo(Connection& db, const Query& row, const Partition& partition) {
  const UndoRow undo{.backend_key = partition.backend_key,
                     .interval = row.integer(undo_interval_column),
                     .partition_key = partition.partition_key,
                     .key = row.bytes(key_column),
                     .old_interval = row.optional_integer(interval_column),
                     .raw_bytes = row.optional_integer(raw_bytes_column),
                     .content_key = row.optional_integer(content_key_column),
                     .old_digest = row.optional_integer(digest_column)};
  if (digest_of(undo) != row.integer(undo_digest_column))
    throw_corrupt("an undo row", partition.state);
  if (!undo.old_interval) return std::nullopt;
  return read_value(db, row, partition);
}

}  // namespace

std::int64_t digest_of_entry(std::int64_t partition_key,
                             BytesView key,
                             std::int64_t interval,
                             const content::Payload& payload) {
  return content::RowDigest()
      .add(partition_key)
      .add(key)
      .add(interval)
      .add_payload(payload)
      .value();
}

std::int64_t digest_of(const UndoRow& row) {
  return content::RowDigest()
      .add(row.backend_key)
      .add(row.interval)
      .add(row.partition_key)
      .add(row.key)
      .add(row.old_interval)
      .add(row.raw_bytes)
      .add(row.content_key)
      .add(row.old_digest)
      .value();
}

std::optional<Bytes> get_entry(Connection& db, const Partition& partition, BytesView key) {
  auto row = db.statements<EntryStatements>().get.run(partition.partition_key, key);
  if (!row.step()) return std::nullopt;
  return read_value(db, row, partition);
}

std::optional<std::int64_t> find_value_bytes(Connection& db,
                                             const Partition& partition,
                                             BytesView key) {
  auto row = db.statements<EntryStatements>().get.run(partition.partition_key, key);
  if (!row.step()) return std::nullopt;
  return row.integer(raw_bytes_column);
}

bool has_entry(Connection& db, const Partition& partition, BytesView key) {
  auto row = db.statements<EntryStatements>().get.run(partition.partition_key, key);
  if (!row.step()) return false;
  check_entry(row, partition);
  return true;
}

std::optional<Bytes> get_entry_at(Connection& db,
                                  const Partition& partition,
                                  std::int64_t interval,
                                  BytesView key) {
  {
    auto row = db.statements<EntryAtStatements>().get_undo.run(
        partition.backend_key, partition.partition_key, key, interval);
    if (row.step()) return read_undo(db, row, partition);
  }
  auto row = db.statements<EntryStatements>().get.run(partition.partition_key, key);
  if (!row.step()) return std::nullopt;
  // It has changed since, so what it was must have been kept.
  if (row.integer(interval_column) > interval) throw_corrupt("the undo log", partition.state);
  return read_value(db, row, partition);
}

EntrySink collect_into(std::vector<StateEntry>& entries, std::size_t limit) {
  return [&entries, limit](BytesView key, Bytes value) {
    entries.push_back({.key = to_bytes(key), .value = std::move(value)});
    return entries.size() < limit;
  };
}

void scan_entries(Connection& db, const Scan& scan, const EntrySink& sink) {
  auto& statements = db.statements<EntryStatements>();
  auto row = (scan.reverse ? statements.descending : statements.ascending)
                 .run(scan.partition.partition_key, scan.range.from, scan.range.end());
  while (row.step()) {
    if (!sink(row.bytes(key_column), read_value(db, row, scan.partition))) return;
  }
}

void scan_entries_at(Connection& db,
                     const Scan& scan,
                     std::int64_t interval,
                     const EntrySink& sink) {
  auto& statements = db.statements<EntryAtStatements>();
  auto row = (scan.reverse ? statements.descending : statements.ascending)
                 .run(scan.partition.backend_key,
                      scan.partition.partition_key,
                      scan.range.from,
                      scan.range.end(),
                      interval);
  while (row.step()) {
    std::optional<Bytes> value = row.is_null(undo_interval_column)
                                     ? read_value(db, row, scan.partition)
                                     : read_undo(db, row, scan.partition);
    if (value && !sink(row.bytes(key_column), *std::move(value))) return;
  }
}

std::vector<Bytes> list_keys(Connection& db, const Partition& partition, const KeyRange& range) {
  std::vector<Bytes> keys;
  auto row =
      db.statements<EntryStatements>().keys.run(partition.partition_key, range.from, range.end());
  while (keys.size() < kKeysPerPage && row.step())
    keys.push_back(to_bytes(row.bytes(0)));
  return keys;
}

void delete_entries(Connection& db, const Partition& partition) {
  auto& statements = db.statements<EntryStatements>();
  {
    auto row = statements.with_content.run(partition.partition_key);
    while (row.step()) {
      check_entry(row, partition);
      content::remove(db, row.optional_integer(content_key_column));
    }
  }
  statements.remove_all.execute(partition.partition_key);
}

}  // namespace holdfast::state
