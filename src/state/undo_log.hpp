// The rows of state_undo that a restore goes back over, and those that a dropped checkpoint leaves
// without use.
//
// Errors   corrupt: a row fails its digest
#pragma once

#include "engine/connection.hpp"
#include "state/backend_row.hpp"
#include "state/entry_row.hpp"

#include <cstdint>
#include <functional>

namespace holdfast::state {

// The intervals around a checkpoint that is to be dropped.
struct UndoSpan {
  std::int64_t since = 0;  // that the earlier neighbour ended; 0: there is none
  std::int64_t interval = 0;
  std::int64_t until = 0;  // that the later neighbour ended; the open one if there is none
};

// Every undo row later than `interval`, by partition and key, the earliest of a key first: that is the
// one that says what the key was when `interval` was over. The key is borrowed.
void for_each_undo_after(engine::Connection& db,
                         const BackendRow& backend,
                         std::int64_t interval,
                         const std::function<void(const UndoRow&)>& visit);

// Deletes those rows; their contents are the caller's.
void delete_undo_after(engine::Connection& db, const BackendRow& backend, std::int64_t interval);

// Frees what only the checkpoint at `span.interval` needed, and says how many rows that were. A row
// between it and its later neighbour serves the earlier one from now on, unless that one has a row of
// its own for the key; without an earlier one all of them go.
std::int64_t free_undo_of(engine::Connection& db, const BackendRow& backend, const UndoSpan& span);

}  // namespace holdfast::state
