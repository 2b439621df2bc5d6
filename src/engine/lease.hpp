// The lease table: what Leases offers, and the check that a fenced write makes in its own transaction.
//
// Expiry is counted on the boot-time clock of one boot (CLOCK_BOOTTIME: it never jumps, and goes on in
// suspend), together with that boot's id; a lease of an earlier boot has expired.
//
// Errors   corrupt: a row that fails its digest (named)
#pragma once

#include "engine/connection.hpp"
#include "holdfast/lease.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::engine {

// A row of the table `lease`. One that was given up has no holder.
struct LeaseRow {
  std::string name = {};
  std::optional<std::string> holder = std::nullopt;
  std::uint64_t token = 0;
  std::string boot_id = {};
  std::int64_t expires_at_ms = 0;
  std::int64_t acquired_at_us = 0;

  bool is_held(std::uint64_t with_token) const { return holder && token == with_token; }
};
std::int64_t digest_of(const LeaseRow& row);
// All of them, by name, also those given up.
std::vector<LeaseRow> read_lease_rows(Connection& db);
void insert_lease_row(Connection& db, const LeaseRow& row);

// The clock that expiry is counted on, for whatever else expires.
const std::string& boot_id();
std::int64_t boot_time_ms();

// fenced: the lease is not held with this token (any more). An expired lease that nobody has taken still
// holds: its holder was slow, but nobody else has begun.
void check_fence(Connection& db, const Fence& fence);

std::optional<Lease> acquire_lease(Connection& db, const Lease& wanted, std::int64_t now_us);
bool renew_lease(Connection& db, const Lease& lease);
bool release_lease(Connection& db, const Lease& lease);
std::optional<Lease> find_lease(Connection& db, std::string_view name);
std::vector<Lease> list_leases(Connection& db);

}  // namespace holdfast::engine
