#include "state/backend_edit.hpp"

#include "content/payload.hpp"
#include "content/row_digest.hpp"
#include "defect.hpp"
#include "engine/statement.hpp"

#include <utility>

namespace holdfast::state {

namespace {

using engine::Connection;
using engine::Statement;

struct EditStatements {
  explicit EditStatements(Connection& c)
      : find(c,
             "SELECT interval, raw_bytes, NULL, content_key, digest FROM state_entry"
             " WHERE partition_key = ?1 AND key = ?2"),
        put(c,
            "INSERT INTO state_entry (partition_key, key, interval, raw_bytes, content_key, digest,"
            " payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
            " ON CONFLICT (partition_key, key) DO UPDATE SET interval = excluded.interval,"
            " raw_bytes = excluded.raw_bytes, content_key = excluded.content_key,"
            " digest = excluded.digest, payload = excluded.payload"),
        put_back(c,
                 "INSERT OR REPLACE INTO state_entry (partition_key, key, interval, raw_bytes,"
                 " content_key, digest, payload)"
                 " SELECT partition_key, key, old_interval, raw_bytes, content_key, old_digest,"
                 "        payload FROM state_undo WHERE undo_key = ?1"),
        remove(c, "DELETE FROM state_entry WHERE partition_key = ?1 AND key = ?2"),
        keep_entry(c,
                   "INSERT INTO state_undo (backend_key, interval, partition_key, key,"
                   " old_interval, raw_bytes, content_key, old_digest, digest, payload)"
                   " SELECT ?1, ?2, partition_key, key, interval, raw_bytes, content_key, digest,"
                   "        ?5, payload FROM state_entry WHERE partition_key = ?3 AND key = ?4"),
        keep_absence(c,
                     "INSERT INTO state_undo (backend_key, interval, partition_key, key, digest)"
                     " SELECT ?1, ?2, ?3, ?4, ?5"
                     "  WHERE NOT EXISTS (SELECT 1 FROM state_undo"
                     "                     WHERE backend_key = ?1 AND partition_key = ?3"
                     "                       AND key = ?4 AND interval > ?6)") {}
  Statement find, put, put_back, remove, keep_entry, keep_absence;
};

}  // namespace

BackendEdit::BackendEdit(Connection& db, std::string_view state, std::int64_t now_us)
    : db_(db), row_(find_or_make_backend(db, state, now_us)) {}

BackendEdit::BackendEdit(Connection& db, BackendRow row) : db_(db), row_(std::move(row)) {}

Partition BackendEdit::partition(const std::optional<PartitionKey>& key) {
  return find_or_make_partition(db_, row_, key);
}

void BackendEdit::put(const Partition& partition, BytesView key, BytesView value) {
  const auto old = find(partition, key);
  // First, so that the new value shares what it has in common with the old one.
  const auto payload = content::Payload::store(
      db_, value, content::Form::unknown, old ? old->content_key : std::nullopt);
  if (old) {
    keep_or_free(partition, key, *old);
    discount(key, old->raw_bytes, old->digest);
  } else {
    keep_absence(partition, key);
  }
  const std::int64_t digest = digest_of_entry(partition.partition_key, key, row_.interval, payload);
  db_.statements<EditStatements>().put.execute(partition.partition_key,
                                               key,
                                               row_.interval,
                                               payload.raw_bytes(),
                                               payload.content_key(),
                                               digest,
                                               payload.value());
  count(key, payload.raw_bytes(), digest);
}

bool BackendEdit::remove(const Partition& partition, BytesView key) {
  const auto old = find(partition, key);
  if (!old) return false;
  keep_or_free(partition, key, *old);
  db_.statements<EditStatements>().remove.execute(partition.partition_key, key);
  discount(key, old->raw_bytes, old->digest);
  return true;
}

void BackendEdit::put_back(const UndoRow& undo) {
  auto& statements = db_.statements<EditStatements>();
  const auto now = find(
      {.backend_key = row_.backend_key, .partition_key = undo.partition_key, .state = row_.name},
      undo.key);
  if (now) {
    content::remove(db_, now->content_key);
    discount(undo.key, now->raw_bytes, now->digest);
  }
  if (undo.raw_bytes && undo.old_digest) {
    statements.put_back.execute(undo.undo_key);
    count(undo.key, *undo.raw_bytes, *undo.old_digest);
  } else if (now) {
    statements.remove.execute(undo.partition_key, undo.key);
  }
}

void BackendEdit::save(std::int64_t versions) {
  row_.version += versions;
  save_backend(db_, row_);
}

// A large value's row has no payload, so its digest costs nothing to check here; and it must be checked,
// since the content that a damaged row names may be somebody else's.
std::optional<BackendEdit::OldEntry> BackendEdit::find(const Partition& partition, BytesView key) {
  auto row = db_.statements<EditStatements>().find.run(partition.partition_key, key);
  if (!row.step()) return std::nullopt;
  const OldEntry old{.interval = row.integer(0),
                     .raw_bytes = row.integer(1),
                     .content_key = row.optional_integer(3),
                     .digest = row.integer(4)};
  if (old.content_key) {
    const std::int64_t digest = content::RowDigest()
                                    .add(partition.partition_key)
                                    .add(key)
                                    .add(old.interval)
                                    .add_payload(row, 1)
                                    .value();
    if (digest != old.digest) throw_corrupt("an entry", row_.name);
  }
  return old;
}

void BackendEdit::keep_or_free(const Partition& partition, BytesView key, const OldEntry& old) {
  const bool seen = row_.newest_checkpoint >= old.interval;  // by a checkpoint
  if (!seen || planted("undo_not_kept")) {
    content::remove(db_, old.content_key);
    return;
  }
  const UndoRow undo{.backend_key = row_.backend_key,
                     .interval = row_.interval,
                     .partition_key = partition.partition_key,
                     .key = key,
                     .old_interval = old.interval,
                     .raw_bytes = old.raw_bytes,
                     .content_key = old.content_key,
                     .old_digest = old.digest};
  row_.undo_count += db_.statements<EditStatements>().keep_entry.execute(
      undo.backend_key, undo.interval, undo.partition_key, key, digest_of(undo));
}

// A key that is absent has no interval to ask. If it was removed or made since the newest checkpoint, its
// undo row is there already, perhaps under a lower interval than the open one (a checkpoint between
// them was dropped): so a unique index alone would not do.
void BackendEdit::keep_absence(const Partition& partition, BytesView key) {
  if (row_.newest_checkpoint == 0) return;
  const UndoRow undo{.backend_key = row_.backend_key,
                     .interval = row_.interval,
                     .partition_key = partition.partition_key,
                     .key = key};
  row_.undo_count += db_.statements<EditStatements>().keep_absence.execute(undo.backend_key,
                                                                           undo.interval,
                                                                           undo.partition_key,
                                                                           key,
                                                                           digest_of(undo),
                                                                           row_.newest_checkpoint);
}

void BackendEdit::count(BytesView key, std::int64_t raw_bytes, std::int64_t digest) {
  ++row_.entry_count;
  row_.size_bytes += static_cast<std::int64_t>(key.size()) + raw_bytes;
  row_.entries_digest += static_cast<std::uint64_t>(digest);
}

void BackendEdit::discount(BytesView key, std::int64_t raw_bytes, std::int64_t digest) {
  --row_.entry_count;
  row_.size_bytes -= static_cast<std::int64_t>(key.size()) + raw_bytes;
  row_.entries_digest -= static_cast<std::uint64_t>(digest);
}

}  // namespace holdfast::state
