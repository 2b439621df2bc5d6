// The record of a run: where its events are, and the ends of its chain of snapshots. It is there as long
// as the run has events or snapshots.
//
// Errors   corrupt: a record that fails its digest (detail.id: the run); too_large: no key is left
// Threads  those of the connection
// Source   schema/0006_run.sql
#pragma once

#include "engine/connection.hpp"
#include "log/log.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::run {

struct Run {
  std::int64_t key = 0;  // 0: not in the file yet
  std::string name = {};
  std::optional<std::int64_t> node_key = std::nullopt;  // absent: no event yet
  std::uint64_t first_seq = 1;                          // of the log's first entry
  std::uint64_t event_count = 0;
  std::uint64_t raw_bytes = 0;  // of the events
  std::uint64_t snapshot_count = 0;
  std::optional<std::uint64_t> oldest_at_seq = std::nullopt;  // the ends of the chain
  std::optional<std::uint64_t> newest_at_seq = std::nullopt;
  std::int64_t created_at_us = 0;
  bool sound = true;  // the record fits its digest

  std::uint64_t head() const { return event_count == 0 ? 0 : first_seq + (event_count - 1); }
  bool has_events_from(std::uint64_t seq) const { return event_count > 0 && seq <= head(); }
  log::LogRef log() const { return {.node_key = node_key.value_or(0), .count = event_count}; }
};

std::optional<Run> find_run(engine::Connection& db, std::string_view name);
// Without a check: for recovery.
std::optional<Run> find_run_as_is(engine::Connection& db, std::string_view name);

// By name, after a name; each checked.
std::vector<std::string> run_names(engine::Connection& db,
                                   std::size_t limit,
                                   const std::optional<std::string>& after);

// The run, or one that is not in the file yet: create_run() puts it there.
Run find_or_new_run(engine::Connection& db, std::string_view name, std::int64_t now_us);
void create_run(engine::Connection& db, Run& run);
// Writes the record back, or removes it if neither events nor snapshots are left.
void write_run(engine::Connection& db, const Run& run);

}  // namespace holdfast::run
