#include "maintain/state_totals.hpp"

namespace holdfast::maintain {

StateTotals recorded_totals(const engine::Query& row, int first_column) {
  return {.entries = row.integer(first_column),
          .bytes = row.integer(first_column + 1),
          .digest = row.bits(first_column + 2)};
}

StateTotals add_entries(engine::Connection& db, std::int64_t backend_key) {
  engine::Statement select(db,
                           "SELECT length(e.key) + e.raw_bytes, e.digest FROM state_partition AS p"
                           " JOIN state_entry AS e ON e.partition_key = p.partition_key"
                           " WHERE p.backend_key = ?1");
  auto rows = select.run(backend_key);
  return add_rows(rows);
}

StateTotals add_rows(engine::Query& rows) {
  StateTotals totals;
  while (rows.step()) {
    ++totals.entries;
    // Unsigned, since a damaged length may be any number.
    totals.bytes =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(totals.bytes) + rows.bits(0));
    totals.digest += rows.bits(1);
  }
  return totals;
}

}  // namespace holdfast::maintain
