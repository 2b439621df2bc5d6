// Checkpoints as rows of a trace: read in either order, appended, taken out of the chain, pruned.
//
// The chain   a row names the ordinal before its own, the trace the oldest and the newest. Rows are
//             believed where the chain leads to them, and where it breaks a row is missing: corrupt.
// Digests     `digest` covers the trace's name and all columns but the payload: a row proves by itself
//             whose it is, and lists need not read payloads. `payload_digest` covers the payload.
// Errors      corrupt (detail.id: the checkpoint, or the trace that misses one), too_large
// Threads     those of the connection
// Source      schema/0004_checkpoint.sql
#pragma once

#include "checkpoint/trace_table.hpp"
#include "content/payload.hpp"
#include "engine/connection.hpp"
#include "engine/statement.hpp"
#include "holdfast/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::checkpoint {

// A row without its payload.
struct Checkpoint {
  std::int64_t key = 0;
  std::uint64_t previous_ordinal = 0;
  std::string name = {};
  std::uint64_t graph_hash = 0;
  std::int64_t created_at_ns = 0;
  std::int64_t saved_at_us = 0;
  std::string codec = "raw";
  std::int64_t value_version = 0;
  std::optional<std::string> parent = std::nullopt;
  std::optional<std::string> metadata = std::nullopt;
  std::int64_t raw_bytes = 0;
  std::optional<std::int64_t> content_key = std::nullopt;
  std::int64_t payload_digest = 0;
  bool sound = true;  // the row fits its digest

  std::uint64_t ordinal() const { return static_cast<std::uint64_t>(key) & kMaxOrdinal; }
  std::int64_t trace_key() const { return key >> 32; }
};

enum class Order : std::uint8_t { newest_first, oldest_first };

// The rows of a trace from an ordinal on, that one included. One at a time per order.
class CheckpointCursor {
 public:
  CheckpointCursor(engine::Connection& db, const Trace& trace, Order order, std::uint64_t from);
  std::optional<Checkpoint> next();

 private:
  const Trace& trace_;
  engine::Query row_;
};

// The ordinal before this one in its trace's chain; 0: it is the oldest.
std::uint64_t ordinal_before(const Trace& trace, const Checkpoint& checkpoint);

// What the index of ids says; nullopt: there is none of that id.
std::optional<std::int64_t> find_key(engine::Connection& db, std::string_view name);
// The row of an ordinal that the trace has.
Checkpoint read_row(engine::Connection& db, const Trace& trace, std::uint64_t ordinal);

void require_sound(const Checkpoint& checkpoint);
[[noreturn]] void throw_missing(const Trace& trace);

// The payload of a sound row.
Bytes read_data(engine::Connection& db, const Checkpoint& checkpoint);

// Saves the row as the newest of its trace: sets its key, its link, and what its payload says. `trace`
// is changed here, and written by the caller once all is done; the same holds below.
// The data of a checkpoint that is going to be the newest; to be called before one that it replaces is
// taken out, with which it may share.
content::Payload store_data(engine::Connection& db, const Trace& trace, BytesView data);
void append(engine::Connection& db,
            Trace& trace,
            Checkpoint checkpoint,
            const content::Payload& payload);
// Removes the row with its content, and joins those beside it.
void take_out(engine::Connection& db, Trace& trace, const Checkpoint& checkpoint);
// Removes all but the newest `keep` (at least 1), and says how many went.
std::size_t prune_rows(engine::Connection& db, Trace& trace, std::size_t keep);
// Removes what is there, whatever the chain says: the way out for a damaged trace.
std::size_t remove_rows(engine::Connection& db, Trace& trace);

}  // namespace holdfast::checkpoint
