#include "content/removal.hpp"

#include "content/row_digest.hpp"
#include "engine/statement.hpp"

#include <array>
#include <string_view>

namespace holdfast::content {
namespace {

constexpr std::array<std::string_view, 1> kKinds = {"checkpoint"};

struct RemovalStatements {
  explicit RemovalStatements(engine::Connection& db)
      : insert(db,
               "INSERT INTO removal (kind, first_key, last_key, digest) VALUES (?1, ?2, ?3, ?4)"),
        all(db,
            "SELECT first_key, last_key, digest FROM removal WHERE kind = ?1 ORDER BY removal_key"),
        any(db, "SELECT EXISTS (SELECT 1 FROM removal)"),
        remove(db, "DELETE FROM removal WHERE kind = ?1 AND first_key >= ?2 AND last_key <= ?3") {}
  engine::Statement insert, all, any, remove;
};

std::string_view name_of(Removed kind) {
  return kKinds.at(static_cast<std::size_t>(kind));
}

std::int64_t digest_of(Removed kind, const KeyRange& range) {
  return RowDigest().add(name_of(kind)).add(range.first).add(range.last).value();
}

// The first one for which this holds.
template <class Condition>
std::optional<KeyRange> find_if(engine::Connection& db, Removed kind, Condition&& holds) {
  auto row = db.statements<RemovalStatements>().all.run(name_of(kind));
  while (row.step()) {
    const KeyRange range{.first = row.integer(0), .last = row.integer(1)};
    if (digest_of(kind, range) == row.integer(2) && holds(range)) return range;
  }
  return std::nullopt;
}

}  // namespace

void add_removal(engine::Connection& db, Removed kind, const KeyRange& range) {
  end_removal(db, kind, range);
  db.statements<RemovalStatements>().insert.execute(
      name_of(kind), range.first, range.last, digest_of(kind, range));
}

std::optional<KeyRange> find_removal(engine::Connection& db, Removed kind) {
  return find_if(db, kind, [](const KeyRange&) { return true; });
}

bool has_removals(engine::Connection& db) {
  auto row = db.statements<RemovalStatements>().any.run();
  return row.step() && row.integer(0) != 0;
}

bool is_removed(engine::Connection& db, Removed kind, std::int64_t key) {
  return find_if(db,
                 kind,
                 [&](const KeyRange& range) { return range.first <= key && key <= range.last; })
      .has_value();
}

void end_removal(engine::Connection& db, Removed kind, const KeyRange& range) {
  db.statements<RemovalStatements>().remove.execute(name_of(kind), range.first, range.last);
}

}  // namespace holdfast::content
