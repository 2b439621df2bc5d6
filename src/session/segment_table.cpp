#include "session/segment_table.hpp"

#include "content/row_digest.hpp"
#include "engine/remembered.hpp"
#include "holdfast/error.hpp"

#include <algorithm>

namespace holdfast::session {
namespace {

struct SegmentStatements {
  explicit SegmentStatements(engine::Connection& db)
      : find(db,
             "SELECT s.name, g.segment_key, g.session_key, g.name, g.node_key, g.entry_count,"
             " g.raw_bytes, g.trace_node_key, g.trace_count, g.created_at_us, g.recency_us,"
             " g.forked_from, g.forked_at_turn, g.compacted_from, g.compacted_at_turn,"
             " g.metadata_digest, g.digest"
             " FROM segment AS g LEFT JOIN session AS s ON s.session_key = g.session_key"
             " WHERE g.name = ?1"),
        list(db,
             "SELECT name FROM segment WHERE session_key = ?1"
             " ORDER BY recency_us DESC, segment_key DESC LIMIT ?2"),
        list_after(db,
                   "SELECT name FROM segment"
                   " WHERE session_key = ?1 AND (recency_us, segment_key) < (?2, ?3)"
                   " ORDER BY recency_us DESC, segment_key DESC LIMIT ?4"),
        highest_recency(db,
                        "SELECT ifnull(max(recency_us), 0) FROM segment WHERE session_key = ?1"),
        insert(db,
               "INSERT INTO segment (session_key, name, node_key, entry_count, raw_bytes,"
               " trace_count, created_at_us, recency_us, digest)"
               " VALUES (?1, ?2, ?3, 0, 0, 0, ?4, ?5, ?6)"),
        update(db,
               "UPDATE segment SET entry_count = ?2, raw_bytes = ?3, trace_node_key = ?4,"
               " trace_count = ?5, forked_from = ?6, forked_at_turn = ?7, compacted_from = ?8,"
               " compacted_at_turn = ?9, metadata_digest = ?10, digest = ?11"
               " WHERE segment_key = ?1"),
        remove(db, "DELETE FROM segment WHERE segment_key = ?1"),
        metadata(db, "SELECT metadata FROM segment_metadata WHERE segment_key = ?1"),
        set_metadata(db,
                     "INSERT INTO segment_metadata (segment_key, metadata) VALUES (?1, ?2)"
                     " ON CONFLICT (segment_key) DO UPDATE SET metadata = excluded.metadata"),
        remove_metadata(db, "DELETE FROM segment_metadata WHERE segment_key = ?1"),
        known(db) {}
  engine::Statement find;
  engine::Statement list;
  engine::Statement list_after;
  engine::Statement highest_recency;
  engine::Statement insert;
  engine::Statement update;
  engine::Statement remove;
  engine::Statement metadata;
  engine::Statement set_metadata;
  engine::Statement remove_metadata;
  engine::Remembered<SegmentTable::Owned> known;
};

std::optional<std::string_view> segment_of(const std::optional<log::Origin>& origin) {
  return origin ? std::optional<std::string_view>(origin->segment) : std::nullopt;
}

std::optional<std::int64_t> turn_of(const std::optional<log::Origin>& origin) {
  return origin ? origin->turn : std::nullopt;
}

// The name stands for the key, which a row does not know before it is inserted.
std::int64_t digest_of(std::string_view name, const SegmentRow& row) {
  return content::RowDigest()
      .add(row.session_key)
      .add(name)
      .add(row.node_key)
      .add(static_cast<std::int64_t>(row.entry_count))
      .add(static_cast<std::int64_t>(row.raw_bytes))
      .add(row.trace_node_key)
      .add(static_cast<std::int64_t>(row.trace_count))
      .add(row.created_at_us)
      .add(row.recency_us)
      .add(segment_of(row.forked_from))
      .add(turn_of(row.forked_from))
      .add(segment_of(row.compacted_from))
      .add(turn_of(row.compacted_from))
      .add(row.metadata_digest)
      .value();
}

std::int64_t metadata_digest_of(std::string_view name, std::string_view metadata) {
  return content::RowDigest().add(name).add(metadata).value();
}

std::optional<log::Origin> read_origin(const engine::Query& row, int column) {
  if (row.is_null(column) && row.is_null(column + 1)) return std::nullopt;
  // Without a segment there is no turn. What is not a value of ours must not escape the digest.
  if (row.is_null(column)) throw Error(ErrorCode::corrupt, "a segment's origin has a turn only");
  return log::Origin{.segment = row.string(column), .turn = row.optional_integer(column + 1)};
}

SegmentRow read_row(const engine::Query& row) {
  SegmentRow segment{.segment_key = row.integer(1),
                     .session_key = row.integer(2),
                     .node_key = row.integer(4),
                     .entry_count = row.bits(5),
                     .raw_bytes = row.bits(6),
                     .trace_node_key = row.optional_integer(7),
                     .trace_count = row.bits(8),
                     .created_at_us = row.integer(9),
                     .recency_us = row.integer(10),
                     .forked_from = read_origin(row, 11),
                     .compacted_from = read_origin(row, 13),
                     .metadata_digest = row.optional_integer(15)};
  if (digest_of(row.text(3), segment) != row.integer(16)) {
    throw Error(ErrorCode::corrupt, "the row of a segment fails its digest");
  }
  return segment;
}

}  // namespace

std::optional<SegmentTable::Owned> SegmentTable::find_any(std::string_view segment) {
  auto found = find_known(segment);
  if (found) check_owner(segment, *found);
  return found;
}

// The session's row is only joined: a damaged name must not pass for another session's.
void SegmentTable::check_owner(std::string_view segment, const Owned& found) {
  const auto session = SessionTable(db_).find(found.session);
  if (session && session->session_key == found.row.session_key) return;
  throw Error(ErrorCode::corrupt,
              "the session of a segment cannot be found by its name",
              {.id = std::string(segment)});
}

std::optional<SegmentTable::Owned> SegmentTable::find_known(std::string_view segment) {
  auto& known = db_.statements<SegmentStatements>().known;
  if (const Owned* row = known.find(segment)) return *row;
  auto found = find_row(segment);
  if (found) known.remember(segment, *found);
  return found;
}

std::optional<SegmentTable::Owned> SegmentTable::find_row(std::string_view segment) {
  auto row = db_.statements<SegmentStatements>().find.run(segment);
  if (!row.step()) return std::nullopt;
  if (row.is_null(0)) {
    throw Error(
        ErrorCode::corrupt, "the session of a segment is missing", {.id = std::string(segment)});
  }
  return Owned{.row = read_row(row), .session = row.string(0)};
}

// Names as an index gives them; the rows are looked up one by one, so that each is checked.
std::vector<std::string> SegmentTable::checked_names(engine::Query row) {
  std::vector<std::string> names;
  while (row.step()) {
    names.push_back(row.string(0));
    if (!find_row(names.back())) {
      throw Error(ErrorCode::corrupt, "a segment cannot be found by its name");
    }
  }
  return names;
}

std::optional<SegmentRow> SegmentTable::find(std::string_view session, std::string_view segment) {
  auto found = find_known(segment);
  if (!found) return std::nullopt;
  if (found->session != session) {
    check_owner(segment, *found);
    throw Error(ErrorCode::conflict,
                "segment " + std::string(segment) + " belongs to session " + found->session,
                {.id = found->session});
  }
  return std::move(found->row);
}

SegmentRow SegmentTable::get(std::string_view session, std::string_view segment) {
  auto row = find(session, segment);
  if (!row) {
    throw Error(ErrorCode::not_found,
                "there is no segment " + std::string(segment),
                {.id = std::string(segment)});
  }
  return std::move(*row);
}

SegmentRow SegmentTable::create(std::string_view session,
                                std::string_view segment,
                                const Creation& creation) {
  const SessionRow owner = SessionTable(db_).add_segment(session, creation);
  auto& statements = db_.statements<SegmentStatements>();
  SegmentRow row{.session_key = owner.session_key,
                 .node_key = log::create_node(db_),
                 .created_at_us = creation.created_at_us()};
  {
    auto highest = statements.highest_recency.run(owner.session_key);
    highest.step();
    row.recency_us = creation.recency_us(highest.integer(0));
  }
  statements.insert.execute(row.session_key,
                            segment,
                            row.node_key,
                            row.created_at_us,
                            row.recency_us,
                            digest_of(segment, row));
  row.segment_key = db_.last_insert_rowid();
  return row;
}

void SegmentTable::update(std::string_view segment, const SegmentRow& row) {
  db_.statements<SegmentStatements>().update.execute(row.segment_key,
                                                     row.entry_count,
                                                     row.raw_bytes,
                                                     row.trace_node_key,
                                                     row.trace_count,
                                                     segment_of(row.forked_from),
                                                     turn_of(row.forked_from),
                                                     segment_of(row.compacted_from),
                                                     turn_of(row.compacted_from),
                                                     row.metadata_digest,
                                                     digest_of(segment, row));
  if (Owned* known = db_.statements<SegmentStatements>().known.find(segment)) known->row = row;
}

std::uint64_t SegmentTable::remove(content::Freeing& freeing, const SegmentRow& row) {
  const std::uint64_t entries = log::remove(db_, freeing, row.entries());
  if (const auto trace = row.trace()) log::remove(db_, freeing, *trace);
  auto& statements = db_.statements<SegmentStatements>();
  if (row.metadata_digest) statements.remove_metadata.execute(row.segment_key);
  statements.remove.execute(row.segment_key);
  statements.known.forget();
  return entries;
}

std::string SegmentTable::metadata(std::string_view segment, const SegmentRow& row) {
  if (!row.metadata_digest) return {};
  auto found = db_.statements<SegmentStatements>().metadata.run(row.segment_key);
  if (!found.step() || metadata_digest_of(segment, found.text(0)) != *row.metadata_digest) {
    throw Error(ErrorCode::corrupt,
                "the metadata of a segment is missing or fails its digest",
                {.id = std::string(segment)});
  }
  return found.string(0);
}

void SegmentTable::set_metadata(std::string_view segment,
                                SegmentRow& row,
                                std::string_view metadata) {
  auto& statements = db_.statements<SegmentStatements>();
  if (metadata.empty()) {
    if (row.metadata_digest) statements.remove_metadata.execute(row.segment_key);
    row.metadata_digest.reset();
    return;
  }
  statements.set_metadata.execute(row.segment_key, metadata);
  row.metadata_digest = metadata_digest_of(segment, metadata);
}

std::vector<std::string> SegmentTable::list(const SessionRow& session, std::size_t limit) {
  auto names = checked_names(
      db_.statements<SegmentStatements>().list.run(session.session_key, sql_limit(limit)));
  // One that vanished must not pass for one that never was.
  if (names.size() != std::min<std::uint64_t>(limit, session.segment_count)) {
    throw Error(ErrorCode::corrupt,
                "a session has another number of segments than it counts",
                {.expected = session.segment_count, .actual = names.size()});
  }
  return names;
}

std::vector<std::string> SegmentTable::list_after(const SegmentRow& segment, std::size_t limit) {
  return checked_names(db_.statements<SegmentStatements>().list_after.run(
      segment.session_key, segment.recency_us, segment.segment_key, sql_limit(limit)));
}

}  // namespace holdfast::session
