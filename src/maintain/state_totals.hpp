// What the entries of a keyed state come to, against which the figures in its row are held.
//
// The sum of digests tells what counts cannot: an entry that an old page has brought back passes its own
// digest, and may be as long as the one that it stands for.
//
// Threads  within a transaction
// Source   schema/0008_state.sql
#pragma once

#include "engine/connection.hpp"
#include "engine/statement.hpp"

#include <cstdint>

namespace holdfast::maintain {

struct StateTotals {
  std::int64_t entries = 0;
  std::int64_t bytes = 0;  // of keys and values
  std::uint64_t digest = 0;

  bool operator==(const StateTotals&) const = default;
};

// Of the columns entry_count, size_bytes, entries_digest from `first_column` on.
StateTotals recorded_totals(const engine::Query& row, int first_column);
// Of the entries as they are now.
StateTotals add_entries(engine::Connection& db, std::int64_t backend_key);
// Of rows that each begin with the bytes of key and value, and a digest.
StateTotals add_rows(engine::Query& rows);

}  // namespace holdfast::maintain
