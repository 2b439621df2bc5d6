// The row of state_backend: the head of a state.
//
// It is remembered only where nobody can have changed it unseen (engine/remembered.hpp): a rollback or
// another process would make a key, count or interval wrong.
//
// Errors   corrupt: a row fails its digest
#pragma once

#include "engine/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::state {

struct BackendRow {
  std::int64_t backend_key = 0;
  std::string name = {};
  std::int64_t version = 0;
  std::int64_t entry_count = 0;
  std::int64_t size_bytes = 0;
  std::uint64_t entries_digest = 0;  // sum of the entries' digests
  std::int64_t interval = 1;         // the open one
  std::int64_t undo_count = 0;       // rows of state_undo since the newest checkpoint
  std::int64_t created_at_us = 0;
  std::int64_t owner_token = 0;  // ownership.hpp; 0: nobody owns the state
  // The interval that the newest checkpoint ended; 0: none is retained. Not a column: it is looked up
  // beside the row.
  std::int64_t newest_checkpoint = 0;
};

std::optional<BackendRow> find_backend(engine::Connection& db, std::string_view name);
BackendRow find_or_make_backend(engine::Connection& db, std::string_view name, std::int64_t now_us);
void save_backend(engine::Connection& db, const BackendRow& row);
// The newest checkpoint of one, which stands beside it, is another one now.
void forget_backends(engine::Connection& db);
std::vector<BackendRow> list_backends(engine::Connection& db);  // by name, in byte order
// The row alone; what belongs to it must be gone.
void delete_backend_row(engine::Connection& db, std::int64_t backend_key);

[[noreturn]] void throw_corrupt(std::string_view what, std::string_view state);

}  // namespace holdfast::state
