#include "content/json.hpp"
#include "engine/arguments.hpp"
#include "engine/connection.hpp"
#include "engine/link.hpp"
#include "holdfast/error.hpp"
#include "holdfast/session.hpp"
#include "log/log.hpp"
#include "session/segment_table.hpp"
#include "session/session_table.hpp"

#include <algorithm>
#include <utility>

namespace holdfast {
namespace {

using session::Creation;
using session::SegmentRow;
using session::SegmentTable;
using session::SessionTable;

constexpr std::string_view kStartKind = "segment_start";
constexpr std::int64_t kMaxTimeUs = 253'402'300'799'999'999;  // the last one of the year 9999

void check_ids(const IdRef& session, const IdRef& segment) {
  engine::check_id("session", session);
  engine::check_id("segment", segment);
}

// Entries as they are checked before the transaction begins.
struct Checked {
  Checked(const engine::Link& link, const PayloadList& payloads, std::string_view codec) {
    engine::check_id("codec", codec);
    for (const BytesView& payload : payloads) {
      link.check_payload(payload.size());
      bytes += payload.size();
    }
    entries = log::check_entries(payloads, codec);
  }
  std::vector<log::NewEntry> entries;
  std::size_t bytes = 0;
};

void check_metadata(std::string_view metadata) {
  if (metadata.size() > kMaxSegmentMetadataBytes) {
    throw Error(ErrorCode::too_large,
                "the metadata of a segment is too large",
                {.expected = kMaxSegmentMetadataBytes, .actual = metadata.size()});
  }
  if (!metadata.empty() && !content::is_json(metadata)) {
    throw Error(ErrorCode::invalid_argument,
                "the metadata of a segment must be one JSON value in UTF-8, or nothing");
  }
}

void check_expected(std::optional<std::uint64_t> expected,
                    std::uint64_t actual,
                    const IdRef& segment) {
  if (!expected || *expected == actual) return;
  throw Error(ErrorCode::conflict,
              "segment " + segment.str() + " has another number of entries than expected",
              {.expected = *expected, .actual = actual, .id = segment.str()});
}

// Appends to the segment's own log; the caller writes the row.
void append_entries(engine::Connection& db,
                    SegmentRow& row,
                    const std::vector<log::NewEntry>& entries,
                    std::string_view codec,
                    std::int64_t now_us) {
  if (entries.empty()) return;
  if (row.entry_count == 0) {
    const log::EntryFields& start = entries.front().fields;
    const bool is_start = start.kind == kStartKind;
    row.forked_from = is_start ? start.forked_from : std::nullopt;
    row.compacted_from = is_start ? start.compacted_from : std::nullopt;
  }
  const log::Appended appended = log::append(db, row.entries(), entries, codec, now_us);
  row.entry_count = appended.count;
  row.raw_bytes += appended.raw_bytes;
}

// Ordinals count from 1, positions from 0.
std::vector<LogEntry> with_positions(std::vector<LogEntry> entries) {
  for (LogEntry& entry : entries)
    --entry.position;
  return entries;
}

std::vector<LogEntry> read_from(engine::Connection& db,
                                const log::LogRef& log,
                                std::uint64_t position,
                                std::size_t limit) {
  if (position >= log.count) return {};
  return with_positions(log::read(db, log, position + 1, limit));
}

[[noreturn]] void throw_unknown_after(const std::string& id) {
  throw Error(ErrorCode::not_found, "there is no " + id + " to go on after", {.id = id});
}

}  // namespace

SessionStore::SessionStore(std::shared_ptr<const engine::Link> link) : link_(std::move(link)) {}

PodStore SessionStore::pods() const {
  return PodStore(link_);
}

std::uint64_t SessionStore::append(const IdRef& session,
                                   const IdRef& segment,
                                   BytesView entry,
                                   const AppendOptions& options) {
  return append_all(session, segment, {entry}, options);
}

std::uint64_t SessionStore::append_all(const IdRef& session,
                                       const IdRef& segment,
                                       const PayloadList& entries,
                                       const AppendOptions& options) {
  check_ids(session, segment);
  const Checked checked(*link_, entries, options.codec);
  const std::int64_t now_us = link_->now_us();
  return link_->write(
      [&](engine::Connection& db) {
        SegmentTable segments(db);
        auto row = segments.find(session.text(), segment.text());
        check_expected(options.expected_count, row ? row->entry_count : 0, segment);
        if (!row) row = segments.create(session.text(), segment.text(), {.now_us = now_us});
        append_entries(db, *row, checked.entries, options.codec, now_us);
        segments.update(segment.text(), *row);
        return row->entry_count;
      },
      checked.bytes);
}

void SessionStore::create_segment(const IdRef& session,
                                  const IdRef& segment,
                                  const PayloadList& entries,
                                  const SegmentOptions& options) {
  check_ids(session, segment);
  check_metadata(options.metadata);
  if (options.created_at_us &&
      (*options.created_at_us < 0 || *options.created_at_us > kMaxTimeUs)) {
    throw Error(ErrorCode::invalid_argument,
                "a segment's time of creation must lie between the years 1970 and 9999");
  }
  const Checked checked(*link_, entries, options.codec);
  const Creation creation{.now_us = link_->now_us(), .given_us = options.created_at_us};
  link_->write(
      [&](engine::Connection& db) {
        SegmentTable segments(db);
        if (segments.find(session.text(), segment.text())) {
          throw Error(ErrorCode::already_exists,
                      "segment " + segment.str() + " is there already",
                      {.id = segment.str()});
        }
        SegmentRow row = segments.create(session.text(), segment.text(), creation);
        segments.set_metadata(segment.text(), row, options.metadata);
        append_entries(db, row, checked.entries, options.codec, creation.now_us);
        segments.update(segment.text(), row);
      },
      checked.bytes + options.metadata.size());
}

std::vector<LogEntry> SessionStore::read_all(const IdRef& session, const IdRef& segment) const {
  return read(session, segment, 0, kNoLimit);
}

std::vector<LogEntry> SessionStore::read(const IdRef& session,
                                         const IdRef& segment,
                                         std::uint64_t from,
                                         std::size_t limit) const {
  check_ids(session, segment);
  return link_->read([&](engine::Connection& db) {
    const SegmentRow row = SegmentTable(db).get(session.text(), segment.text());
    return read_from(db, row.entries(), from, limit);
  });
}

std::vector<LogEntry> SessionStore::tail(const IdRef& session,
                                         const IdRef& segment,
                                         std::size_t n) const {
  check_ids(session, segment);
  return link_->read([&](engine::Connection& db) {
    const SegmentRow row = SegmentTable(db).get(session.text(), segment.text());
    const std::uint64_t wanted = std::min<std::uint64_t>(n, row.entry_count);
    return read_from(db, row.entries(), row.entry_count - wanted, kNoLimit);
  });
}

void SessionStore::for_each(const IdRef& session,
                            const IdRef& segment,
                            const EntryVisitor& visit) const {
  check_ids(session, segment);
  struct Page {
    std::uint64_t count = 0;  // of the segment
    std::vector<LogEntry> entries = {};
  };
  // Entries that others append meanwhile are not part of it, or a fast writer would keep it going.
  std::uint64_t end = kMaxNumber;
  for (std::uint64_t position = 0; position < end;) {
    const Page page = link_->read([&](engine::Connection& db) {
      const SegmentRow row = SegmentTable(db).get(session.text(), segment.text());
      log::LogRef log = row.entries();
      log.count = std::min(log.count, end);
      return Page{.count = log.count,
                  .entries = with_positions(log::read_page(db, log, position + 1))};
    });
    end = page.count;
    for (const LogEntry& entry : page.entries)
      visit(entry);
    position += page.entries.size();
  }
}

std::uint64_t SessionStore::read_entry_count(const IdRef& session, const IdRef& segment) const {
  check_ids(session, segment);
  return link_->read([&](engine::Connection& db) {
    return SegmentTable(db).get(session.text(), segment.text()).entry_count;
  });
}

bool SessionStore::exists(const IdRef& session, const IdRef& segment) const {
  check_ids(session, segment);
  return lookup_session_of(segment) == session.text();
}

std::optional<SegmentInfo> SessionStore::info(const IdRef& segment) const {
  engine::check_id("segment", segment);
  return link_->read([&](engine::Connection& db) -> std::optional<SegmentInfo> {
    SegmentTable segments(db);
    const auto found = segments.find_any(segment.text());
    if (!found) return std::nullopt;
    const SegmentRow& row = found->row;
    return SegmentInfo{.session = found->session,
                       .id = segment.str(),
                       .entry_count = row.entry_count,
                       .trace_count = row.trace_count,
                       .raw_bytes = row.raw_bytes,
                       .created_at_us = row.created_at_us,
                       .metadata = segments.metadata(segment.text(), row)};
  });
}

std::optional<std::string> SessionStore::lookup_session_of(const IdRef& segment) const {
  engine::check_id("segment", segment);
  return link_->read([&](engine::Connection& db) -> std::optional<std::string> {
    auto found = SegmentTable(db).find_any(segment.text());
    if (!found) return std::nullopt;
    return std::move(found->session);
  });
}

std::vector<std::string> SessionStore::list_sessions(const RecencyListOptions& options) const {
  return link_->read([&](engine::Connection& db) {
    SessionTable sessions(db);
    if (!options.after) return sessions.list(options.limit);
    const auto after = sessions.find(*options.after);
    if (!after) throw_unknown_after("session " + *options.after);
    return sessions.list_after(*after, options.limit);
  });
}

std::vector<std::string> SessionStore::list_segments(const IdRef& session,
                                                     const RecencyListOptions& options) const {
  engine::check_id("session", session);
  return link_->read([&](engine::Connection& db) -> std::vector<std::string> {
    SegmentTable segments(db);
    if (!options.after) {
      const auto row = SessionTable(db).find(session.text());
      return row ? segments.list(*row, options.limit) : std::vector<std::string>();
    }
    const auto after = segments.find_any(*options.after);
    if (!after || after->session != session.text())
      throw_unknown_after("segment " + *options.after);
    return segments.list_after(after->row, options.limit);
  });
}

std::uint64_t SessionStore::truncate(const IdRef& session,
                                     const IdRef& segment,
                                     std::uint64_t count,
                                     const TruncateOptions& options) {
  check_ids(session, segment);
  return link_->write([&](engine::Connection& db) {
    SegmentTable segments(db);
    SegmentRow row = segments.get(session.text(), segment.text());
    check_expected(options.expected_count, row.entry_count, segment);
    if (count > row.entry_count) {
      throw Error(ErrorCode::invalid_argument,
                  "segment " + segment.str() + " has fewer entries than it shall be cut to",
                  {.expected = count, .actual = row.entry_count, .id = segment.str()});
    }
    const log::Cut cut = log::truncate(db, row.entries(), count);
    if (cut.entries != row.entry_count - count || cut.raw_bytes > row.raw_bytes) {
      throw Error(ErrorCode::corrupt,
                  "segment " + segment.str() + " does not have the entries that it counts",
                  {.id = segment.str()});
    }
    if (cut.entries == 0) return cut.entries;
    row.entry_count = count;
    row.raw_bytes -= cut.raw_bytes;
    if (count == 0) {
      row.forked_from.reset();
      row.compacted_from.reset();
    }
    segments.update(segment.text(), row);
    return cut.entries;
  });
}

void SessionStore::set_metadata(const IdRef& session,
                                const IdRef& segment,
                                std::string_view metadata) {
  check_ids(session, segment);
  check_metadata(metadata);
  link_->write([&](engine::Connection& db) {
    SegmentTable segments(db);
    SegmentRow row = segments.get(session.text(), segment.text());
    segments.set_metadata(segment.text(), row, metadata);
    segments.update(segment.text(), row);
  });
}

void SessionStore::append_trace(const IdRef& session,
                                const IdRef& segment,
                                BytesView entry,
                                const AppendOptions& options) {
  check_ids(session, segment);
  const Checked checked(*link_, {entry}, options.codec);
  const std::int64_t now_us = link_->now_us();
  link_->write(
      [&](engine::Connection& db) {
        SegmentTable segments(db);
        SegmentRow row = segments.get(session.text(), segment.text());
        check_expected(options.expected_count, row.trace_count, segment);
        if (!row.trace_node_key) row.trace_node_key = log::create_node(db);
        row.trace_count =
            log::append(db, *row.trace(), checked.entries, options.codec, now_us).count;
        segments.update(segment.text(), row);
      },
      checked.bytes);
}

std::vector<LogEntry> SessionStore::read_trace(const IdRef& session,
                                               const IdRef& segment,
                                               std::uint64_t from,
                                               std::size_t limit) const {
  check_ids(session, segment);
  return link_->read([&](engine::Connection& db) -> std::vector<LogEntry> {
    const SegmentRow row = SegmentTable(db).get(session.text(), segment.text());
    const auto trace = row.trace();
    return trace ? read_from(db, *trace, from, limit) : std::vector<LogEntry>();
  });
}

RemovedSession SessionStore::remove_session(const IdRef& session) {
  engine::check_id("session", session);
  bool more = false;
  const auto removed = link_->write([&](engine::Connection& db) {
    SessionTable sessions(db);
    SegmentTable segments(db);
    RemovedSession gone;
    more = false;
    const auto row = sessions.find(session.text());
    if (!row) return gone;
    content::Freeing freeing(db);
    for (const std::string& segment : segments.list(*row, kNoLimit)) {
      gone.entries += segments.remove(freeing, segments.get(session.text(), segment));
      ++gone.segments;
    }
    sessions.remove(*row);
    more = freeing.noted();
    return gone;
  });
  if (more) link_->free_in_slices(&log::free_slice);
  return removed;
}

std::optional<std::uint64_t> SessionStore::remove_segment(const IdRef& session,
                                                          const IdRef& segment) {
  check_ids(session, segment);
  bool more = false;
  const auto removed = link_->write([&](engine::Connection& db) -> std::optional<std::uint64_t> {
    SegmentTable segments(db);
    more = false;
    const auto row = segments.find(session.text(), segment.text());
    if (!row) return std::nullopt;
    content::Freeing freeing(db);
    const std::uint64_t entries = segments.remove(freeing, *row);
    SessionTable(db).drop_segment(session.text());
    more = freeing.noted();
    return entries;
  });
  if (more) link_->free_in_slices(&log::free_slice);
  return removed;
}

}  // namespace holdfast
