#include "state/ownership.hpp"

#include "defect.hpp"
#include "engine/lease.hpp"
#include "holdfast/error.hpp"

#include <optional>

namespace holdfast::state {

namespace {

using engine::Connection;

std::string lease_name(std::string_view state) {
  return "holdfast:state:" + std::string(state);
}

std::uint64_t bits_of(std::int64_t token) {
  return static_cast<std::uint64_t>(token);
}

[[noreturn]] void throw_owned(const BackendRow& row) {
  throw Error(ErrorCode::conflict,
              "state " + row.name + " is owned by a write-back handle",
              {.actual = bits_of(row.owner_token), .id = row.name});
}

// The lease by which the state is owned, while its time is not over.
std::optional<Lease> find_live(Connection& db, const BackendRow& row) {
  if (row.owner_token == 0) return std::nullopt;
  auto lease = engine::find_lease(db, lease_name(row.name));
  if (!lease || lease->holder.empty() || lease->token != bits_of(row.owner_token) ||
      lease->remaining_ms == 0) {
    return std::nullopt;
  }
  return lease;
}

}  // namespace

std::int64_t acquire(Connection& db, BackendRow& row, const Owner& owner, std::int64_t now_us) {
  const auto other = find_live(db, row);
  if (other && other->holder != owner.holder && !planted("state_owned_twice")) throw_owned(row);
  const std::string name = lease_name(row.name);
  // Given up first, or the same holder would keep its token.
  if (const auto earlier = engine::find_lease(db, name)) engine::release_lease(db, *earlier);
  const auto lease = engine::acquire_lease(
      db, {.name = name, .holder = owner.holder, .remaining_ms = owner.lease_ms}, now_us);
  if (!lease) throw_owned(row);
  row.owner_token = static_cast<std::int64_t>(lease->token);
  save_backend(db, row);
  return row.owner_token;
}

void hold(Connection& db, const BackendRow& row, const Owner& owner) {
  auto lease = engine::find_lease(db, lease_name(row.name));
  const bool held = lease && !lease->holder.empty() && lease->token == bits_of(owner.token) &&
                    row.owner_token == owner.token;
  if (!held && !planted("state_owner_not_fenced")) {
    throw Error(ErrorCode::fenced,
                "state " + row.name + " is not owned by this handle any more",
                {.expected = bits_of(owner.token),
                 .actual = lease ? std::optional(lease->token) : std::nullopt,
                 .id = row.name});
  }
  if (!lease || lease->remaining_ms >= owner.lease_ms / 2) return;
  lease->remaining_ms = owner.lease_ms;
  engine::renew_lease(db, *lease);
}

void release(Connection& db, BackendRow& row, const Owner& owner) {
  engine::release_lease(db, {.name = lease_name(row.name), .token = bits_of(owner.token)});
  row.owner_token = 0;
  save_backend(db, row);
}

void require_owner(Connection& db, BackendRow& row, std::int64_t token) {
  if (row.owner_token == token) return;
  if (planted("owned_state_written_through")) return;
  if (token != 0 && row.owner_token == 0) {
    throw Error(ErrorCode::closed, "state " + row.name + " was closed in this transaction");
  }
  if (token != 0 || find_live(db, row)) throw_owned(row);
  release(db, row, {.token = row.owner_token});
}

}  // namespace holdfast::state
