// Removals: what was made invisible, by a prune say, and whose rows, contents and chunks are still to be
// freed.
//
// Freeing much takes long, and no writer should wait for it. So who removes takes away at once what makes
// the rows visible (a trace's record says where its visible ones begin, a segment's which log is its
// own), frees what one slice frees, and notes the keys of the rest here, all in one transaction. The
// rest is freed afterwards in slices, each a transaction: rows with their contents, until none is left
// between these keys, and then the removal itself. A crash in between leaves the removal, with which the
// next opening goes on.
//
//   content::Freeing freeing(db);                        // one transaction's share
//   freeing.remove(Removed::log_entry, rows, range);     // frees or notes
//   return freeing.noted();                              // true: call free_slice() afterwards
//
// Errors   those of the engine. A removal that fails its digest is none: nothing is freed by it, and
//          `verify` tells of it
// Threads  those of the connection
// Source   schema/0002_content.sql
#pragma once

#include "engine/connection.hpp"
#include "engine/statement.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace holdfast::content {

// What one slice frees at most, beyond its last row: 2 to 3 ms.
inline constexpr std::size_t kSliceRows = 256;
inline constexpr std::int64_t kSliceBytes = 4LL << 20;

// In which table the keys are.
enum class Removed : std::uint8_t { checkpoint, log_entry };

struct KeyRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

bool has_removals(engine::Connection& db);  // of any kind
bool is_removed(engine::Connection& db, Removed kind, std::int64_t key);

// How a room's rows are freed.
struct RemovableRows {
  // Rows with keys ?1 to ?2, in order: the key, raw_bytes, content_key, and what `owns_content` looks at.
  engine::Statement& list;
  // Deletes them.
  engine::Statement& remove;
  // A damaged row may name another's content: then what it names is left, and `verify` finds it.
  bool (*owns_content)(const engine::Query& row);
};

// What one transaction frees.
class Freeing {
 public:
  explicit Freeing(engine::Connection& db) : db_(db) {}

  // Frees these rows, as many as the slice still has room for, and notes the rest. Returns how many it
  // freed; nullopt: not all.
  std::optional<std::size_t> remove(Removed kind, const RemovableRows& rows, const KeyRange& range);
  // Goes on with what was noted. False: nothing is left.
  bool go_on(Removed kind, const RemovableRows& rows);

  bool noted() const { return noted_; }

 private:
  std::optional<std::size_t> free(const RemovableRows& rows, const KeyRange& range);
  bool spent() const { return rows_ >= kSliceRows || bytes_ >= kSliceBytes; }

  engine::Connection& db_;
  std::size_t rows_ = 0;
  std::int64_t bytes_ = 0;
  bool noted_ = false;
};

}  // namespace holdfast::content
