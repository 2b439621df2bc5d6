// Leases: who may act as the one coordinator, writer or owner, over processes and restarts.
//
// Shape    one row per name: holder, token, expiry. The token rises whenever the holder changes, for
//          ever; a write that carries an old token is `fenced`, however late it comes.
// Units    a lease runs for ttl_ms of the machine's boot-time clock (it goes on in suspend and never
//          jumps); a reboot ends it
// Errors   invalid_argument: bad name or holder, ttl_ms not in 1 .. one year
// Threads  any
// Source   schema/0001_store.sql (table lease), src/engine/lease.cpp
#pragma once

#include "holdfast/export.hpp"
#include "holdfast/id.hpp"
#include "holdfast/options.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdfast {

namespace engine {
class Link;
}

struct Lease {
  std::string name = {};
  std::string holder = {};
  std::uint64_t token = 0;
  std::int64_t remaining_ms = 0;  // when it was read; 0 = expired

  // What writes carry: TransactOptions::fence, Database::with_fence.
  Fence fence() const { return {name, token}; }
};

class HOLDFAST_API Leases {
 public:
  // Takes the lease if it is free, expired, or held by `holder` already (then it is renewed and keeps
  // its token). nullopt: somebody else holds it.
  std::optional<Lease> acquire(const IdRef& name, const IdRef& holder, std::int64_t ttl_ms);
  // Extends the lease. False: the token is not the current one any more, or it has expired and was
  // taken.
  bool renew(const Lease& lease, std::int64_t ttl_ms);
  // Gives it up; its token stays used. False: it was not ours any more.
  bool release(const Lease& lease);

  std::optional<Lease> find(const IdRef& name) const;
  std::vector<Lease> list() const;  // by name

 private:
  friend class Database;
  explicit Leases(std::shared_ptr<const engine::Link> link);
  std::shared_ptr<const engine::Link> link_;
};

}  // namespace holdfast
