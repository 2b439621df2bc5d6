// Leases: one holder at a time, a token that rises for ever, and writes that carry it.
#include "engine/lease.hpp"

#include "access.hpp"
#include "engine/folder.hpp"
#include "holdfast/database.hpp"
#include "support/temporary_database.hpp"

using namespace holdfast;
using test::add_note;
using test::Ground;
using test::Link;
using test::Names;
using test::notes;
using test::PlainSqlite;
using test::require_error;
using test::TemporaryDatabase;

namespace {

constexpr std::int64_t kHour = 3'600'000;

const Link& link_of(const Database& database) {
  return engine::Access::link(database);
}

// A lease that another holder has taken over from the one that is returned.
Lease lose_lease(const Database& database) {
  Leases leases = database.leases();
  const Lease lost = leases.acquire("writer", "old", kHour).value();
  REQUIRE(leases.release(lost));
  REQUIRE(leases.acquire("writer", "new", kHour));
  return lost;
}

}  // namespace

TEST_CASE("a lease has one holder at a time") {
  TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  Leases leases = db->leases();
  REQUIRE_FALSE(leases.find("writer"));
  const auto lease = leases.acquire("writer", "a", kHour);
  REQUIRE(lease);
  REQUIRE(lease->name == "writer");
  REQUIRE(lease->holder == "a");
  REQUIRE(lease->token == 1);
  REQUIRE_FALSE(leases.acquire("writer", "b", kHour));
  const auto found = leases.find("writer");
  REQUIRE(found);
  REQUIRE(found->holder == "a");
  REQUIRE(found->token == 1);
  REQUIRE(found->remaining_ms > 0);
  REQUIRE(found->remaining_ms <= kHour);
  REQUIRE(leases.acquire("reader", "b", kHour));
  REQUIRE(leases.list().size() == 2);
  REQUIRE(leases.list().front().name == "reader");
}

TEST_CASE("whoever holds a lease renews it and keeps its token") {
  TemporaryDatabase db;
  Leases leases = db->leases();
  const Lease lease = leases.acquire("writer", "a", 60'000).value();
  REQUIRE(leases.acquire("writer", "a", kHour)->token == lease.token);
  REQUIRE(leases.find("writer")->remaining_ms > 60'000);
  REQUIRE(leases.renew(lease, 2 * kHour));
  REQUIRE(leases.find("writer")->remaining_ms > kHour);
}

TEST_CASE("a lease that was given up is free, and its token is never used again") {
  TemporaryDatabase db;
  Leases leases = db->leases();
  const Lease first = leases.acquire("writer", "a", kHour).value();
  REQUIRE(leases.release(first));
  REQUIRE_FALSE(leases.find("writer"));
  REQUIRE(leases.list().empty());
  REQUIRE_FALSE(leases.release(first));
  REQUIRE_FALSE(leases.renew(first, kHour));
  const Lease second = leases.acquire("writer", "a", kHour).value();
  REQUIRE(second.token == first.token + 1);
  REQUIRE_FALSE(leases.release(first));
  REQUIRE(leases.release(second));
}

TEST_CASE("an expired lease can be taken over; until then its holder may renew it") {
  TemporaryDatabase db;
  Leases leases = db->leases();
  const Lease first = leases.acquire("writer", "a", 1).value();
  test::wait_until([&] { return leases.find("writer")->remaining_ms == 0; });
  REQUIRE(leases.renew(first, 1));
  std::optional<Lease> second;
  test::wait_until([&] { return (second = leases.acquire("writer", "b", kHour)).has_value(); });
  REQUIRE(second->token == first.token + 1);
  REQUIRE_FALSE(leases.renew(first, kHour));
  REQUIRE_FALSE(leases.release(first));
  REQUIRE(leases.find("writer")->holder == "b");
}

TEST_CASE("a lease and its token survive a reopen") {
  TemporaryDatabase db;
  REQUIRE(db->leases().acquire("writer", "a", kHour));
  db.reopen();
  REQUIRE_FALSE(db->leases().acquire("writer", "b", kHour));
  REQUIRE(db->leases().find("writer")->remaining_ms > 0);
  db->with_fence({"writer", 1}).leases().acquire("other", "a", kHour);
}

TEST_CASE("a lease of an earlier boot has expired, and its token rises") {
  TemporaryDatabase db;
  REQUIRE(db->leases().acquire("writer", "a", kHour));
  link_of(*db).write([](engine::Connection& connection) {
    engine::LeaseRow row = engine::read_lease_rows(connection).at(0);
    row.boot_id = "earlier";
    connection.execute("DELETE FROM lease");
    engine::insert_lease_row(connection, row);
  });
  REQUIRE(db->leases().find("writer")->remaining_ms == 0);
  REQUIRE(db->leases().acquire("writer", "b", kHour)->token == 2);
}

TEST_CASE("of many threads that want a lease, one gets it") {
  TemporaryDatabase db;
  std::vector<std::thread> threads;
  std::atomic<int> holders = 0;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      if (db->leases().acquire("writer", std::to_string(t), kHour)) ++holders;
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  REQUIRE(holders == 1);
}

TEST_CASE("a lease that was taken in a transaction that failed is not held") {
  TemporaryDatabase db;
  REQUIRE_THROWS_AS(db->transact([&] {
    db->leases().acquire("writer", "a", kHour);
    throw std::runtime_error("refused");
  }),
                    std::runtime_error);
  REQUIRE(db->leases().acquire("writer", "b", kHour)->token == 1);
}

TEST_CASE("names, holders and times that make no sense are refused") {
  TemporaryDatabase db;
  Leases leases = db->leases();
  const auto refused = [&](const IdRef& name, const IdRef& holder, std::int64_t ttl_ms) {
    require_error(ErrorCode::invalid_argument, [&] { leases.acquire(name, holder, ttl_ms); });
  };
  refused("", "a", kHour);
  refused("writer", "", kHour);
  refused("writer", "\xff", kHour);
  refused("writer", "a", 0);
  refused("writer", "a", 400 * 24 * kHour);
  require_error(ErrorCode::too_large, [&] { leases.acquire(std::string(1025, 'x'), "a", kHour); });
  const Lease lease = leases.acquire("writer", "a", kHour).value();
  require_error(ErrorCode::invalid_argument, [&] { leases.renew(lease, 0); });
  require_error(ErrorCode::invalid_argument, [&] { leases.find(""); });
  require_error(ErrorCode::invalid_argument, [&] { db->with_fence({"", 1}); });
}

TEST_CASE("every way to write carries a lease; while it is held they all succeed") {
  TemporaryDatabase db(Ground::memory, {.committer_thread = true});
  test::create_notes(link_of(*db));
  const Lease lease = db->leases().acquire("writer", "a", kHour).value();
  const Database fenced = db->with_fence(lease.fence());
  const Link& link = link_of(fenced);
  const TransactOptions options{.fence = lease.fence()};
  add_note(link, "write");
  link.transact([&] { add_note(link_of(*db), "transact"); }, {});
  link.commit([&] { add_note(link_of(*db), "commit"); }, {});
  link_of(*db).transact([&] { add_note(link_of(*db), "option"); }, options);
  link_of(*db).commit_async([&] { add_note(link_of(*db), "ticket"); }, options).wait();
  // An expired lease that nobody has taken still holds: its holder was slow, but nobody else has begun.
  REQUIRE(db->leases().renew(lease, 1));
  test::wait_until([&] { return db->leases().find("writer")->remaining_ms == 0; });
  add_note(link, "slow");
  REQUIRE(notes(link) == Names{"write", "transact", "commit", "option", "ticket", "slow"});
}

TEST_CASE(
    "every way to write is fenced once somebody else holds the lease, and nothing of it is done") {
  TemporaryDatabase db(Ground::memory, {.committer_thread = true});
  const Link& plain = link_of(*db);
  test::create_notes(plain);
  const Lease lost = lose_lease(*db);
  const Database fenced = db->with_fence(lost.fence());
  const Link& link = link_of(fenced);
  const TransactOptions options{.fence = lost.fence()};
  const auto add = [&] { add_note(plain, "late"); };
  const auto detail = require_error(ErrorCode::fenced, [&] { add_note(link, "late"); });
  REQUIRE(detail.expected == lost.token);
  REQUIRE(detail.actual == lost.token + 1);
  REQUIRE(detail.id == "writer");
  require_error(ErrorCode::fenced, [&] { link.transact(add, {}); });
  require_error(ErrorCode::fenced, [&] { link.commit(add, {}); });
  require_error(ErrorCode::fenced, [&] { link.commit_async(add, {}).wait(); });
  require_error(ErrorCode::fenced, [&] { plain.transact(add, options); });
  require_error(ErrorCode::fenced, [&] { plain.commit(add, options); });
  require_error(ErrorCode::fenced, [&] { plain.commit_async(add, options).wait(); });
  // Inside a transaction only what carries the lease is refused.
  plain.transact(
      [&] {
        require_error(ErrorCode::fenced, [&] { add_note(link, "late"); });
        require_error(ErrorCode::fenced, [&] { plain.transact(add, options); });
        add_note(plain, "plain");
      },
      {});
  REQUIRE(notes(plain) == Names{"plain"});
  // Reads carry nothing.
  REQUIRE(notes(link) == Names{"plain"});
}

TEST_CASE("a fence of a closed operation is checked in it, whoever leads") {
  TemporaryDatabase db(Ground::memory);
  const Link& plain = link_of(*db);
  test::create_notes(plain);
  const Lease lost = lose_lease(*db);
  const Database fenced = db->with_fence(lost.fence());
  require_error(ErrorCode::fenced, [&] {
    plain.commit([&] { link_of(fenced).transact([&] { add_note(plain, "late"); }, {}); }, {});
  });
  REQUIRE(notes(plain).empty());
}

TEST_CASE("a lease that never was fences") {
  TemporaryDatabase db;
  const auto detail = require_error(ErrorCode::fenced, [&] {
    db->with_fence({"nobody's", 1}).leases().acquire("writer", "a", kHour);
  });
  REQUIRE_FALSE(detail.actual);
  REQUIRE(detail.id == "nobody's");
}

TEST_CASE("a lease of which any column changed is corrupt, at every call that needs it") {
  TemporaryDatabase db;
  const Lease lease = db->leases().acquire("writer", "a", kHour).value();
  db->leases().acquire("other", "a", kHour);
  db.damage("UPDATE lease SET " +
            GENERATE(as<std::string>{},
                     "holder = 'b'",
                     "holder = NULL",
                     "token = 7",
                     "boot_id = ''",
                     "expires_at_ms = 0",
                     "acquired_at_us = 0",
                     "digest = 0") +
            " WHERE name = 'writer'");
  Leases leases = db->leases();
  REQUIRE(require_error(ErrorCode::corrupt, [&] { leases.find("writer"); }).id == "writer");
  require_error(ErrorCode::corrupt, [&] { leases.list(); });
  require_error(ErrorCode::corrupt, [&] { leases.acquire("writer", "b", kHour); });
  require_error(ErrorCode::corrupt, [&] { leases.renew(lease, kHour); });
  require_error(ErrorCode::corrupt, [&] { leases.release(lease); });
  require_error(ErrorCode::corrupt,
                [&] { db->with_fence(lease.fence()).leases().acquire("more", "a", kHour); });
  REQUIRE(leases.find("other"));
}
