#include "run/snapshot_table.hpp"

#include "content/payload.hpp"
#include "content/row_digest.hpp"
#include "content/upload.hpp"
#include "defect.hpp"
#include "holdfast/error.hpp"
#include "holdfast/limits.hpp"

#include <utility>

namespace holdfast::run {

namespace {

struct SnapshotStatements {
  explicit SnapshotStatements(engine::Connection& db)
      : newest_first(db,
                     "SELECT at_seq, previous_at_seq, created_at_us, codec, value_version,"
                     " raw_bytes, content_key, payload_digest, digest FROM snapshot"
                     " WHERE run_key = ?1 AND at_seq <= ?2 ORDER BY at_seq DESC"),
        oldest_first(db,
                     "SELECT at_seq, previous_at_seq, created_at_us, codec, value_version,"
                     " raw_bytes, content_key, payload_digest, digest FROM snapshot"
                     " WHERE run_key = ?1 AND at_seq >= ?2 ORDER BY at_seq"),
        payload(db,
                "SELECT raw_bytes, payload, content_key FROM snapshot"
                " WHERE run_key = ?1 AND at_seq = ?2"),
        insert(db,
               "INSERT INTO snapshot (run_key, at_seq, previous_at_seq, created_at_us, codec,"
               " value_version, raw_bytes, content_key, payload_digest, digest, payload)"
               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"),
        join(db,
             "UPDATE snapshot SET previous_at_seq = ?3, digest = ?4"
             " WHERE run_key = ?1 AND at_seq = ?2"),
        remove(db, "DELETE FROM snapshot WHERE run_key = ?1 AND at_seq BETWEEN ?2 AND ?3") {}
  engine::Statement newest_first;
  engine::Statement oldest_first;
  engine::Statement payload;
  engine::Statement insert;
  engine::Statement join;
  engine::Statement remove;
};

engine::Query run_cursor(engine::Connection& db, const Run& run, Order order, std::uint64_t from) {
  auto& statements = db.statements<SnapshotStatements>();
  return order == Order::newest_first ? statements.newest_first.run(run.key, from)
                                      : statements.oldest_first.run(run.key, from);
}

std::int64_t digest_of(const Run& run, const SnapshotRow& row) {
  std::optional<std::int64_t> previous;
  if (row.previous_at_seq) previous = static_cast<std::int64_t>(*row.previous_at_seq);
  return content::RowDigest()
      .add(run.name)
      .add(run.key)
      .add(static_cast<std::int64_t>(row.at_seq))
      .add(previous)
      .add(row.created_at_us)
      .add(row.codec)
      .add(row.value_version)
      .add(row.raw_bytes)
      .add(row.content_key)
      .add(row.payload_digest)
      .value();
}

[[noreturn]] void throw_damaged(const Run& run, const SnapshotRow& row) {
  throw Error(
      ErrorCode::corrupt,
      "the snapshot of run " + run.name + " at " + std::to_string(row.at_seq) + " fails its digest",
      {.actual = row.at_seq, .id = run.name});
}

// A damaged row may name another's content: what it names is left, and `verify` finds it.
void free_content(engine::Connection& db, const SnapshotRow& row) {
  if (row.sound) content::remove(db, row.content_key);
}

std::size_t remove_range(engine::Connection& db,
                         const Run& run,
                         std::uint64_t first,
                         std::uint64_t last) {
  return static_cast<std::size_t>(
      db.statements<SnapshotStatements>().remove.execute(run.key, first, last));
}

// The newest row below `at_seq`, as the table has it.
std::optional<SnapshotRow> below(engine::Connection& db, const Run& run, std::uint64_t at_seq) {
  if (at_seq == 0) return std::nullopt;
  return SnapshotCursor(db, run, Order::newest_first, at_seq - 1).next();
}

std::optional<std::uint64_t> at_seq_of(const std::optional<SnapshotRow>& row) {
  return row ? std::optional(row->at_seq) : std::nullopt;
}

// Removes the row that is replaced, and says what it followed.
std::optional<std::uint64_t> give_up(engine::Connection& db,
                                     const Run& run,
                                     const SnapshotRow& old) {
  // The row may be damaged, so its link counts only where a row stands at its other end.
  const auto previous = at_seq_before(run, old);
  if (previous != at_seq_of(below(db, run, old.at_seq))) throw_missing(run);
  free_content(db, old);
  remove_range(db, run, old.at_seq, old.at_seq);
  return previous;
}

// Makes the row after a new `at_seq` follow it, and says what the new one follows.
std::optional<std::uint64_t> make_room(engine::Connection& db, Run& run, std::uint64_t at_seq) {
  const auto before = at_seq_of(below(db, run, at_seq));
  auto after = SnapshotCursor(db, run, Order::oldest_first, at_seq + 1).next();
  if (!after || at_seq_before(run, *after) != before) throw_missing(run);
  // A new digest would make a damaged row look sound.
  require_sound(run, *after);
  after->previous_at_seq = at_seq;
  db.statements<SnapshotStatements>().join.execute(
      run.key, after->at_seq, after->previous_at_seq, digest_of(run, *after));
  if (!before) run.oldest_at_seq = at_seq;
  if (!planted("snapshot_not_counted")) ++run.snapshot_count;
  return before;
}

// Where the new snapshot goes: what it follows. Most come at the end, where no other row is touched.
std::optional<std::uint64_t> find_place(engine::Connection& db, Run& run, std::uint64_t at_seq) {
  if (!run.newest_at_seq || at_seq > *run.newest_at_seq) {
    const auto previous = std::exchange(run.newest_at_seq, at_seq);
    if (!previous) run.oldest_at_seq = at_seq;
    ++run.snapshot_count;
    return previous;
  }
  const auto old = SnapshotCursor(db, run, Order::newest_first, at_seq).next();
  if (old && old->at_seq == at_seq) return give_up(db, run, *old);
  if (at_seq == *run.newest_at_seq) throw_missing(run);
  return make_room(db, run, at_seq);
}

}  // namespace

SnapshotCursor::SnapshotCursor(engine::Connection& db,
                               const Run& run,
                               Order order,
                               std::uint64_t from)
    : run_(run), row_(run_cursor(db, run, order, from)) {}

std::optional<SnapshotRow> SnapshotCursor::next() {
  if (!row_.step()) return std::nullopt;
  SnapshotRow row;
  row.at_seq = row_.bits(0);
  if (!row_.is_null(1)) row.previous_at_seq = row_.bits(1);
  row.created_at_us = row_.integer(2);
  row.codec = row_.string(3);
  row.value_version = row_.integer(4);
  row.raw_bytes = row_.integer(5);
  row.content_key = row_.optional_integer(6);
  row.payload_digest = row_.integer(7);
  row.sound = row_.integer(8) == digest_of(run_, row);
  return row;
}

std::optional<std::uint64_t> at_seq_before(const Run& run, const SnapshotRow& row) {
  return row.at_seq == run.oldest_at_seq ? std::nullopt : row.previous_at_seq;
}

std::optional<SnapshotRow> newest_up_to(engine::Connection& db, const Run& run, std::uint64_t seq) {
  if (!run.oldest_at_seq || seq < *run.oldest_at_seq) return std::nullopt;
  auto row = SnapshotCursor(db, run, Order::newest_first, seq).next();
  if (!row) throw_missing(run);
  if (seq >= *run.newest_at_seq) {
    if (row->at_seq != *run.newest_at_seq) throw_missing(run);
    return row;
  }
  const auto after = SnapshotCursor(db, run, Order::oldest_first, seq + 1).next();
  // A damaged neighbour proves nothing, and says nothing against this one.
  if (!after || (after->sound && at_seq_before(run, *after) != row->at_seq)) throw_missing(run);
  return row;
}

void require_sound(const Run& run, const SnapshotRow& row) {
  if (!row.sound) throw_damaged(run, row);
}

void throw_missing(const Run& run) {
  throw Error(
      ErrorCode::corrupt, "a snapshot of run " + run.name + " is missing", {.id = run.name});
}

Bytes read_state(engine::Connection& db, const Run& run, const SnapshotRow& snapshot) {
  try {
    auto row = db.statements<SnapshotStatements>().payload.run(run.key, snapshot.at_seq);
    if (row.step() && content::RowDigest().add_payload(row, 0).value() == snapshot.payload_digest) {
      return content::load(db, row, 0);
    }
  } catch (const Error& error) {
    // Those below do not know whose payload it is.
    if (error.code() != ErrorCode::corrupt) throw;
  }
  throw_damaged(run, snapshot);
}

std::optional<std::int64_t> find_near(engine::Connection& db,
                                      const Run& run,
                                      std::uint64_t at_seq) {
  const auto before = SnapshotCursor(db, run, Order::newest_first, at_seq).next();
  return before ? before->content_key : std::nullopt;
}

void put_snapshot(engine::Connection& db,
                  Run& run,
                  SnapshotRow row,
                  BytesView state,
                  const content::Upload* upload) {
  std::optional<std::int64_t> near;
  if (state.size() > content::kInlineBytes) near = find_near(db, run, row.at_seq);
  // Before one that it replaces goes.
  const auto payload = content::finish_or_store(db, upload, state, near);
  row.previous_at_seq = find_place(db, run, row.at_seq);
  row.raw_bytes = payload.raw_bytes();
  row.content_key = payload.content_key();
  row.payload_digest = content::RowDigest().add_payload(payload).value();
  db.statements<SnapshotStatements>().insert.execute(run.key,
                                                     row.at_seq,
                                                     row.previous_at_seq,
                                                     row.created_at_us,
                                                     row.codec,
                                                     row.value_version,
                                                     row.raw_bytes,
                                                     row.content_key,
                                                     row.payload_digest,
                                                     digest_of(run, row),
                                                     payload.value());
}

std::size_t prune_rows(engine::Connection& db, Run& run, std::size_t keep) {
  const std::uint64_t excess = run.snapshot_count > keep ? run.snapshot_count - keep : 0;
  if (excess == 0) return 0;
  std::uint64_t last = 0;
  {
    SnapshotCursor rows(db, run, Order::oldest_first, 0);
    auto row = rows.next();
    if (!row || row->at_seq != run.oldest_at_seq) throw_missing(run);
    for (std::uint64_t gone = 0; gone < excess; ++gone) {
      free_content(db, *row);
      last = row->at_seq;
      row = rows.next();
      if (!row || row->previous_at_seq != last) throw_missing(run);
    }
    run.oldest_at_seq = row->at_seq;
  }
  run.snapshot_count = keep;
  return remove_range(db, run, 0, last);
}

std::size_t remove_rows(engine::Connection& db, Run& run) {
  {
    SnapshotCursor rows(db, run, Order::oldest_first, 0);
    while (const auto row = rows.next())
      free_content(db, *row);
  }
  run.snapshot_count = 0;
  run.oldest_at_seq.reset();
  run.newest_at_seq.reset();
  return remove_range(db, run, 0, kMaxNumber);
}

}  // namespace holdfast::run
