// Every row against its digest, and every payload against its own.

#include "content/content_store.hpp"
#include "content/payload.hpp"
#include "defect.hpp"
#include "engine/statement.hpp"
#include "maintain/stored_tables.hpp"
#include "maintain/verification.hpp"

#include <string>

namespace holdfast::maintain {

namespace {

using engine::Connection;
using engine::Query;
using engine::Statement;

class RowCheck {
 public:
  RowCheck(Connection& db, const StoredTable& table, content::ContentCheck& contents)
      : db_(db), table_(table), contents_(contents) {}

  // What is wrong with the row; empty: nothing.
  std::string run(const Query& row) {
    const RowDigestColumns columns = compute_digest(table_, row);
    if (columns.computed != columns.stored) return "the row fails its digest";
    return columns.payload == 0 ? std::string() : check_payload(row, columns.payload);
  }

  std::uint64_t bytes() const { return bytes_; }

 private:
  std::string check_payload(const Query& row, int column) {
    try {
      if (const auto content_key = row.optional_integer(column + 2)) {
        bytes_ += static_cast<std::uint64_t>(contents_.run(db_, *content_key, row.integer(column)));
      } else {
        bytes_ += content::load(db_, row, column).size();
      }
      return {};
    } catch (const Error& error) {
      if (error.code() != ErrorCode::corrupt) throw;
      return error.what();
    }
  }

  Connection& db_;
  const StoredTable& table_;
  content::ContentCheck& contents_;
  std::uint64_t bytes_ = 0;
};

struct Page {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  bool last = true;
};

Page check_page(Verification& verification,
                Connection& db,
                const StoredTable& table,
                content::ContentCheck& contents,
                RowKey& last) {
  Page page;
  Statement select(db, table.rows);
  RowCheck check(db, table, contents);
  auto row = run_page(select, table, last, kPageRows);
  while (check.bytes() < kPageBytes && row.step()) {
    ++page.rows;
    last = read_key(table, row);
    const std::string what = check.run(row);
    if (!what.empty()) verification.add(Severity::error, place_of(db, table, last), what);
  }
  page.bytes = check.bytes();
  page.last = page.rows < kPageRows && page.bytes < kPageBytes;
  return page;
}

bool check_table(Verification& verification,
                 const StoredTable& table,
                 content::ContentCheck& contents) {
  RowKey last;
  Page page;
  do {
    page = {};
    // What a damaged page of the tree hides ends the table: it cannot be walked beyond.
    verification.read(table.name, [&](Connection& db) {
      page = check_page(verification, db, table, contents, last);
    });
    verification.count(page.rows, page.bytes);
    if (!verification.go_on(page.rows)) return false;
  } while (!page.last);
  return true;
}

}  // namespace

bool check_digests(Verification& verification) {
  if (verification.quick() || planted("verify_reads_no_digest")) return true;
  content::ContentCheck contents;  // each chunk is read once, however many share it
  for (const StoredTable& table : stored_tables()) {
    if (table.rows == nullptr) continue;
    verification.begin_part();
    if (!check_table(verification, table, contents)) return false;
    verification.end_part(table.name);
  }
  return true;
}

}  // namespace holdfast::maintain
