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
#include "content/download.hpp"
#include "content/payload.hpp"
#include "content/removal.hpp"
#include "engine/connection.hpp"
#include "engine/link.hpp"
#include "engine/statement.hpp"
#include "holdfast/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
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
// Whether the row of this key was pruned and only waits to be freed. `trace`: as it is; null: it is not there.
bool is_pruned(engine::Connection& db, const Trace* trace, std::int64_t key);
// The row of an ordinal that the trace has.
Checkpoint read_row(engine::Connection& db, const Trace& trace, std::uint64_t ordinal);

void require_sound(const Checkpoint& checkpoint);
[[noreturn]] void throw_missing(const Trace& trace);

// The payload of a sound row.
Bytes read_data(engine::Connection& db, const Checkpoint& checkpoint);

// The same, piece by piece.
std::unique_ptr<content::Download> open_data(std::shared_ptr<const engine::Link> link,
                                             engine::Connection& db,
                                             const Checkpoint& checkpoint);

// Saves the row as the newest of its trace: sets its key, its link, and what its payload says. `trace`
// is changed here, and written by the caller once all is done; the same holds below.
// The data of a checkpoint that is going to be the newest; to be called before one that it replaces is
// taken out, with which it may share.
content::Payload store_data(engine::Connection& db, const Trace& trace, BytesView data);
// The content that so much data is likely to resemble.
std::optional<std::int64_t> find_near(engine::Connection& db,
                                      const Trace& trace,
                                      std::size_t bytes);
void append(engine::Connection& db,
            Trace& trace,
            Checkpoint checkpoint,
            const content::Payload& payload);
// Removes the row with its content, and joins those beside it.
void take_out(engine::Connection& db, Trace& trace, const Checkpoint& checkpoint);

struct Pruned {
  std::size_t count = 0;  // that nobody sees any more
  bool more = false;      // some of them are still to be freed, by free_slice()
};
// The end of what a prune removes. To find it the chain is followed, row by row; that can be done before
// the transaction, in which others would have to wait.
struct Cut {
  Trace trace = {};  // as it was
  std::uint64_t rows = 0;
  std::uint64_t last = 0;  // ordinals: the last to go, the first that stays
  std::uint64_t next = 0;

  // Whether these rows are still the oldest of the trace: it had saves since, and nothing else.
  bool fits(const Trace& now) const;
};
// How many rows may be followed while others wait: about 2 ms.
inline constexpr std::uint64_t kFollowRows = 1024;
Cut find_cut(engine::Connection& db, const Trace& trace, std::size_t keep);
// Removes all but the newest `keep` (at least 1). A cut that does not fit any more is no help and no harm.
Pruned prune_rows(engine::Connection& db,
                  Trace& trace,
                  std::size_t keep,
                  const std::optional<Cut>& ahead = std::nullopt);
// Removes what is there, whatever the chain says: the way out for a damaged trace.
Pruned remove_rows(engine::Connection& db, Trace& trace);
// Frees the row of an id that was pruned.
void free_row(engine::Connection& db, std::int64_t key);
// Frees a part of what was pruned. False: nothing is left.
bool free_slice(engine::Connection& db);

}  // namespace holdfast::checkpoint
