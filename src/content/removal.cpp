#include "content/removal.hpp"

#include "content/payload.hpp"
#include "content/row_digest.hpp"
#include "defect.hpp"

#include <array>
#include <string_view>

namespace holdfast::content {
namespace {

constexpr std::array<std::string_view, 2> kKinds = {"checkpoint", "log_entry"};

struct RemovalStatements {
  explicit RemovalStatements(engine::Connection& db)
      : insert(db,
               "INSERT INTO removal (kind, first_key, last_key, digest) VALUES (?1, ?2, ?3, ?4)"),
        all(db,
            "SELECT first_key, last_key, digest FROM removal WHERE kind = ?1 ORDER BY first_key"),
        any(db, "SELECT EXISTS (SELECT 1 FROM removal)"),
        remove(db,
               "DELETE FROM removal"
               " WHERE kind = ?1 AND first_key BETWEEN ?2 AND ?3 AND last_key <= ?3") {}
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

// With those that lie within it.
void end_removal(engine::Connection& db, Removed kind, const KeyRange& range) {
  db.statements<RemovalStatements>().remove.execute(name_of(kind), range.first, range.last);
}

// Those that lie within it are part of it from now on.
void add_removal(engine::Connection& db, Removed kind, const KeyRange& range) {
  end_removal(db, kind, range);
  if (planted("removal_not_noted")) return;
  db.statements<RemovalStatements>().insert.execute(
      name_of(kind), range.first, range.last, digest_of(kind, range));
}

}  // namespace

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

std::optional<std::size_t> Freeing::remove(Removed kind,
                                           const RemovableRows& rows,
                                           const KeyRange& range) {
  const auto freed = free(rows, range);
  if (!freed) {
    add_removal(db_, kind, range);
    noted_ = true;
  }
  return freed;
}

bool Freeing::go_on(Removed kind, const RemovableRows& rows) {
  while (auto range = find_if(db_, kind, [](const KeyRange&) { return true; })) {
    const KeyRange noted = *range;
    if (planted("slice_frees_what_is_seen")) ++range->last;
    if (!free(rows, *range)) return true;
    end_removal(db_, kind, noted);
  }
  return false;
}

std::optional<std::size_t> Freeing::free(const RemovableRows& rows, const KeyRange& range) {
  std::size_t count = 0;
  bool all = true;
  std::int64_t last = range.last;
  {
    auto row = rows.list.run(range.first, range.last);
    while (row.step()) {
      all = !spent();
      if (!all) break;
      last = row.integer(0);
      ++rows_;
      ++count;
      bytes_ += row.integer(1);
      if (rows.owns_content(row)) content::remove(db_, row.optional_integer(2));
    }
  }
  if (all) last = range.last;
  if (count > 0) rows.remove.execute(range.first, last);
  return all ? std::optional(count) : std::nullopt;
}

}  // namespace holdfast::content
