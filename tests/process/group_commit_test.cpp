// The matrix of group commit: an error of each kind, in each member, at each position and at each moment of
// its work, alone, with another one, and with a disk that fails under the commit of them all.
//
// Each member adds two notes. What it was told decides what must be there, at once and after a reopen:
// "ok" both, outcome_unknown both or none, any other refusal none.
#include "engine/ground.hpp"
#include "engine/lease.hpp"
#include "harness/memory_faults.hpp"
#include "harness/scale.hpp"
#include "support/random.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <new>
#include <set>
#include <stdexcept>

using namespace holdfast;
using test::add_note;
using test::Connection;
using test::Group;
using test::Link;
using test::MemoryGround;
using test::Names;
using test::notes;
using test::Random;
using vfs::Verdict;

namespace {

enum class Failure : std::uint8_t {
  none,
  constraint,   // a name that is taken, refused by SQLite
  conflict,     // as a store refuses
  invalid,      // the same
  too_large,    // a row that SQLite does not take
  bad_alloc,    // thrown by our code
  no_memory,    // an allocation of SQLite's or ours fails
  full,         // it alone does not fit on the disk
  unreadable,   // a page that it needs cannot be read
  interrupted,  // SQLite ends the whole transaction
  swallowed,    // the same, and the member goes on as if nothing had been
  fenced,
  exception,  // that is none of ours
};
constexpr std::array kFailures{Failure::constraint,
                               Failure::conflict,
                               Failure::invalid,
                               Failure::too_large,
                               Failure::bad_alloc,
                               Failure::no_memory,
                               Failure::full,
                               Failure::unreadable,
                               Failure::interrupted,
                               Failure::swallowed,
                               Failure::fenced,
                               Failure::exception};

std::string outcome_of(Failure failure) {
  switch (failure) {
    case Failure::none:
      return "ok";
    case Failure::constraint:
      return "corrupt";
    case Failure::conflict:
      return "conflict";
    case Failure::invalid:
      return "invalid_argument";
    case Failure::too_large:
      return "too_large";
    case Failure::bad_alloc:
    case Failure::no_memory:
      return "bad_alloc";
    case Failure::full:
      return "full";
    case Failure::unreadable:
    case Failure::interrupted:
    case Failure::swallowed:
      return "io";
    case Failure::fenced:
      return "fenced";
    case Failure::exception:
      break;
  }
  return "other";
}

// How a member comes into the group.
enum class Way : std::uint8_t { write, commit, ticket };

struct Member {
  Failure failure = Failure::none;
  int after = 0;  // fails once it has added so many of its two notes
  Way way = Way::write;
};

// What the disk does under the commit of the group.
struct DiskFault {
  vfs::Operation operation = vfs::Operation::write;
  int nth = 0;  // 0: nothing
  int result = SQLITE_OK;
};

constexpr std::size_t kLargeBytes = 1'200'000;
constexpr std::size_t kFreeBytes = 400'000;
constexpr std::size_t kBeyondRowBytes = 2'000'000;

class Matrix {
 public:
  Matrix() : ground_({.committer_thread = true}) {
    add_note(*ground_.link, "taken", std::string(50'000, 'x'));
    ground_.link->write([](Connection& db) {
      engine::insert_lease_row(db, {.name = "lease", .holder = "somebody", .token = 7});
    });
  }

  void run(const std::vector<Member>& members, const DiskFault& fault = {}) {
    ++cases_;
    // Caches are cold after this, so that there are pages to be read.
    const Link& link = ground_.reopen();
    link.write([](Connection& db) { db.execute("DELETE FROM note WHERE name <> 'taken'"); });
    ground_.disk.set_capacity_bytes(ground_.disk.used_bytes() + kFreeBytes);
    sync_failed_ = false;
    const Names outcomes = run_group(link, members, fault);
    check_outcomes(members, fault, outcomes);
    check_notes(notes(link), outcomes);
    // Whatever was to be synced is marked clean now: no later sync would write it.
    REQUIRE(link.statistics().poisoned == sync_failed_);
    ground_.rule.set(nullptr);
    ground_.disk.set_capacity_bytes(std::nullopt);
    if (!link.statistics().poisoned) add_note(link, "later");
    check_notes(notes(ground_.reopen()), outcomes);
    add_note(*ground_.link, "after all");
  }

  [[nodiscard]] std::uint64_t cases() const { return cases_; }

 private:
  Names run_group(const Link& link, const std::vector<Member>& members, const DiskFault& fault) {
    const auto fenced = link.with_fence({"lease", 6});
    Group group(link);
    for (std::size_t i = 0; i < members.size(); ++i) {
      const Member& member = members[i];
      const Link& via = member.failure == Failure::fenced ? *fenced : link;
      group.add_call([this, &via, &member, i] { call(via, member, std::to_string(i)); });
    }
    ground_.rule.set([this, fault, left = fault.nth](const vfs::Call& call) mutable {
      if (unreadable_ && call.operation == vfs::Operation::read)
        return Verdict::fail(SQLITE_IOERR_READ);
      if (fault.nth == 0 || call.operation != fault.operation) return Verdict::proceed();
      if (left > 1) {
        --left;
        return Verdict::proceed();
      }
      sync_failed_ = sync_failed_ || call.operation == vfs::Operation::sync;
      return Verdict::fail(fault.result);
    });
    return group.run();
  }

  void call(const Link& link, const Member& member, const std::string& name) {
    switch (member.way) {
      case Way::write:
        return link.write([&](Connection& db) { work(db, member, name); });
      case Way::commit:
        return link.commit([&] { link.write([&](Connection& db) { work(db, member, name); }); },
                           {});
      case Way::ticket:
        return link
            .commit_async(
                [this, to = link.borrowed(), &member, name] {
                  to->write([&](Connection& db) { work(db, member, name); });
                },
                {})
            .wait();
    }
  }

  void work(Connection& db, const Member& member, const std::string& name) {
    const auto fail_after = [&](int added) {
      if (member.failure != Failure::none && member.after == added) fail(db, member.failure);
    };
    fail_after(0);
    add_note(db, name + "a");
    fail_after(1);
    add_note(db, name + "b");
    fail_after(2);
  }

  void fail(Connection& db, Failure failure) {
    switch (failure) {
      case Failure::constraint:
        return add_note(db, "taken");
      case Failure::conflict:
        throw Error(ErrorCode::conflict, "refused");
      case Failure::invalid:
        throw Error(ErrorCode::invalid_argument, "refused");
      case Failure::too_large:
        return add_note(db, "beyond", std::string(kBeyondRowBytes, 'x'));
      case Failure::bad_alloc:
        throw std::bad_alloc();
      case Failure::no_memory:
        return run_out_of_memory(db);
      case Failure::full:
        return add_note(db, "large", std::string(kLargeBytes, 'x'));
      case Failure::unreadable:
        return read_unreadable(db);
      case Failure::interrupted:
        return interrupt(db);
      case Failure::swallowed:
        return swallow(db);
      case Failure::exception:
        throw std::runtime_error("not ours");
      case Failure::fenced:
      case Failure::none:
        return;
    }
  }

  static void run_out_of_memory(Connection& db) {
    const std::string text(10'000, 'x');
    const test::MemoryFault fault(1, test::Exhaustion::once);
    add_note(db, "no memory", text);
  }
  void read_unreadable(Connection& db) {
    unreadable_ = true;
    try {
      db.integer("SELECT sum(length(CAST(text AS BLOB)) + unicode(substr(text, -1))) FROM note");
    } catch (...) {
      unreadable_ = false;
      throw;
    }
    unreadable_ = false;
  }
  static void interrupt(Connection& db) {
    sqlite3_progress_handler(
        db.handle(), 1, [](void*) { return 1; }, nullptr);
    try {
      add_note(db, "interrupted");
    } catch (...) {
      sqlite3_progress_handler(db.handle(), 0, nullptr, nullptr);
      throw;
    }
  }

  // What it adds now must not be committed by itself.
  static void swallow(Connection& db) {
    try {
      interrupt(db);
    } catch (const Error&) {
    }
    add_note(db, "swallowed");
  }

  static void check_outcomes(const std::vector<Member>& members,
                             const DiskFault& fault,
                             const Names& outcomes) {
    for (std::size_t i = 0; i < members.size(); ++i) {
      CAPTURE(i, outcomes);
      const std::string own = outcome_of(members[i].failure);
      if (fault.nth == 0) {
        REQUIRE(outcomes[i] == own);
        continue;
      }
      std::set<std::string> possible{own, "outcome_unknown", "poisoned", "full"};
      // Its name may be taken by another one whose outcome is unknown.
      if (members[i].failure == Failure::full) possible.insert("corrupt");
      REQUIRE(possible.count(outcomes[i]) == 1);
      // A refusal of its own stays what it is: nothing of it can be there.
      if (own != "ok" && own != "full") REQUIRE(outcomes[i] != "outcome_unknown");
    }
  }

  static void check_notes(const Names& found, const Names& outcomes) {
    CAPTURE(found, outcomes);
    Names left = found;
    const auto take = [&](const std::string& name) {
      const auto place = std::find(left.begin(), left.end(), name);
      if (place == left.end()) return false;
      left.erase(place);
      return true;
    };
    REQUIRE(take("taken"));
    take("later");
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      const bool first = take(std::to_string(i) + "a");
      const bool second = take(std::to_string(i) + "b");
      REQUIRE(first == second);
      if (outcomes[i] == "ok") REQUIRE(first);
      if (outcomes[i] != "ok" && outcomes[i] != "outcome_unknown") REQUIRE_FALSE(first);
    }
    REQUIRE(left == Names{});
    REQUIRE(std::is_sorted(found.begin() + 1, found.end()));
  }

  MemoryGround ground_;
  std::atomic<bool> unreadable_ = false;
  std::atomic<bool> sync_failed_ = false;
  std::uint64_t cases_ = 0;
};

Member member_of(Random& random, Failure failure) {
  return {failure, static_cast<int>(random.below(3)), static_cast<Way>(random.below(3))};
}

DiskFault disk_fault_of(Random& random) {
  if (random.one_in(2)) return {};
  const auto nth = static_cast<int>(1 + random.below(12));
  switch (random.below(3)) {
    case 0:
      return {vfs::Operation::write, nth, SQLITE_IOERR_WRITE};
    case 1:
      return {vfs::Operation::write, nth, SQLITE_FULL};
    default:
      return {vfs::Operation::sync, 1, SQLITE_IOERR_FSYNC};
  }
}

constexpr std::size_t kMembers = 4;

}  // namespace

TEST_CASE("an error in any member, at any position and moment, is that member's alone") {
  Random random;
  INFO(random);
  Matrix matrix;
  for (const Failure failure : kFailures) {
    for (std::size_t position = 0; position < kMembers; ++position) {
      for (int after = 0; after <= 2; ++after) {
        for (const Way way : {Way::write, Way::commit, Way::ticket}) {
          if (test::scale() < 1 && !random.one_in(3)) continue;
          CAPTURE(outcome_of(failure), position, after, static_cast<int>(way));
          std::vector<Member> members(kMembers);
          members[position] = {failure, after, way};
          matrix.run(members);
        }
      }
    }
  }
  std::cout << matrix.cases() << " groups with one error, 0 violations\n";
}

TEST_CASE("any two errors in a group are those of their members") {
  Random random;
  INFO(random);
  Matrix matrix;
  for (const Failure first : kFailures) {
    for (const Failure second : kFailures) {
      for (std::size_t i = 0; i < kMembers; ++i) {
        const std::size_t j = (i + 1 + random.below(kMembers - 1)) % kMembers;
        CAPTURE(outcome_of(first), outcome_of(second), i, j);
        std::vector<Member> members(kMembers);
        members[i] = member_of(random, first);
        members[j] = member_of(random, second);
        matrix.run(members);
      }
    }
  }
  std::cout << matrix.cases() << " groups with two errors, 0 violations\n";
}

TEST_CASE(
    "a disk that fails under the commit of a group with an error in it acknowledges nothing "
    "that is not there") {
  Random random;
  INFO(random);
  Matrix matrix;
  for (const Failure failure : kFailures) {
    for (std::size_t position = 0; position < kMembers; ++position) {
      if (test::scale() < 1 && !random.one_in(3)) continue;
      std::vector<Member> members(kMembers);
      members[position] = member_of(random, failure);
      CAPTURE(outcome_of(failure), position);
      for (int nth = 1; nth <= 8; ++nth) {
        CAPTURE(nth);
        matrix.run(members, {vfs::Operation::write, nth, SQLITE_IOERR_WRITE});
        matrix.run(members, {vfs::Operation::write, nth, SQLITE_FULL});
      }
      matrix.run(members, {vfs::Operation::sync, 1, SQLITE_IOERR_FSYNC});
    }
  }
  std::cout << matrix.cases() << " groups with an error and a failing disk, 0 violations\n";
}

TEST_CASE("groups of any errors at once lose nothing acknowledged and keep nothing refused") {
  Random random;
  INFO(random);
  Matrix matrix;
  for (std::size_t left = test::scaled(2000); left > 0; --left) {
    CAPTURE(matrix.cases());
    std::vector<Member> members(1 + random.below(7));
    for (Member& member : members)
      member = member_of(random, random.one_in(2) ? Failure::none : random.pick(kFailures));
    matrix.run(members, disk_fault_of(random));
  }
  std::cout << matrix.cases() << " groups of any errors, 0 violations\n";
}
