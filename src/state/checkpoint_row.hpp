// Rows of state_checkpoint.
//
// Errors   corrupt: a row fails its digest
#pragma once

#include "engine/connection.hpp"
#include "state/backend_row.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace holdfast::state {

struct CheckpointRow {
  std::int64_t checkpoint_key = 0;
  std::int64_t backend_key = 0;
  std::uint64_t id = 0;
  std::int64_t interval = 0;  // the one that it ended
  std::int64_t version = 0;
  std::int64_t entry_count = 0;
  std::int64_t size_bytes = 0;
  std::uint64_t entries_digest = 0;
  std::int64_t undo_count = 0;  // rows of state_undo until the next checkpoint; of the newest: 0
  std::int64_t created_at_us = 0;
};

std::optional<CheckpointRow> find_checkpoint(engine::Connection& db,
                                             const BackendRow& backend,
                                             std::uint64_t id);
// The same, not_found if it is not there.
CheckpointRow require_checkpoint(engine::Connection& db,
                                 const BackendRow& backend,
                                 std::uint64_t id);
// Those that ended a later interval than this one (0: all), oldest first.
std::vector<CheckpointRow> list_checkpoints(engine::Connection& db,
                                            const BackendRow& backend,
                                            std::int64_t after_interval = 0);

// The nearest of those that ended an earlier or a later interval.
std::optional<CheckpointRow> find_before(engine::Connection& db,
                                         const BackendRow& backend,
                                         std::int64_t interval);
std::optional<CheckpointRow> find_after(engine::Connection& db,
                                        const BackendRow& backend,
                                        std::int64_t interval);

// Ends the open interval of `backend`, as it is.
void insert_checkpoint(engine::Connection& db,
                       const BackendRow& backend,
                       std::uint64_t id,
                       std::int64_t now_us);
// Only undo_count ever changes.
void save_undo_count(engine::Connection& db, const CheckpointRow& row);
void delete_checkpoint_row(engine::Connection& db, const CheckpointRow& row);

[[noreturn]] void throw_no_checkpoint(std::string_view state, std::uint64_t id);

}  // namespace holdfast::state
