#include "access.hpp"
#include "engine/connection.hpp"
#include "engine/statement.hpp"
#include "holdfast/limits.hpp"
#include "holdfast/maintain.hpp"

namespace holdfast {

namespace {

// The view is what a person uses in a shell as well: both must give the same figures.
struct StorageStatements {
  explicit StorageStatements(engine::Connection& c)
      : largest(c,
                "SELECT kind, owner, rows, raw_bytes, stored_bytes FROM storage_by_owner"
                " ORDER BY stored_bytes DESC, kind, owner LIMIT ?1") {}
  engine::Statement largest;
};

}  // namespace

std::vector<StorageUse> storage_by_owner(const Database& database, std::size_t limit) {
  const std::int64_t rows =
      limit >= kMaxNumber ? -1 : static_cast<std::int64_t>(limit);  // SQLite: no limit
  return engine::Access::link(database).read([&](engine::Connection& db) {
    std::vector<StorageUse> result;
    auto row = db.statements<StorageStatements>().largest.run(rows);
    while (row.step()) {
      result.push_back({row.string(0), row.string(1), row.bits(2), row.bits(3), row.bits(4)});
    }
    return result;
  });
}

}  // namespace holdfast
