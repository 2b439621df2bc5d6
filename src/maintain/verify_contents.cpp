// Contents, their pieces, and the rows that own them: exactly one each.

#include "engine/statement.hpp"
#include "maintain/stored_tables.hpp"
#include "maintain/verification.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::maintain {

namespace {

using engine::Connection;
using engine::Statement;

constexpr std::string_view kPlace = "content";

// A content by what its row says and what its pieces are. length() of a blob does not read it.
constexpr const char* kContents =
    "SELECT c.content_key, c.piece_count, count(p.piece_key), c.stored_bytes,"
    " CAST(total(length(p.bytes)) AS INTEGER), c.raw_bytes,"
    " CAST(total(p.raw_bytes) AS INTEGER)"
    " FROM content AS c LEFT JOIN content_piece AS p"
    "   ON p.piece_key BETWEEN (c.content_key << 32) + 1 AND (c.content_key << 32) + 4294967295"
    " WHERE c.content_key > ?1 GROUP BY c.content_key ORDER BY c.content_key LIMIT ?2";

constexpr const char* kPiecesOfNobody =
    "WITH RECURSIVE owner(k) AS (SELECT min(piece_key) >> 32 FROM content_piece UNION ALL"
    "  SELECT (SELECT min(piece_key) >> 32 FROM content_piece WHERE piece_key >= (k + 1) << 32)"
    "   FROM owner WHERE k < 2147483647)"
    " SELECT k FROM owner WHERE k IS NOT NULL EXCEPT SELECT content_key FROM content";

std::string name_of(std::int64_t content_key) {
  return "content " + std::to_string(content_key);
}

void check_content(Verification& verification, const engine::Query& row) {
  constexpr std::array kFigures = {"pieces", "stored bytes", "bytes"};
  for (std::size_t at = 0; at < kFigures.size(); ++at) {
    const auto column = static_cast<int>(1 + 2 * at);
    if (row.integer(column) == row.integer(column + 1)) continue;
    verification.add(Severity::error,
                     name_of(row.integer(0)),
                     std::string(kFigures.at(at)) + ": " + std::to_string(row.integer(column + 1)) +
                         ", but its row says " + std::to_string(row.integer(column)));
  }
}

bool check_pieces(Verification& verification) {
  std::int64_t last_key = 0;
  std::int64_t rows = 0;
  do {
    rows = 0;
    verification.read(kPlace, [&](Connection& db) {
      Statement page(db, kContents);
      auto row = page.run(last_key, kPageRows);
      while (row.step()) {
        ++rows;
        last_key = row.integer(0);
        check_content(verification, row);
      }
    });
    verification.count(static_cast<std::uint64_t>(rows), 0);
    if (!verification.go_on(static_cast<std::uint64_t>(rows))) return false;
  } while (rows == kPageRows);
  verification.read(kPlace, [&](Connection& db) {
    Statement find(db, kPiecesOfNobody);
    auto row = find.run();
    while (row.step()) {
      verification.add(Severity::error, name_of(row.integer(0)), "has pieces, and is not there");
    }
  });
  return true;
}

// The contents that rows of one table own, from a page or (with no limit) from all of it.
struct OwnerPage {
  std::vector<std::int64_t> owned = {};
  std::int64_t rows = 0;
};

OwnerPage read_owners(Connection& db, const StoredTable& table, RowKey& last, std::int64_t limit) {
  OwnerPage page;
  Statement select(db, table.contents);
  auto row = run_page(select, table, last, limit);
  while (row.step()) {
    ++page.rows;
    last = read_key(table, row);
    const int column = table.has_bytes_key ? 2 : 1;
    if (!row.is_null(column)) page.owned.push_back(row.integer(column));
  }
  return page;
}

// Within the page's own instant, so that a row that was removed since is no finding.
void check_owned(Verification& verification, Connection& db, const OwnerPage& page) {
  Statement find(db, "SELECT 1 FROM content WHERE content_key = ?1");
  for (const std::int64_t key : page.owned) {
    if (!find.run(key).step()) {
      verification.add(Severity::error, name_of(key), "is named by a row, and is not there");
    }
  }
}

// In pages; nullopt: stopped.
std::optional<std::vector<std::int64_t>> collect_owned(Verification& verification) {
  std::vector<std::int64_t> owned;
  for (const StoredTable& table : stored_tables()) {
    if (table.contents == nullptr) continue;
    RowKey last;
    OwnerPage page;
    do {
      page = {};
      verification.read(table.name, [&](Connection& db) {
        page = read_owners(db, table, last, kPageRows);
        // Else the digests' part loads every content, and tells of this one by the name of its row.
        if (verification.quick()) check_owned(verification, db, page);
      });
      owned.insert(owned.end(), page.owned.begin(), page.owned.end());
      if (!verification.go_on(static_cast<std::uint64_t>(page.rows))) return std::nullopt;
    } while (page.rows == kPageRows);
  }
  return owned;
}

std::vector<std::int64_t> read_contents(Connection& db, std::int64_t up_to) {
  std::vector<std::int64_t> contents;
  Statement select(db,
                   "SELECT content_key FROM content WHERE content_key <= ?1 ORDER BY content_key");
  auto row = select.run(up_to);
  while (row.step())
    contents.push_back(row.integer(0));
  return contents;
}

// Contents without an owner, and with more than one; keys.
struct Mismatch {
  std::vector<std::int64_t> unowned = {};
  std::vector<std::int64_t> shared = {};

  bool empty() const { return unowned.empty() && shared.empty(); }
};

Mismatch compare(std::vector<std::int64_t> owned, const std::vector<std::int64_t>& contents) {
  std::sort(owned.begin(), owned.end());
  Mismatch mismatch;
  std::set_difference(contents.begin(),
                      contents.end(),
                      owned.begin(),
                      owned.end(),
                      std::back_inserter(mismatch.unowned));
  for (auto at = std::adjacent_find(owned.begin(), owned.end()); at != owned.end();
       at = std::adjacent_find(at, owned.end())) {
    mismatch.shared.push_back(*at);
    at = std::upper_bound(at, owned.end(), *at);
  }
  return mismatch;
}

constexpr std::int64_t kAllContents = std::numeric_limits<std::int64_t>::max();

// Both sides at one instant.
Mismatch compare_at_once(Connection& db) {
  std::vector<std::int64_t> owned;
  for (const StoredTable& table : stored_tables()) {
    if (table.contents == nullptr) continue;
    RowKey last;
    const OwnerPage page = read_owners(db, table, last, -1);
    owned.insert(owned.end(), page.owned.begin(), page.owned.end());
  }
  return compare(std::move(owned), read_contents(db, kAllContents));
}

}  // namespace

bool check_contents(Verification& verification) {
  verification.begin_part();
  if (!check_pieces(verification)) return false;
  std::int64_t newest = 0;
  verification.read(kPlace, [&](Connection& db) {
    newest = db.integer("SELECT ifnull(max(content_key), 0) FROM content");
  });
  const auto owned = collect_owned(verification);
  if (!owned) return false;
  Mismatch mismatch;
  verification.read(kPlace,
                    [&](Connection& db) { mismatch = compare(*owned, read_contents(db, newest)); });
  // A content that changed its row between two pages (from an entry to what a checkpoint keeps of
  // it) looks the same as one that is lost: only then, all is read again at one instant.
  if (!mismatch.empty()) {
    verification.read(kPlace, [&](Connection& db) { mismatch = compare_at_once(db); });
  }
  for (const std::int64_t key : mismatch.unowned) {
    verification.add(Severity::error, name_of(key), "belongs to no row");
  }
  for (const std::int64_t key : mismatch.shared) {
    verification.add(Severity::error, name_of(key), "belongs to more than one row");
  }
  verification.end_part(kPlace);
  return true;
}

}  // namespace holdfast::maintain
