// The tables whose rows carry a digest, or own contents: what verify() must know of each.
//
// The stores compute their digests in their own rooms; what goes into each, in which order, is
// written down here a second time, since maintenance stands beside the stores and not on them. The
// two cannot drift apart unseen: verify() of a sound file would report every row (tests/maintain),
// and a table with a digest column that is not listed here fails a test.
#pragma once

#include "engine/statement.hpp"
#include "holdfast/bytes.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string>

namespace holdfast::maintain {

// Pages go by key: a number, or a number and bytes. It begins below every row, also below one whose
// key was damaged.
struct RowKey {
  std::int64_t number = std::numeric_limits<std::int64_t>::min();
  Bytes bytes = {};
};

struct StoredTable {
  const char* name;
  bool has_bytes_key;
  // Rows above ?1, at most ?2 (with bytes: above (?1, ?2), at most ?3). Columns: the key, the
  // digest, and then the fields that it covers, in order:
  //   i INTEGER   I INTEGER or NULL   t TEXT   T TEXT or NULL   b BLOB   B BLOB or NULL
  //   p payload: raw_bytes, payload, content_key
  // nullptr: there is no digest to compare.
  const char* rows;
  const char* fields;
  // Of the same rows: the key and the content_key, NULL where there is none. nullptr: no payloads.
  // typeof() looks at a row's header only; reading content_key behind a large payload would walk
  // its pages.
  const char* contents;
  // The place of the row with key ?1 (and ?2), as a person calls it.
  const char* place;
};

std::span<const StoredTable> stored_tables();

// Runs `rows` or `contents` for the page after `last`.
engine::Query run_page(engine::Statement& statement,
                       const StoredTable& table,
                       const RowKey& last,
                       std::int64_t limit);
RowKey read_key(const StoredTable& table, const engine::Query& row);

struct RowDigestColumns {
  std::int64_t stored = 0;
  std::int64_t computed = 0;
  int payload = 0;  // where raw_bytes, payload, content_key begin; 0: there is none
};
// Of a row that `rows` gave.
RowDigestColumns compute_digest(const StoredTable& table, const engine::Query& row);
std::string place_of(engine::Connection& db, const StoredTable& table, const RowKey& key);

}  // namespace holdfast::maintain
