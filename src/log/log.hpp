// Logs: ordered entries without gaps, which segments and runs are made of.
//
// A log is a node and a count, both kept in a row of the store that owns it: the store reads them,
// calls here, and writes the new count, in one transaction. Ordinals run from 1. The node holds what the
// count says and nothing beyond: a row that is missing is damage.
//
// Errors   too_large: beyond 2^32-1 entries, or a payload over the limit (checked by the store);
//          invalid_argument: an entry that is not JSON; corrupt: a gap, or an entry that fails its digest
// Threads  those of the connection
// Source   schema/0003_log.sql
#pragma once

#include "content/removal.hpp"
#include "engine/connection.hpp"
#include "holdfast/bytes.hpp"
#include "holdfast/log_entry.hpp"
#include "log/entry_fields.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::log {

inline constexpr std::uint64_t kMaxEntries = 0xffff'ffff;
inline constexpr std::size_t kPageBytes = 1ULL << 20;
inline constexpr std::string_view kJson = "json";
inline constexpr std::string_view kRaw = "raw";

// Which entries a log has: ordinals 1..count of the node.
struct LogRef {
  std::int64_t node_key = 0;
  std::uint64_t count = 0;
};

// An entry checked before the transaction begins: what is not JSON never costs a turn to write.
struct NewEntry {
  BytesView data = {};
  bool is_json = false;
  EntryFields fields = {};
};

// With codec "json" every entry must be one JSON value without a line feed (invalid_argument names its
// index). With `strict_json` false any bytes are taken: what is JSON, on however many lines, gives its
// fields, and what is not gets the codec "raw". With another codec bytes are opaque: nothing looks at them.
std::vector<NewEntry> check_entries(const PayloadList& entries,
                                    std::string_view codec,
                                    bool strict_json = true);

std::int64_t create_node(engine::Connection& db);

struct Appended {
  std::uint64_t count = 0;      // the new one
  std::uint64_t raw_bytes = 0;  // of what was appended
};
Appended append(engine::Connection& db,
                const LogRef& log,
                const std::vector<NewEntry>& entries,
                std::string_view codec,
                std::int64_t now_us);

// At most `limit` entries from ordinal `first` (1..) on. LogEntry::position is the ordinal.
std::vector<LogEntry> read(engine::Connection& db,
                           const LogRef& log,
                           std::uint64_t first,
                           std::size_t limit);
// The next entries from ordinal `first` on, of kPageBytes or a little more, at least one: what a paged
// visitor takes at a time. Empty: the end.
std::vector<LogEntry> read_page(engine::Connection& db, const LogRef& log, std::uint64_t first);

// What was there and went: of a damaged log fewer entries than its count says.
struct Cut {
  std::uint64_t entries = 0;
  std::uint64_t raw_bytes = 0;
};
// Removes the entries beyond `keep`, with their content.
Cut truncate(engine::Connection& db, const LogRef& log, std::uint64_t keep);
// Removes all of them, and the node. What is beyond a slice's share is noted, for free_slice(). Returns how many
// entries went: of a damaged log that is freed at once fewer than its count says.
std::uint64_t remove(engine::Connection& db, content::Freeing& freeing, const LogRef& log);
// Frees a part of what was removed. False: nothing is left.
bool free_slice(engine::Connection& db);

}  // namespace holdfast::log
