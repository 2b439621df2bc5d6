// Contents and the rows that own them: exactly one each. Chunks, and how many use them.

#include "content/content_store.hpp"
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

// length() of a blob does not read it.
constexpr const char* kChunks =
    "SELECT c.chunk_key, c.users, c.dependants, c.stored_bytes, ifnull(length(d.bytes), -1)"
    " FROM chunk AS c LEFT JOIN chunk_data AS d ON d.chunk_key = c.chunk_key ORDER BY c.chunk_key";

constexpr const char* kDataOfNobody =
    "SELECT chunk_key FROM chunk_data EXCEPT SELECT chunk_key FROM chunk";

std::string name_of(std::int64_t content_key) {
  return "content " + std::to_string(content_key);
}

std::string chunk_name(std::int64_t chunk_key) {
  return "chunk " + std::to_string(chunk_key);
}

// Of one instant: a chunk changes its users with every save.
void check_chunks(Verification& verification, Connection& db) {
  auto counts = content::count_chunks(db);
  Statement select(db, kChunks);
  std::uint64_t rows = 0;
  {
    auto row = select.run();
    for (; row.step(); ++rows) {
      const std::int64_t key = row.integer(0);
      const auto found = counts.extract(key);
      const auto count = found.empty() ? content::ChunkCount() : found.mapped();
      const std::string name = chunk_name(key);
      if (found.empty()) verification.add(Severity::error, name, "is used by nobody");
      verification.compare(name, "users", row.integer(1), count.users);
      verification.compare(name, "dependants", row.integer(2), count.dependants);
      verification.compare(name, "stored bytes", row.integer(3), row.integer(4));
    }
  }
  for (const auto& [key, count] : counts) {
    verification.add(
        Severity::error, chunk_name(key), "is named by contents or chunks, and is not there");
  }
  Statement data(db, kDataOfNobody);
  auto row = data.run();
  while (row.step()) {
    verification.add(Severity::error, chunk_name(row.integer(0)), "has bytes, and is not there");
  }
  verification.count(rows, 0);
}

void check_secret(Verification& verification, Connection& db) {
  if (db.integer("SELECT (SELECT secret FROM content_secret) IS NOT"
                 " (SELECT secret FROM content_secret_copy)") == 0) {
    return;
  }
  verification.add(Severity::error, "secret of digests", "is not there twice and alike");
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
  verification.read(kPlace, [&](Connection& db) { check_chunks(verification, db); });
  verification.read(kPlace, [&](Connection& db) { check_secret(verification, db); });
  if (!verification.go_on(0)) return false;
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
