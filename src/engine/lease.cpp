#include "engine/lease.hpp"

#include "engine/arguments.hpp"
#include "engine/link.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"

#include <algorithm>
#include <fstream>
#include <time.h>

namespace holdfast::engine {

namespace {

struct Statements {
  explicit Statements(Connection& c)
      : find(c, "SELECT holder, token, boot_id, expires_at_ms, name FROM lease WHERE name = ?1"),
        list(c,
             "SELECT holder, token, boot_id, expires_at_ms, name FROM lease "
             "WHERE holder IS NOT NULL ORDER BY name"),
        insert(c,
               "INSERT INTO lease (name, holder, token, boot_id, expires_at_ms, acquired_at_us) "
               "VALUES (?1, ?2, 1, ?3, ?4, ?5)"),
        take(c,
             "UPDATE lease SET holder = ?2, token = token + 1, boot_id = ?3, expires_at_ms = ?4, "
             "acquired_at_us = ?5 WHERE name = ?1"),
        renew(c,
              "UPDATE lease SET boot_id = ?3, expires_at_ms = ?4 "
              "WHERE name = ?1 AND token = ?2 AND holder IS NOT NULL"),
        release(c,
                "UPDATE lease SET holder = NULL "
                "WHERE name = ?1 AND token = ?2 AND holder IS NOT NULL") {}
  Statement find;
  Statement list;
  Statement insert;
  Statement take;
  Statement renew;
  Statement release;
};

const std::string& boot_id() {
  static const std::string id = [] {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string text;
    std::getline(file, text);
    return text;
  }();
  return id;
}

std::int64_t boot_time_ms() {
  timespec now{};
#ifdef CLOCK_BOOTTIME
  clock_gettime(CLOCK_BOOTTIME, &now);
#else
  clock_gettime(CLOCK_MONOTONIC, &now);
#endif
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// A row of `find` or `list`; a lease that was given up has no holder.
Lease read_lease(const Query& row) {
  Lease lease;
  lease.holder = row.is_null(0) ? std::string() : row.string(0);
  lease.token = row.bits(1);
  const bool this_boot = row.text(2) == boot_id();
  if (this_boot) lease.remaining_ms = std::max<std::int64_t>(0, row.integer(3) - boot_time_ms());
  lease.name = row.string(4);
  return lease;
}

}  // namespace

void check_fence(Connection& db, const Fence& fence) {
  auto row = db.statements<Statements>().find.run(std::string_view(fence.lease));
  const bool known = row.step();
  if (known && !row.is_null(0) && row.bits(1) == fence.token) return;
  throw Error(ErrorCode::fenced,
              "the lease is not held with this token any more",
              {.expected = fence.token,
               .actual = known ? std::optional(row.bits(1)) : std::nullopt,
               .id = fence.lease});
}

std::optional<Lease> acquire_lease(Connection& db, const Lease& wanted, std::int64_t now_us) {
  auto& statements = db.statements<Statements>();
  const auto current = find_lease(db, wanted.name);
  const std::int64_t expires_at_ms = boot_time_ms() + wanted.remaining_ms;
  Lease lease = wanted;
  if (!current) {
    statements.insert.execute(wanted.name, wanted.holder, boot_id(), expires_at_ms, now_us);
    lease.token = 1;
    return lease;
  }
  if (current->holder == wanted.holder) {
    lease.token = current->token;
    statements.renew.execute(wanted.name, lease.token, boot_id(), expires_at_ms);
    return lease;
  }
  if (!current->holder.empty() && current->remaining_ms > 0) return std::nullopt;
  lease.token = current->token + 1;
  statements.take.execute(wanted.name, wanted.holder, boot_id(), expires_at_ms, now_us);
  return lease;
}

bool renew_lease(Connection& db, const Lease& lease) {
  const std::int64_t expires_at_ms = boot_time_ms() + lease.remaining_ms;
  return db.statements<Statements>().renew.execute(
             lease.name, lease.token, boot_id(), expires_at_ms) == 1;
}

bool release_lease(Connection& db, const Lease& lease) {
  return db.statements<Statements>().release.execute(lease.name, lease.token) == 1;
}

std::optional<Lease> find_lease(Connection& db, std::string_view name) {
  auto row = db.statements<Statements>().find.run(name);
  if (!row.step()) return std::nullopt;
  return read_lease(row);
}

std::vector<Lease> list_leases(Connection& db) {
  std::vector<Lease> leases;
  auto row = db.statements<Statements>().list.run();
  while (row.step())
    leases.push_back(read_lease(row));
  return leases;
}

}  // namespace holdfast::engine

namespace holdfast {

namespace {

constexpr std::int64_t kMaxLeaseMs = std::int64_t{366} * 24 * 60 * 60 * 1000;

void check_ttl(std::int64_t ttl_ms) {
  if (ttl_ms >= 1 && ttl_ms <= kMaxLeaseMs) return;
  throw Error(ErrorCode::invalid_argument, "a lease runs for 1 ms to one year");
}

}  // namespace

Leases::Leases(std::shared_ptr<const engine::Link> link) : link_(std::move(link)) {}

std::optional<Lease> Leases::acquire(const IdRef& name, const IdRef& holder, std::int64_t ttl_ms) {
  engine::check_id("lease", name);
  engine::check_id("holder", holder);
  check_ttl(ttl_ms);
  const Lease wanted{name.str(), holder.str(), 0, ttl_ms};
  return link_->write(
      [&](engine::Connection& db) { return engine::acquire_lease(db, wanted, link_->now_us()); });
}

bool Leases::renew(const Lease& lease, std::int64_t ttl_ms) {
  check_ttl(ttl_ms);
  Lease wanted = lease;
  wanted.remaining_ms = ttl_ms;
  return link_->write([&](engine::Connection& db) { return engine::renew_lease(db, wanted); });
}

bool Leases::release(const Lease& lease) {
  return link_->write([&](engine::Connection& db) { return engine::release_lease(db, lease); });
}

std::optional<Lease> Leases::find(const IdRef& name) const {
  engine::check_id("lease", name);
  return link_->read([&](engine::Connection& db) -> std::optional<Lease> {
    auto lease = engine::find_lease(db, name.text());
    if (lease && lease->holder.empty()) return std::nullopt;
    return lease;
  });
}

std::vector<Lease> Leases::list() const {
  return link_->read([](engine::Connection& db) { return engine::list_leases(db); });
}

}  // namespace holdfast
