// The rows of segments: the heads of their two logs, where they come from, and their metadata.
//
// An append is one find(), the log's own inserts, and one update(): the row is small on purpose.
//
// Threads  those of the connection; inside one transaction
// Source   schema/0005_session.sql
#pragma once

#include "engine/connection.hpp"
#include "engine/statement.hpp"
#include "log/entry_fields.hpp"
#include "log/log.hpp"
#include "session/session_table.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::session {

// A row of the table `segment` but for its name.
struct SegmentRow {
  std::int64_t segment_key = 0;
  std::int64_t session_key = 0;
  std::int64_t node_key = 0;
  std::uint64_t entry_count = 0;
  std::uint64_t raw_bytes = 0;
  std::optional<std::int64_t> trace_node_key = std::nullopt;
  std::uint64_t trace_count = 0;
  std::int64_t created_at_us = 0;
  std::int64_t recency_us = 0;
  std::optional<log::Origin> forked_from = std::nullopt;
  std::optional<log::Origin> compacted_from = std::nullopt;
  std::optional<std::int64_t> metadata_digest = std::nullopt;

  log::LogRef entries() const { return {.node_key = node_key, .count = entry_count}; }
  // None: nothing was traced yet.
  std::optional<log::LogRef> trace() const {
    if (!trace_node_key) return std::nullopt;
    return log::LogRef{.node_key = *trace_node_key, .count = trace_count};
  }
};

class SegmentTable {
 public:
  explicit SegmentTable(engine::Connection& db) : db_(db) {}

  struct Owned {
    SegmentRow row = {};
    std::string session = {};
  };
  // The segment of that name, whoever owns it.
  std::optional<Owned> find_any(std::string_view segment);
  // The same, for its owner: `conflict` if another session owns it.
  std::optional<SegmentRow> find(std::string_view session, std::string_view segment);
  // The same, and it must be there: `not_found`.
  SegmentRow get(std::string_view session, std::string_view segment);

  // A new segment without entries; its session is made as well if it is new.
  SegmentRow create(std::string_view session, std::string_view segment, const Creation& creation);
  // Writes what can change in a row: heads, origins, metadata_digest.
  void update(std::string_view segment, const SegmentRow& row);
  // The segment with its logs and metadata, not its place in its session. How many entries it had.
  std::uint64_t remove(content::Freeing& freeing, const SegmentRow& row);

  std::string metadata(std::string_view segment, const SegmentRow& row);
  // Sets row.metadata_digest, which the caller then writes by update().
  void set_metadata(std::string_view segment, SegmentRow& row, std::string_view metadata);

  // Names of a session's segments, most recent first: all, or those after one.
  std::vector<std::string> list(const SessionRow& session, std::size_t limit);
  std::vector<std::string> list_after(const SegmentRow& segment, std::size_t limit);

 private:
  std::vector<std::string> checked_names(engine::Query row);
  // As find_any, but for a look at the session's row itself.
  std::optional<Owned> find_known(std::string_view segment);
  // From the file.
  std::optional<Owned> find_row(std::string_view segment);
  void check_owner(std::string_view segment, const Owned& found);
  engine::Connection& db_;
};

}  // namespace holdfast::session
