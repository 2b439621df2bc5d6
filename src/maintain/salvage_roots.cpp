// Where the tables begin: by what the file's schema says of them, and where that is damaged, by where
// this library puts them in every new file.

#include "engine/schema.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"
#include "maintain/salvaging.hpp"

#include <set>
#include <utility>

namespace holdfast::maintain {

namespace {

// sqlite_schema: type, name, tbl_name, rootpage, sql.
struct SchemaRow {
  std::uint32_t root = 0;
  std::string sql = {};
};
using Schema = std::map<std::string, SchemaRow, std::less<>>;

using Type = StoredField::Type;

void add_row(Schema& schema, const StoredCell& cell) {
  const auto fields = decode_record(cell.record);
  if (!fields || fields->size() != 5) return;
  const auto& name = (*fields)[1];
  const auto& root = (*fields)[3];
  const auto& sql = (*fields)[4];
  if (name.type != Type::text || root.type != Type::integer || root.integer <= 0) return;
  schema[std::string(as_text(name.bytes))] = {static_cast<std::uint32_t>(root.integer),
                                              std::string(as_text(sql.bytes))};
}

Schema read_schema(const DamagedPages& pages) {
  Schema schema;
  const ReadPage read_page = [&](std::uint32_t page) { return pages.read_overflow(page); };
  std::uint64_t bad_cells = 0;
  for (const std::uint32_t number : pages.pages_of(1)) {
    const auto page = pages.read(number);
    if (!page) continue;
    const auto cells =
        read_cells(*page, number, pages.usable_bytes(), TreeKind::table, read_page, bad_cells);
    if (!cells) continue;
    for (const StoredCell& cell : *cells)
      add_row(schema, cell);
  }
  return schema;
}

// Of the new file, which this library has just made.
Schema expected_schema(Salvaging& salvaging) {
  Schema schema;
  salvaging.write([&](engine::Connection& db) {
    engine::Statement select(db,
                             "SELECT name, rootpage, ifnull(sql, '') FROM sqlite_schema"
                             " WHERE rootpage > 0");
    auto row = select.run();
    while (row.step())
      schema[row.string(0)] = {static_cast<std::uint32_t>(row.integer(1)), row.string(2)};
  });
  return schema;
}

void refuse_foreign(const DamagedPages& pages, const Schema& found, std::size_t ours) {
  constexpr std::size_t kUserVersion = 60;
  constexpr std::size_t kApplicationIdAt = 68;
  const bool named = pages.header_u32(kApplicationIdAt) == engine::kApplicationId;
  if (ours == 0 && !found.empty() && !named) {
    throw Error(ErrorCode::not_a_database, "the file is an SQLite database of another program");
  }
  const auto version = static_cast<std::int64_t>(pages.header_u32(kUserVersion));
  const auto current = static_cast<std::int64_t>(engine::current_schema_version());
  // A damaged version number alone changes none of the tables.
  if (!named || version <= current || ours * 2 > found.size()) return;
  throw Error(
      ErrorCode::schema_too_new,
      "the file has schema version " + std::to_string(version) + ", newer than this library's",
      {.expected = static_cast<std::uint64_t>(current),
       .actual = static_cast<std::uint64_t>(version)});
}

}  // namespace

void find_roots(Salvaging& salvaging) {
  DamagedPages& pages = salvaging.pages();
  const Schema found = read_schema(pages);
  const Schema expected = expected_schema(salvaging);
  std::size_t ours = 0;
  std::set<std::uint32_t> taken;
  for (const auto& [name, row] : expected) {
    const auto at = found.find(name);
    if (at == found.end() || at->second.sql != row.sql) continue;
    ++ours;
    if (!taken.insert(at->second.root).second) continue;
    salvaging.roots[name] = at->second.root;
  }
  refuse_foreign(pages, found, ours);
  std::vector<std::uint32_t> roots;
  for (const auto& [name, row] : expected) {
    auto& root = salvaging.roots[name];
    if (root == 0) {
      salvaging.find(Severity::warning,
                     "schema",
                     name + " is missing or damaged; it was looked for where a new file has it");
    }
    if (root == 0 || (!pages.is_root(root) && pages.is_root(row.root))) root = row.root;
    roots.push_back(root);
  }
  pages.add_roots(roots);
  for (const auto& [name, row] : found) {
    if (expected.contains(name) || row.sql.empty()) continue;
    salvaging.find(Severity::warning, "schema", name + " was added by somebody; it is left out");
  }
}

}  // namespace holdfast::maintain
