// What an entry says of itself, where it is JSON: the columns beside it.
//
// Shape    kind: the text of `kind`, else of `type`; else the one key of an object with one member, or
//          the text itself ("Completed"). time_us: `ts` in milliseconds, else `timestamp` as ISO 8601
//          text or a number of milliseconds. turn: `turn_count`. Origins ({segment_id, at_turn_index})
//          of `forked_from` and `compacted_from`. Only members of the outermost object count; of two
//          with one name the first, as ->> finds it. A field of another type, out of range, or longer
//          than its limit is as if absent: the entry itself is kept in any case.
// Threads  plain values
#pragma once

#include "holdfast/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace holdfast::log {

// Kinds are words; a longer text is not one, and would be stored twice.
inline constexpr std::size_t kMaxKindBytes = 256;

struct Origin {
  std::string segment = {};  // an id, at most kMaxIdBytes
  std::optional<std::int64_t> turn = std::nullopt;

  bool operator==(const Origin&) const = default;
};

struct EntryFields {
  std::optional<std::string> kind = std::nullopt;
  std::optional<std::int64_t> time_us = std::nullopt;
  std::optional<std::int64_t> turn = std::nullopt;
  std::optional<Origin> forked_from = std::nullopt;
  std::optional<Origin> compacted_from = std::nullopt;
};

// nullopt: the bytes are not one JSON value in UTF-8. One pass over them.
std::optional<EntryFields> scan_json(BytesView bytes);
// The same, and a line feed is refused as well: what a line of a JSONL file can be.
std::optional<EntryFields> scan_entry(BytesView entry);

}  // namespace holdfast::log
