// Removals: what a prune has made invisible, whose rows, contents and chunks are still to be freed.
//
// Freeing much takes long, and no writer should wait for it. So a prune takes away at once what makes its
// rows visible (the trace's record says where the visible ones begin), notes their keys here, all
// in one transaction, and frees them afterwards in slices, each a transaction: rows with their
// contents, until none is left between these keys, and then the removal itself. Who crashes in between
// leaves a removal, with which the next opening goes on.
//
//   bool more = free_some(db, range);             // a slice
//   if (more) content::add_removal(db, Removed::checkpoint, range);
//
// Errors   those of the engine. A removal that fails its digest is none: nothing is freed by it, and
//          `verify` tells of it
// Threads  those of the connection
// Source   schema/0002_content.sql
#pragma once

#include "engine/connection.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace holdfast::content {

// What one slice frees at most, beyond its first row: about 3 ms on a laptop of 2020.
inline constexpr std::size_t kSliceRows = 256;
inline constexpr std::int64_t kSliceBytes = 4LL << 20;

// In which table the keys are.
enum class Removed : std::uint8_t { checkpoint };

struct KeyRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

// Those that lie within it are part of it from now on.
void add_removal(engine::Connection& db, Removed kind, const KeyRange& range);
// Any that is there.
std::optional<KeyRange> find_removal(engine::Connection& db, Removed kind);
bool has_removals(engine::Connection& db);  // of any kind
bool is_removed(engine::Connection& db, Removed kind, std::int64_t key);
// Nothing is left of it.
void end_removal(engine::Connection& db, Removed kind, const KeyRange& range);

}  // namespace holdfast::content
