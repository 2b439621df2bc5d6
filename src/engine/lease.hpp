// The lease table: what Leases offers, and the check that a fenced write makes in its own transaction.
//
// Expiry is counted on the boot-time clock of one boot (CLOCK_BOOTTIME: it never jumps, and goes on in
// suspend), together with that boot's id; a lease of an earlier boot has expired.
#pragma once

#include "engine/connection.hpp"
#include "holdfast/lease.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::engine {

// fenced: the lease is not held with this token (any more). An expired lease that nobody has taken still
// holds: its holder was slow, but nobody else has begun.
void check_fence(Connection& db, const Fence& fence);

std::optional<Lease> acquire_lease(Connection& db, const Lease& wanted, std::int64_t now_us);
bool renew_lease(Connection& db, const Lease& lease);
bool release_lease(Connection& db, const Lease& lease);
std::optional<Lease> find_lease(Connection& db, std::string_view name);
std::vector<Lease> list_leases(Connection& db);

}  // namespace holdfast::engine
