#include "maintain/row_repair.hpp"

#include <algorithm>

namespace holdfast::maintain {

namespace {

// All values of each byte cost 255 hashes a byte, all bits 8.
constexpr std::size_t kShortBytes = 512;
constexpr std::size_t kLongBytes = 8192;
// What a try costs beside the bytes that it hashes.
constexpr std::uint64_t kTryBytes = 256;

}  // namespace

std::optional<std::vector<StoredField>> decode_row(const StoredCell& cell, TreeKind kind) {
  auto row = decode_record(cell.record);
  if (!row || row->empty() || kind == TreeKind::index) return row;
  row->front() = {.type = StoredField::Type::integer, .integer = cell.rowid};
  return row;
}

bool RowRepair::run(StoredCell& cell,
                    TreeKind kind,
                    const RowProof& proof,
                    const OwnerName& owner) {
  if (cell.record.size() > kLongBytes) return false;
  for (int bit = 0; kind == TreeKind::table && bit < 63; ++bit) {
    const std::int64_t rowid = cell.rowid;
    cell.rowid ^= std::int64_t{1} << bit;
    if (holds(cell, kind, proof, owner)) return true;
    cell.rowid = rowid;
  }
  const bool every_value = cell.record.size() <= kShortBytes;
  for (std::byte& byte : cell.record) {
    const std::byte old = byte;
    for (unsigned change = 1; change < 256; change = every_value ? change + 1 : change * 2) {
      byte = old ^ static_cast<std::byte>(change);
      if (holds(cell, kind, proof, owner)) return true;
    }
    byte = old;
    if (budget_bytes_ == 0) return false;
  }
  return false;
}

bool RowRepair::holds(const StoredCell& cell,
                      TreeKind kind,
                      const RowProof& proof,
                      const OwnerName& owner) {
  budget_bytes_ -= std::min<std::uint64_t>(budget_bytes_, cell.record.size() + kTryBytes);
  const auto row = decode_row(cell, kind);
  return row && proof.holds(*row, owner);
}

}  // namespace holdfast::maintain
