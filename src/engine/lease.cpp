#include "engine/lease.hpp"

#include "defect.hpp"
#include "engine/arguments.hpp"
#include "engine/field_digest.hpp"
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
      : find(c,
             "SELECT name, holder, token, boot_id, expires_at_ms, acquired_at_us, digest "
             "FROM lease WHERE name = ?1"),
        list(c,
             "SELECT name, holder, token, boot_id, expires_at_ms, acquired_at_us, digest "
             "FROM lease ORDER BY name"),
        insert(c,
               "INSERT INTO lease (name, holder, token, boot_id, expires_at_ms, acquired_at_us, "
               "digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
        update(c,
               "UPDATE lease SET holder = ?2, token = ?3, boot_id = ?4, expires_at_ms = ?5, "
               "acquired_at_us = ?6, digest = ?7 WHERE name = ?1") {}
  Statement find;
  Statement list;
  Statement insert;
  Statement update;
};

Lease as_lease(const LeaseRow& row) {
  Lease lease{.name = row.name, .holder = row.holder.value_or(""), .token = row.token};
  if (row.boot_id != boot_id()) return lease;
  lease.remaining_ms = std::max<std::int64_t>(0, row.expires_at_ms - boot_time_ms());
  return lease;
}

// A row of `find` or `list`.
LeaseRow read_row(const Query& row) {
  LeaseRow lease{.name = row.string(0),
                 .holder = row.optional_string(1),
                 .token = row.bits(2),
                 .boot_id = row.string(3),
                 .expires_at_ms = row.integer(4),
                 .acquired_at_us = row.integer(5)};
  if (digest_of(lease) == row.integer(6)) return lease;
  throw Error(ErrorCode::corrupt, "the row of a lease fails its digest", {.id = lease.name});
}

std::optional<LeaseRow> find_row(Connection& db, std::string_view name) {
  auto row = db.statements<Statements>().find.run(name);
  if (!row.step()) return std::nullopt;
  return read_row(row);
}

void write_row(Statement& statement, const LeaseRow& row) {
  statement.execute(row.name,
                    row.holder,
                    static_cast<std::int64_t>(row.token),
                    row.boot_id,
                    row.expires_at_ms,
                    row.acquired_at_us,
                    digest_of(row));
}

}  // namespace

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

std::int64_t digest_of(const LeaseRow& row) {
  return field_digest({row.name,
                       row.holder ? "held" : "given up",
                       row.holder ? std::string_view(*row.holder) : std::string_view(),
                       std::to_string(row.token),
                       row.boot_id,
                       std::to_string(row.expires_at_ms),
                       std::to_string(row.acquired_at_us)});
}

std::vector<LeaseRow> read_lease_rows(Connection& db) {
  std::vector<LeaseRow> rows;
  auto row = db.statements<Statements>().list.run();
  while (row.step())
    rows.push_back(read_row(row));
  return rows;
}

void insert_lease_row(Connection& db, const LeaseRow& row) {
  write_row(db.statements<Statements>().insert, row);
}

void check_fence(Connection& db, const Fence& fence) {
  const auto row = find_row(db, fence.lease);
  if (row && row->is_held(fence.token)) return;
  throw Error(ErrorCode::fenced,
              "the lease is not held with this token any more",
              {.expected = fence.token,
               .actual = row ? std::optional(row->token) : std::nullopt,
               .id = fence.lease});
}

std::optional<Lease> acquire_lease(Connection& db, const Lease& wanted, std::int64_t now_us) {
  auto& statements = db.statements<Statements>();
  auto row = find_row(db, wanted.name);
  const bool known = row.has_value();
  if (!known) row = LeaseRow{.name = wanted.name};
  if (row->holder != wanted.holder) {
    const bool held = row->holder && as_lease(*row).remaining_ms > 0;
    if (held && !planted("lease_taken_while_held")) return std::nullopt;
    if (!planted("token_not_raised")) ++row->token;
    row->holder = wanted.holder;
    row->acquired_at_us = now_us;
  }
  row->boot_id = boot_id();
  row->expires_at_ms = boot_time_ms() + wanted.remaining_ms;
  write_row(known ? statements.update : statements.insert, *row);
  Lease lease = wanted;
  lease.token = row->token;
  return lease;
}

bool renew_lease(Connection& db, const Lease& lease) {
  auto row = find_row(db, lease.name);
  if (!row || !row->is_held(lease.token)) return false;
  row->boot_id = boot_id();
  row->expires_at_ms = boot_time_ms() + lease.remaining_ms;
  write_row(db.statements<Statements>().update, *row);
  return true;
}

bool release_lease(Connection& db, const Lease& lease) {
  auto row = find_row(db, lease.name);
  if (!row || !row->is_held(lease.token)) return false;
  row->holder.reset();
  write_row(db.statements<Statements>().update, *row);
  return true;
}

std::optional<Lease> find_lease(Connection& db, std::string_view name) {
  const auto row = find_row(db, name);
  if (!row) return std::nullopt;
  return as_lease(*row);
}

std::vector<Lease> list_leases(Connection& db) {
  std::vector<Lease> leases;
  for (const LeaseRow& row : read_lease_rows(db)) {
    if (row.holder) leases.push_back(as_lease(row));
  }
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
