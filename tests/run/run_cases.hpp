// Runs as these tests make and read them.
#pragma once

#include "holdfast/database.hpp"
#include "support/temporary_database.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::test {

// The database on both grounds, one after the other.
inline Ground any_ground() {
  return GENERATE(Ground::file, Ground::memory);
}

// Events as (sequence number, text).
using Events = std::vector<std::pair<std::uint64_t, std::string>>;

inline Events events_of(const std::vector<LogEntry>& entries) {
  Events events;
  for (const LogEntry& entry : entries)
    events.emplace_back(entry.position, entry.text());
  return events;
}

// The at_seq and state of what was found; (0, "(none)") if nothing was.
using State = std::pair<std::uint64_t, std::string>;

inline State state_of(const std::optional<Snapshot>& found) {
  return found ? State(found->at_seq, as_text(found->state)) : State(0, "(none)");
}

inline Snapshot snapshot(std::string run, std::uint64_t at_seq, std::string_view state) {
  return {.run = std::move(run), .at_seq = at_seq, .state = to_bytes(state)};
}

inline std::vector<std::uint64_t> at_seqs(const std::vector<SnapshotInfo>& infos) {
  std::vector<std::uint64_t> numbers;
  for (const SnapshotInfo& info : infos)
    numbers.push_back(info.at_seq);
  return numbers;
}

}  // namespace holdfast::test
