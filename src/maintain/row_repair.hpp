// One wrong byte in a row can be put right: the row's 64-bit digest says which value it had.
//
// Every byte of a short row is tried with every value, of a longer one every bit. That is far below
// what would make a digest hold by chance, and it is bounded: a file that is damaged all over is not
// worth hours.
//
// Threads  one
#pragma once

#include "maintain/salvage_tables.hpp"

#include <cstdint>

namespace holdfast::maintain {

// The columns of a row, the rowid in its place; nullopt: it is none.
std::optional<std::vector<StoredField>> decode_row(const StoredCell& cell, TreeKind kind);

class RowRepair {
 public:
  // True: the cell is as it was written.
  bool run(StoredCell& cell, TreeKind kind, const RowProof& proof, const OwnerName& owner);

 private:
  bool holds(const StoredCell& cell, TreeKind kind, const RowProof& proof, const OwnerName& owner);

  std::uint64_t budget_bytes_ = 2ULL << 30;  // hashed, in all
};

}  // namespace holdfast::maintain
