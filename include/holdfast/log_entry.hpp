// One entry of a log: of a session's segment, or an event of a run.
#pragma once

#include "holdfast/bytes.hpp"
#include "holdfast/export.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

struct LogEntry {
  std::uint64_t position = 0;      // in a segment: from 0; in a run: its sequence number
  std::int64_t created_at_us = 0;  // when it was appended, microseconds since the epoch
  std::string codec = {};          // "json", the name given, or "raw": an event that is no JSON
  Bytes data = {};                 // as it was given, byte for byte

  std::string_view text() const { return as_text(data); }
};

// What an entry says of itself; the view `log` shows the same.
struct EntryFacts {
  std::optional<std::string> kind = std::nullopt;      // `kind`, else `type`
  std::optional<std::int64_t> time_us = std::nullopt;  // `ts` (milliseconds), else `timestamp`
  std::optional<std::int64_t> turn = std::nullopt;     // `turn_count`
};

// nullopt: not one JSON value in UTF-8 without a line feed, so that no log takes it as codec "json".
HOLDFAST_API std::optional<EntryFacts> entry_facts(BytesView entry);

}  // namespace holdfast
