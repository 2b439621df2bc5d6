// The record of a trace: which of its ordinals are in use. It is there as long as checkpoints are.
//
// Errors   corrupt: a record that fails its digest (detail.id: the trace); too_large: no key is left
// Threads  those of the connection
// Source   schema/0004_checkpoint.sql
#pragma once

#include "engine/connection.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::checkpoint {

inline constexpr std::uint64_t kMaxOrdinal = 0xffff'ffff;

struct Trace {
  std::int64_t key = 0;
  std::string name = {};
  std::uint64_t last_ordinal = 0;    // the highest ever given: none is given twice
  std::uint64_t oldest_ordinal = 0;  // the ends of the chain; 0: no checkpoint
  std::uint64_t newest_ordinal = 0;
  std::uint64_t count = 0;
  std::int64_t created_at_us = 0;
  bool sound = true;  // the record fits its digest
};

std::optional<Trace> find_trace(engine::Connection& db, std::string_view name);
// Without a check: for recovery, and where only the name is needed.
std::optional<Trace> find_trace_as_is(engine::Connection& db, std::string_view name);
std::optional<Trace> find_trace_as_is(engine::Connection& db, std::int64_t key);

void require_sound(const Trace& trace);

// By name, after a name; each checked.
std::vector<std::string> trace_names(engine::Connection& db,
                                     std::size_t limit,
                                     const std::optional<std::string>& after);
// Of all traces; each checked.
std::uint64_t count_checkpoints(engine::Connection& db);

Trace find_or_create_trace(engine::Connection& db, std::string_view name, std::int64_t now_us);
// Writes the record back, or removes it if no checkpoint is left.
void write_trace(engine::Connection& db, const Trace& trace);

}  // namespace holdfast::checkpoint
