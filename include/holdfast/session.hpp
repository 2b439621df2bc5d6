// Session segment logs: append-only logs, grouped by session, and the pods' metadata beside them.
//
// Shape    a session has segments; a segment is a log of entries, counted from 0, and a second stream
//          of trace entries that is never counted. An entry is JSON: one UTF-8 value without a line
//          feed, kept byte for byte; with another codec named, any bytes. A segment id belongs to one
//          session.
// Units    times in microseconds since the epoch
// Errors   not_found, already_exists, conflict (expected_count; a segment of another session, at every
//          call but exists()), invalid_argument (an entry that is not JSON, a truncate beyond the end),
//          too_large, corrupt, and those of every write
// Threads  any; concurrent appends are whole and in one order
// Source   schema/0003_log.sql, schema/0005_session.sql, src/session/, src/log/
#pragma once

#include "holdfast/bytes.hpp"
#include "holdfast/export.hpp"
#include "holdfast/id.hpp"
#include "holdfast/limits.hpp"
#include "holdfast/log_entry.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdfast {

namespace engine {
class Link;
}

struct AppendOptions {
  std::optional<std::uint64_t> expected_count = std::nullopt;  // else `conflict`, nothing appended
  std::string codec = "json";                                  // another name: bytes are opaque
};

struct SegmentOptions {
  std::string codec = "json";
  // Its time of creation and place among "most recent first" (1970 to 9999); by default it is the most
  // recent one of its session. A session that it creates takes its own place from the session's id if
  // that is a UUIDv7, else from the earliest time given for a segment of it.
  std::optional<std::int64_t> created_at_us = std::nullopt;
  std::string metadata = {};  // JSON of the caller's, at most kMaxSegmentMetadataBytes, or nothing
};

struct TruncateOptions {
  std::optional<std::uint64_t> expected_count = std::nullopt;
};

struct SegmentInfo {
  std::string session = {};
  std::string id = {};
  std::uint64_t entry_count = 0;
  std::uint64_t trace_count = 0;
  std::uint64_t raw_bytes = 0;  // of its entries
  std::int64_t created_at_us = 0;
  std::string metadata = {};
};

struct RecencyListOptions {
  std::size_t limit = kNoLimit;
  std::optional<std::string> after = std::nullopt;  // go on after this one; unknown: not_found
};

struct PodListOptions {
  std::size_t limit = kNoLimit;
  std::optional<std::string> after = std::nullopt;  // only greater names
};

struct RemovedSession {
  std::uint64_t segments = 0;
  std::uint64_t entries = 0;
};

// Metadata of pods by name: JSON documents of the caller's.
class HOLDFAST_API PodStore {
 public:
  // Writes or replaces. A name is an id that is not ".", ".." and has no "/"; metadata is one JSON value.
  void write(const IdRef& name, std::string_view metadata);
  std::optional<std::string> read_by_name(const IdRef& name) const;
  std::vector<std::string> list_names(const PodListOptions& options = {}) const;  // in byte order
  bool remove_by_name(const IdRef& name);  // false: there was none

 private:
  friend class SessionStore;
  explicit PodStore(std::shared_ptr<const engine::Link> link);
  std::shared_ptr<const engine::Link> link_;
};

class HOLDFAST_API SessionStore {
 public:
  using EntryVisitor = std::function<void(const LogEntry&)>;

  // Appends and returns the new count. An unknown segment (and session) is created.
  std::uint64_t append(const IdRef& session,
                       const IdRef& segment,
                       BytesView entry,
                       const AppendOptions& options = {});
  // All of them, or none.
  std::uint64_t append_all(const IdRef& session,
                           const IdRef& segment,
                           const PayloadList& entries,
                           const AppendOptions& options = {});

  // `already_exists`, and unchanged, if the segment is there.
  void create_segment(const IdRef& session,
                      const IdRef& segment,
                      const PayloadList& entries = {},
                      const SegmentOptions& options = {});

  std::vector<LogEntry> read_all(const IdRef& session, const IdRef& segment) const;
  // At most `limit` entries from position `from` on (beyond the end: none).
  std::vector<LogEntry> read(const IdRef& session,
                             const IdRef& segment,
                             std::uint64_t from,
                             std::size_t limit) const;
  // The last n, in order.
  std::vector<LogEntry> tail(const IdRef& session, const IdRef& segment, std::size_t n) const;
  // Every entry that is there at the call, in order, page by page: no lock and no read transaction is
  // held while `visit` runs. It ends early if others truncate the segment meanwhile; inside
  // Database::read it is of one instant.
  void for_each(const IdRef& session, const IdRef& segment, const EntryVisitor& visit) const;

  std::uint64_t read_entry_count(const IdRef& session,
                                 const IdRef& segment) const;  // constant time
  bool exists(const IdRef& session, const IdRef& segment) const;
  std::optional<SegmentInfo> info(const IdRef& segment) const;
  std::optional<std::string> lookup_session_of(const IdRef& segment) const;

  // Most recent first.
  std::vector<std::string> list_sessions(const RecencyListOptions& options = {}) const;
  // An unknown session has none.
  std::vector<std::string> list_segments(const IdRef& session,
                                         const RecencyListOptions& options = {}) const;

  // Cuts the log to `count` entries and returns how many went. Beyond the end: invalid_argument, with
  // both counts.
  std::uint64_t truncate(const IdRef& session,
                         const IdRef& segment,
                         std::uint64_t count,
                         const TruncateOptions& options = {});
  // Replaces the segment's metadata (JSON, or empty). not_found: no such segment.
  void set_metadata(const IdRef& session, const IdRef& segment, std::string_view metadata);

  // The stream of trace entries; it never creates a segment (not_found) and is never counted among its
  // entries (`expected_count` is of the stream itself).
  void append_trace(const IdRef& session,
                    const IdRef& segment,
                    BytesView entry,
                    const AppendOptions& options = {});
  std::vector<LogEntry> read_trace(const IdRef& session,
                                   const IdRef& segment,
                                   std::uint64_t from = 0,
                                   std::size_t limit = kNoLimit) const;

  // What went; zeros if it was not there.
  RemovedSession remove_session(const IdRef& session);
  // The number of entries that went; nullopt: there was no such segment. A session goes with its last
  // segment.
  std::optional<std::uint64_t> remove_segment(const IdRef& session, const IdRef& segment);

  PodStore pods() const;

 private:
  friend class Database;
  explicit SessionStore(std::shared_ptr<const engine::Link> link);
  std::shared_ptr<const engine::Link> link_;
};

}  // namespace holdfast
