// What was removed, and still to be freed: it does not come back.

#include "content/content_store.hpp"
#include "content/removal.hpp"
#include "content/row_digest.hpp"
#include "engine/statement.hpp"
#include "maintain/salvaging.hpp"

#include <array>
#include <string>

namespace holdfast::maintain {

namespace {

using engine::Connection;
using Row = std::vector<StoredField>;
using Type = StoredField::Type;

// Columns of the table, in the file.
constexpr std::size_t kRemovalColumns = 5;
constexpr std::array kContentTables = {"content", "chunk", "chunk_data"};

}  // namespace

void find_removals(Salvaging& salvaging) {
  bool damaged = false;
  const bool whole = visit_rows(salvaging, "removal", TreeKind::table, [&](const Row& row) {
    damaged = damaged || row.size() != kRemovalColumns || row[1].type != Type::text;
    if (damaged) return;
    const content::KeyRange range{.first = row[2].integer, .last = row[3].integer};
    const auto digest =
        content::RowDigest().add(as_text(row[1].bytes)).add(range.first).add(range.last).value();
    damaged = digest != row[4].integer;
    if (!damaged) salvaging.removed[std::string(as_text(row[1].bytes))].push_back(range);
  });
  if (whole && !damaged) return;
  salvaging.find(Severity::error,
                 "table removal",
                 "rows of it are damaged; what was removed, and not yet freed, counts as lost");
}

void free_removed(Salvaging& salvaging) {
  if (salvaging.removed_contents.empty()) return;
  salvaging.write([&](Connection& db) {
    for (const std::int64_t key : salvaging.removed_contents)
      content::remove_content(db, key);
    for (const char* table : kContentTables) {
      const std::string count = std::string("SELECT count(*) FROM ") + table;
      salvaging.count_of(table).kept = static_cast<std::uint64_t>(db.integer(count.c_str()));
    }
  });
}

}  // namespace holdfast::maintain
