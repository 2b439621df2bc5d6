// Time stamps as other programs write them: ISO 8601 in its extended form.
//
//   2026-03-01T08:30:00.123456Z   2026-03-01 08:30:00+02:00   2026-03-01T08:30   2026-03-01
//
// Without a zone it is UTC; digits beyond microseconds are dropped; second 60 is the next minute's first.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::log {

// Microseconds since the epoch, UTC. nullopt: it is something else.
std::optional<std::int64_t> parse_iso_time_us(std::string_view text);

}  // namespace holdfast::log
