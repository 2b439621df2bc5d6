#include "checkpoint/checkpoint_table.hpp"

#include "content/payload.hpp"
#include "content/row_digest.hpp"
#include "defect.hpp"
#include "holdfast/error.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::checkpoint {

namespace {

struct CheckpointStatements {
  explicit CheckpointStatements(engine::Connection& db)
      : find_key(db,
                 planted("ids_ignore_case")
                     ? "SELECT checkpoint_key FROM checkpoint WHERE name = ?1 COLLATE NOCASE"
                     : "SELECT checkpoint_key FROM checkpoint WHERE name = ?1"),
        newest_first(db,
                     "SELECT checkpoint_key, previous_ordinal, name, graph_hash, created_at_ns,"
                     " saved_at_us, codec, value_version, parent, metadata, raw_bytes, content_key,"
                     " payload_digest, digest FROM checkpoint"
                     " WHERE checkpoint_key BETWEEN ?1 AND ?2 ORDER BY checkpoint_key DESC"),
        oldest_first(db,
                     "SELECT checkpoint_key, previous_ordinal, name, graph_hash, created_at_ns,"
                     " saved_at_us, codec, value_version, parent, metadata, raw_bytes, content_key,"
                     " payload_digest, digest FROM checkpoint"
                     " WHERE checkpoint_key BETWEEN ?1 AND ?2 ORDER BY checkpoint_key"),
        payload(db,
                "SELECT raw_bytes, payload, content_key FROM checkpoint WHERE checkpoint_key = ?1"),
        insert(db,
               "INSERT INTO checkpoint (checkpoint_key, previous_ordinal, name, graph_hash,"
               " created_at_ns, saved_at_us, codec, value_version, parent, metadata, raw_bytes,"
               " content_key, payload_digest, digest, payload)"
               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"),
        join(db,
             "UPDATE checkpoint SET previous_ordinal = ?2, digest = ?3 WHERE checkpoint_key = ?1"),
        contents(db,
                 "SELECT checkpoint_key, raw_bytes, content_key, payload_digest FROM checkpoint"
                 " WHERE checkpoint_key BETWEEN ?1 AND ?2 ORDER BY checkpoint_key"),
        remove(db, "DELETE FROM checkpoint WHERE checkpoint_key BETWEEN ?1 AND ?2") {}
  engine::Statement find_key;
  engine::Statement newest_first;
  engine::Statement oldest_first;
  engine::Statement payload;
  engine::Statement insert;
  engine::Statement join;
  engine::Statement contents;
  engine::Statement remove;
};

std::int64_t key_of(const Trace& trace, std::uint64_t ordinal) {
  return trace.key << 32 | static_cast<std::int64_t>(ordinal);
}

engine::Query run_cursor(engine::Connection& db,
                         const Trace& trace,
                         Order order,
                         std::uint64_t from) {
  auto& statements = db.statements<CheckpointStatements>();
  if (order == Order::newest_first) {
    return statements.newest_first.run(key_of(trace, 1), key_of(trace, from));
  }
  return statements.oldest_first.run(key_of(trace, from), key_of(trace, kMaxOrdinal));
}

std::int64_t digest_of(const Trace& trace, const Checkpoint& checkpoint) {
  return content::RowDigest()
      .add(trace.name)
      .add(checkpoint.key)
      .add(static_cast<std::int64_t>(checkpoint.previous_ordinal))
      .add(checkpoint.name)
      .add(static_cast<std::int64_t>(checkpoint.graph_hash))
      .add(checkpoint.created_at_ns)
      .add(checkpoint.saved_at_us)
      .add(checkpoint.codec)
      .add(checkpoint.value_version)
      .add(checkpoint.parent)
      .add(checkpoint.metadata)
      .add(checkpoint.raw_bytes)
      .add(checkpoint.content_key)
      .add(checkpoint.payload_digest)
      .value();
}

[[noreturn]] void throw_damaged(const Checkpoint& checkpoint) {
  throw Error(ErrorCode::corrupt,
              "checkpoint " + checkpoint.name + " fails its digest",
              {.id = checkpoint.name});
}

// What the digest of a row says whose payload is in content. The trace, whose name the other digest covers,
// may be gone.
bool owns_content(const engine::Query& row) {
  return !row.is_null(2) && content::RowDigest()
                                    .add(row.integer(1))
                                    .add(engine::Value())
                                    .add(row.optional_integer(2))
                                    .value() == row.integer(3);
}

content::RemovableRows removable_rows(engine::Connection& db) {
  auto& statements = db.statements<CheckpointStatements>();
  return {.list = statements.contents, .remove = statements.remove, .owns_content = owns_content};
}

// Returns how many were freed at once; nullopt: not all.
std::optional<std::size_t> give_up(engine::Connection& db, const content::KeyRange& range) {
  return content::Freeing(db).remove(content::Removed::checkpoint, removable_rows(db), range);
}

// Makes the row after `gone` follow the one before it.
void join_over(engine::Connection& db, Trace& trace, const Checkpoint& gone) {
  auto after = CheckpointCursor(db, trace, Order::oldest_first, gone.ordinal() + 1).next();
  if (!after || after->previous_ordinal != gone.ordinal()) throw_missing(trace);
  if (gone.ordinal() == trace.oldest_ordinal) {
    trace.oldest_ordinal = after->ordinal();
    return;
  }
  // A new digest would make a damaged row look sound.
  require_sound(*after);
  after->previous_ordinal = gone.previous_ordinal;
  db.statements<CheckpointStatements>().join.execute(
      after->key, after->previous_ordinal, digest_of(trace, *after));
}

// Goes on from a cut until `rows` lie before it.
Cut follow_chain(engine::Connection& db, const Trace& trace, Cut cut, std::uint64_t rows) {
  CheckpointCursor cursor(db, trace, Order::oldest_first, cut.next);
  auto row = cursor.next();
  if (!row || row->ordinal() != cut.next) throw_missing(trace);
  for (; cut.rows < rows; ++cut.rows) {
    cut.last = row->ordinal();
    row = cursor.next();
    if (!row || row->previous_ordinal != cut.last) throw_missing(trace);
  }
  cut.next = row->ordinal();
  cut.trace = trace;
  return cut;
}

}  // namespace

bool Cut::fits(const Trace& now) const {
  return now.key == trace.key && now.oldest_ordinal == trace.oldest_ordinal &&
         now.last_ordinal - trace.last_ordinal == now.count - trace.count;
}

CheckpointCursor::CheckpointCursor(engine::Connection& db,
                                   const Trace& trace,
                                   Order order,
                                   std::uint64_t from)
    : trace_(trace), row_(run_cursor(db, trace, order, from)) {}

std::optional<Checkpoint> CheckpointCursor::next() {
  if (!row_.step()) return std::nullopt;
  Checkpoint checkpoint;
  checkpoint.key = row_.integer(0);
  checkpoint.previous_ordinal = row_.bits(1);
  checkpoint.name = row_.string(2);
  checkpoint.graph_hash = row_.bits(3);
  checkpoint.created_at_ns = row_.integer(4);
  checkpoint.saved_at_us = row_.integer(5);
  checkpoint.codec = row_.string(6);
  checkpoint.value_version = row_.integer(7);
  checkpoint.parent = row_.optional_string(8);
  checkpoint.metadata = row_.optional_string(9);
  checkpoint.raw_bytes = row_.integer(10);
  checkpoint.content_key = row_.optional_integer(11);
  checkpoint.payload_digest = row_.integer(12);
  checkpoint.sound = row_.integer(13) == digest_of(trace_, checkpoint);
  return checkpoint;
}

std::uint64_t ordinal_before(const Trace& trace, const Checkpoint& checkpoint) {
  return checkpoint.ordinal() == trace.oldest_ordinal ? 0 : checkpoint.previous_ordinal;
}

std::optional<std::int64_t> find_key(engine::Connection& db, std::string_view name) {
  auto row = db.statements<CheckpointStatements>().find_key.run(name);
  return row.step() ? std::optional(row.integer(0)) : std::nullopt;
}

bool is_pruned(engine::Connection& db, const Trace* trace, std::int64_t key) {
  const auto ordinal = static_cast<std::uint64_t>(key) & kMaxOrdinal;
  if (trace != nullptr && trace->sound) return ordinal < trace->oldest_ordinal;
  return content::is_removed(db, content::Removed::checkpoint, key);
}

Checkpoint read_row(engine::Connection& db, const Trace& trace, std::uint64_t ordinal) {
  auto checkpoint = CheckpointCursor(db, trace, Order::newest_first, ordinal).next();
  if (checkpoint && planted("older_checkpoint_taken_for_newest")) return *std::move(checkpoint);
  if (!checkpoint || checkpoint->ordinal() != ordinal) throw_missing(trace);
  return *std::move(checkpoint);
}

void require_sound(const Checkpoint& checkpoint) {
  if (!checkpoint.sound) throw_damaged(checkpoint);
}

void throw_missing(const Trace& trace) {
  throw Error(ErrorCode::corrupt,
              "a checkpoint of trace " + trace.name + " is missing",
              {.id = trace.name});
}

namespace {

// Gives `use` the payload's columns once they pass their digest. What fails is named: those below do not know
// whose payload it is.
template <class Use>
auto use_payload(engine::Connection& db, const Checkpoint& checkpoint, const Use& use) {
  try {
    auto row = db.statements<CheckpointStatements>().payload.run(checkpoint.key);
    if (row.step() &&
        (planted("payload_digest_not_compared") ||
         content::RowDigest().add_payload(row, 0).value() == checkpoint.payload_digest)) {
      return use(row);
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
  }
  throw_damaged(checkpoint);
}

}  // namespace

Bytes read_data(engine::Connection& db, const Checkpoint& checkpoint) {
  return use_payload(
      db, checkpoint, [&](const engine::Query& row) { return content::load(db, row, 0); });
}

std::unique_ptr<content::Download> open_data(std::shared_ptr<const engine::Link> link,
                                             engine::Connection& db,
                                             const Checkpoint& checkpoint) {
  return use_payload(db, checkpoint, [&](const engine::Query& row) {
    return std::make_unique<content::Download>(
        std::move(link),
        db,
        row,
        0,
        content::PayloadName{"checkpoint " + checkpoint.name, checkpoint.name});
  });
}

content::Payload store_data(engine::Connection& db, const Trace& trace, BytesView data) {
  const auto near = find_near(db, trace, data.size());
  return content::Payload::store(db, data, content::Form::unknown, near);
}

std::optional<std::int64_t> find_near(engine::Connection& db,
                                      const Trace& trace,
                                      std::size_t bytes) {
  if (bytes <= content::kInlineBytes || trace.count == 0) return std::nullopt;
  const auto newest = CheckpointCursor(db, trace, Order::newest_first, trace.newest_ordinal).next();
  return newest ? newest->content_key : std::nullopt;
}

void append(engine::Connection& db,
            Trace& trace,
            Checkpoint checkpoint,
            const content::Payload& payload) {
  if (trace.last_ordinal >= kMaxOrdinal) {
    throw Error(ErrorCode::too_large,
                "trace " + trace.name + " has given its last ordinal",
                {.expected = kMaxOrdinal, .actual = trace.last_ordinal + 1, .id = trace.name});
  }
  checkpoint.previous_ordinal = trace.newest_ordinal;
  trace.newest_ordinal = ++trace.last_ordinal;
  if (trace.count++ == 0) trace.oldest_ordinal = trace.newest_ordinal;
  checkpoint.key = key_of(trace, trace.newest_ordinal);
  checkpoint.raw_bytes = payload.raw_bytes();
  checkpoint.content_key = payload.content_key();
  checkpoint.payload_digest = content::RowDigest().add_payload(payload).value();
  db.statements<CheckpointStatements>().insert.execute(checkpoint.key,
                                                       checkpoint.previous_ordinal,
                                                       checkpoint.name,
                                                       checkpoint.graph_hash,
                                                       checkpoint.created_at_ns,
                                                       checkpoint.saved_at_us,
                                                       checkpoint.codec,
                                                       checkpoint.value_version,
                                                       checkpoint.parent,
                                                       checkpoint.metadata,
                                                       checkpoint.raw_bytes,
                                                       checkpoint.content_key,
                                                       checkpoint.payload_digest,
                                                       digest_of(trace, checkpoint),
                                                       payload.value());
}

void take_out(engine::Connection& db, Trace& trace, const Checkpoint& checkpoint) {
  const std::uint64_t ordinal = checkpoint.ordinal();
  // The row may be damaged, so its link counts only where a row stands at its other end.
  if (ordinal != trace.oldest_ordinal) {
    const auto before = CheckpointCursor(db, trace, Order::newest_first, ordinal - 1).next();
    if (!before || before->ordinal() != checkpoint.previous_ordinal) throw_missing(trace);
  }
  if (ordinal == trace.newest_ordinal) {
    trace.newest_ordinal = ordinal_before(trace, checkpoint);
    if (trace.newest_ordinal == 0) trace.oldest_ordinal = 0;
  } else {
    join_over(db, trace, checkpoint);
  }
  --trace.count;
  // A damaged row may name another's content: what it names is left, and `verify` finds it.
  if (checkpoint.sound) content::remove(db, checkpoint.content_key);
  db.statements<CheckpointStatements>().remove.execute(checkpoint.key, checkpoint.key);
}

Cut find_cut(engine::Connection& db, const Trace& trace, std::size_t keep) {
  const std::uint64_t excess = trace.count > keep ? trace.count - keep : 0;
  return excess == 0 ? Cut() : follow_chain(db, trace, {.next = trace.oldest_ordinal}, excess);
}

Pruned prune_rows(engine::Connection& db,
                  Trace& trace,
                  std::size_t keep,
                  const std::optional<Cut>& ahead) {
  const std::uint64_t excess = trace.count > keep ? trace.count - keep : 0;
  if (excess == 0) return {};
  const bool fits = ahead && ahead->fits(trace) && ahead->rows <= excess;
  const Cut cut =
      follow_chain(db, trace, fits ? *ahead : Cut{.next = trace.oldest_ordinal}, excess);
  const std::uint64_t first = std::exchange(trace.oldest_ordinal, cut.next);
  trace.count = keep;
  const bool all =
      give_up(db, {.first = key_of(trace, first), .last = key_of(trace, cut.last)}).has_value();
  return {.count = static_cast<std::size_t>(excess), .more = !all};
}

Pruned remove_rows(engine::Connection& db, Trace& trace) {
  const auto count = static_cast<std::size_t>(std::exchange(trace.count, 0));
  const auto freed = give_up(db, {.first = key_of(trace, 1), .last = key_of(trace, kMaxOrdinal)});
  // What was pruned before has been counted then.
  return {.count = freed ? std::min(*freed, count) : count, .more = !freed};
}

void free_row(engine::Connection& db, std::int64_t key) {
  give_up(db, {.first = key, .last = key});
}

bool free_slice(engine::Connection& db) {
  return content::Freeing(db).go_on(content::Removed::checkpoint, removable_rows(db));
}

}  // namespace holdfast::checkpoint
