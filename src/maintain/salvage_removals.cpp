// What a prune had removed, and was still to be freed: it does not come back.

#include "content/content_store.hpp"
#include "content/removal.hpp"
#include "content/row_digest.hpp"
#include "engine/statement.hpp"
#include "maintain/salvaging.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace holdfast::maintain {

namespace {

using engine::Connection;
using Row = std::vector<StoredField>;
using Type = StoredField::Type;

// Columns of the tables, in the file.
constexpr std::size_t kRemovalColumns = 5;
constexpr std::size_t kRawBytes = 10;
constexpr std::size_t kContentKey = 11;
constexpr std::size_t kPayloadDigest = 12;

constexpr std::array kContentTables = {"content", "chunk", "chunk_data"};

// Of a row whose payload is in content; else what the row names may be another's.
bool owns_content(const Row& checkpoint) {
  return checkpoint.size() > kPayloadDigest && checkpoint[kContentKey].type == Type::integer &&
         content::RowDigest()
                 .add(checkpoint[kRawBytes].integer)
                 .add(engine::Value())
                 .add(std::optional(checkpoint[kContentKey].integer))
                 .value() == checkpoint[kPayloadDigest].integer;
}

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
    if (!damaged) salvaging.pruned.push_back(range);
  });
  if (whole && !damaged) return;
  salvaging.find(Severity::error,
                 "table removal",
                 "rows of it are damaged; what was pruned, and not yet freed, counts as lost");
}

bool skip_pruned(Salvaging& salvaging, const Row& checkpoint) {
  const std::int64_t key = checkpoint.front().integer;
  const bool pruned = std::ranges::any_of(salvaging.pruned, [key](const content::KeyRange& range) {
    return range.first <= key && key <= range.last;
  });
  if (pruned && owns_content(checkpoint)) {
    salvaging.pruned_contents.push_back(checkpoint[kContentKey].integer);
  }
  return pruned;
}

void free_pruned(Salvaging& salvaging) {
  if (salvaging.pruned_contents.empty()) return;
  salvaging.write([&](Connection& db) {
    for (const std::int64_t key : salvaging.pruned_contents)
      content::remove_content(db, key);
    for (const char* table : kContentTables) {
      const std::string count = std::string("SELECT count(*) FROM ") + table;
      salvaging.count_of(table).kept = static_cast<std::uint64_t>(db.integer(count.c_str()));
    }
  });
}

}  // namespace holdfast::maintain
