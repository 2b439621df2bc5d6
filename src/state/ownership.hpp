// Who may write to a state: the one who owns it by a lease, or, if nobody does, everybody.
//
// The head of an owned state names the token of the lease, so that a state without an owner costs its
// writers nothing.
//
// Errors   conflict: somebody else owns it; fenced: it is not owned with this token any more; closed: it
//          was given up earlier in the transaction
// Threads  within a write
#pragma once

#include "engine/connection.hpp"
#include "state/backend_row.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::state {

struct Owner {
  std::string holder = {};
  std::int64_t lease_ms = 0;
  std::int64_t token = 0;  // 0: of one who writes through
};

// Makes `owner` the one owner, with a token that nobody has had. Somebody of the same name was an earlier
// life of this one, which has ended or is fenced from now on.
std::int64_t acquire(engine::Connection& db,
                     BackendRow& row,
                     const Owner& owner,
                     std::int64_t now_us);
// Renews the lease when half of its time is over.
void hold(engine::Connection& db, const BackendRow& row, const Owner& owner);
void release(engine::Connection& db, BackendRow& row, const Owner& owner);
// Before a write with this token. An owner whose lease has expired does not own the state any more.
void require_owner(engine::Connection& db, BackendRow& row, std::int64_t token);

}  // namespace holdfast::state
