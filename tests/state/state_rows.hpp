// What the tests of keyed state look at beneath its surface: how many rows there are, on both grounds.
#pragma once

#include "access.hpp"
#include "engine/link.hpp"
#include "holdfast/database.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::test {

inline std::int64_t integer(const Database& db, const char* sql) {
  return engine::Access::link(db).read(
      [&](engine::Connection& connection) { return connection.integer(sql); });
}

inline std::int64_t undo_rows(const Database& db) {
  return integer(db, "SELECT count(*) FROM state_undo");
}

// The same as the heads and checkpoints have counted.
inline std::int64_t counted_undo_rows(const Database& db) {
  return integer(db,
                 "SELECT (SELECT ifnull(sum(undo_count), 0) FROM state_backend)"
                 "     + (SELECT ifnull(sum(undo_count), 0) FROM state_checkpoint)");
}

inline std::int64_t content_rows(const Database& db) {
  return integer(db, "SELECT count(*) FROM content");
}

// How many rows are where they should not be: contents that no row names, that two rows name, or that are
// missing; partitions that nothing needs, and entries or undo rows without one.
inline std::int64_t misplaced_rows(const Database& db) {
  return integer(db,
                 "WITH named AS (SELECT content_key FROM state_entry WHERE content_key IS NOT NULL"
                 "               UNION ALL"
                 "               SELECT content_key FROM state_undo WHERE content_key IS NOT NULL),"
                 "     used AS (SELECT partition_key FROM state_entry UNION"
                 "              SELECT partition_key FROM state_undo),"
                 "     known AS (SELECT partition_key FROM state_partition)"
                 "SELECT (SELECT count(*) FROM content WHERE content_key NOT IN named)"
                 "     + (SELECT count(*) - count(DISTINCT content_key) FROM named)"
                 "     + (SELECT count(*) FROM named WHERE content_key NOT IN"
                 "          (SELECT content_key FROM content))"
                 "     + (SELECT count(*) FROM known WHERE partition_key NOT IN used)"
                 "     + (SELECT count(*) FROM used WHERE partition_key NOT IN known)");
}

inline std::string text(const std::optional<Bytes>& bytes) {
  return bytes ? std::string(as_text(*bytes)) : std::string("(none)");
}

// "key=value key=value", as they came.
inline std::string text(const std::vector<StateEntry>& entries) {
  std::string joined;
  for (const StateEntry& entry : entries) {
    if (!joined.empty()) joined += ' ';
    joined.append(as_text(entry.key)).append("=").append(as_text(entry.value));
  }
  return joined;
}

}  // namespace holdfast::test
