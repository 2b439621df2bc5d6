// Closed operations that share a commit: what the failure of one, of the disk, or of the commit means for
// each of them.
#include "engine/ground.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <new>
#include <set>
#include <stdexcept>

using namespace holdfast;
using test::add_note;
using test::Connection;
using test::count_notes;
using test::FileGround;
using test::Group;
using test::Link;
using test::MemoryGround;
using test::Names;
using test::notes;
using test::outcome_of;
using test::require_error;
using vfs::Verdict;

namespace {

Group::Work adding(std::string name, std::size_t bytes = 0) {
  return [name = std::move(name), bytes](Connection& db) {
    add_note(db, name, std::string(bytes, 'x'));
  };
}

// More than what the log, whose space is used again, has left from making the schema.
constexpr std::size_t kTooLarge = 1'200'000;

std::set<std::string> as_set(const Names& names) {
  return {names.begin(), names.end()};
}

}  // namespace

TEST_CASE("operations that wait together are committed together, in order") {
  FileGround ground;
  const Link& link = *ground.link;
  const auto before = link.statistics();
  Group group(link);
  for (int i = 0; i < 8; ++i)
    group.add(adding(std::to_string(i)));
  REQUIRE(group.run() == Names(8, "ok"));
  const auto after = link.statistics();
  REQUIRE(after.commits == before.commits + 2);  // the function that held the turn, and the group
  REQUIRE(after.group_commits == before.group_commits + 1);
  REQUIRE(after.largest_group == 8);
  REQUIRE(notes(ground.reopen()) == Names{"0", "1", "2", "3", "4", "5", "6", "7"});
}

TEST_CASE("a refused member does not touch the others") {
  MemoryGround ground;
  const auto refused = GENERATE(0U, 1U, 2U);
  Group group(*ground.link);
  Names expected;
  for (unsigned i = 0; i < 3; ++i) {
    const std::string name = std::to_string(i);
    if (i != refused) expected.push_back(name);
    group.add([name, refuses = i == refused](Connection& db) {
      add_note(db, name);
      if (refuses) throw Error(ErrorCode::conflict, "refused");
    });
  }
  const Names outcomes = group.run();
  for (unsigned i = 0; i < 3; ++i)
    REQUIRE(outcomes[i] == (i == refused ? "conflict" : "ok"));
  REQUIRE(notes(ground.reopen()) == expected);
}

TEST_CASE("a member without memory does not touch the others") {
  MemoryGround ground;
  Group group(*ground.link);
  group.add(adding("a"));
  group.add([](Connection& db) {
    add_note(db, "b");
    throw std::bad_alloc();
  });
  group.add(adding("c"));
  REQUIRE(group.run() == Names{"ok", "bad_alloc", "ok"});
  REQUIRE(notes(ground.reopen()) == Names{"a", "c"});
}

TEST_CASE(
    "a disk that fills up under a group loses nothing acknowledged and keeps nothing refused") {
  const auto large = GENERATE(0U, 1U, 2U);
  MemoryGround ground;
  const Link& link = *ground.link;
  add_note(link, "old");
  ground.disk.set_capacity_bytes(ground.disk.used_bytes() + 100'000);
  Group group(link);
  for (unsigned i = 0; i < 3; ++i)
    group.add(adding(std::to_string(i), i == large ? kTooLarge : 10));
  const Names outcomes = group.run();
  Names expected{"old"};
  for (unsigned i = 0; i < 3; ++i) {
    if (outcomes[i] == "ok") expected.push_back(std::to_string(i));
  }
  REQUIRE(outcomes[large] == "full");
  REQUIRE(expected.size() == 3);
  REQUIRE(notes(ground.reopen()) == expected);
}

TEST_CASE("a member is not refused for what another one did that is undone") {
  MemoryGround ground;
  const Link& link = *ground.link;
  ground.disk.set_capacity_bytes(ground.disk.used_bytes() + 100'000);
  Group group(link);
  group.add(adding("same name", kTooLarge));
  group.add(adding("same name"));
  REQUIRE(group.run() == Names{"full", "ok"});
  REQUIRE(notes(link) == Names{"same name"});
  REQUIRE(notes(ground.reopen()) == Names{"same name"});
}

TEST_CASE("once there is space again, writes succeed again") {
  MemoryGround ground;
  const Link& link = *ground.link;
  ground.disk.set_capacity_bytes(ground.disk.used_bytes());
  require_error(ErrorCode::full, [&] { add_note(link, "a", std::string(kTooLarge, 'x')); });
  require_error(ErrorCode::full, [&] {
    link.transact([&] { add_note(link, "b", std::string(kTooLarge, 'x')); }, {});
  });
  ground.disk.set_capacity_bytes(std::nullopt);
  add_note(link, "c", std::string(kTooLarge, 'x'));
  REQUIRE(notes(ground.reopen()) == Names{"c"});
}

TEST_CASE("a disk that is full at any write loses nothing acknowledged and keeps nothing refused") {
  // Fails the 1st, the 2nd, ... write to the log, until none fails any more.
  bool fired = true;
  for (int nth = 1; fired; ++nth) {
    MemoryGround ground;
    const Link& link = *ground.link;
    Group group(link);
    for (int i = 0; i < 4; ++i)
      group.add(adding(std::to_string(i), 3000));
    fired = false;
    ground.rule.set([&, left = nth](const vfs::Call& call) mutable {
      if (call.operation != vfs::Operation::write || --left != 0) return Verdict::proceed();
      fired = true;
      return Verdict::fail(SQLITE_FULL);
    });
    const Names outcomes = group.run();
    ground.rule.set(nullptr);
    Names expected;
    for (unsigned i = 0; i < 4; ++i) {
      if (outcomes[i] == "ok")
        expected.push_back(std::to_string(i));
      else
        REQUIRE(outcomes[i] == "full");
    }
    CAPTURE(nth);
    // Each was run again alone, when the disk had space again.
    REQUIRE(expected.size() == 4);
    REQUIRE(notes(link) == expected);
    REQUIRE(notes(ground.reopen()) == expected);
  }
}

TEST_CASE("a commit that fails by an I/O error has an unknown outcome for all of the group") {
  MemoryGround ground;
  Group group(*ground.link);
  for (int i = 0; i < 3; ++i)
    group.add(adding(std::to_string(i)));
  ground.rule.set([&](const vfs::Call& call) {
    const bool commits = call.operation == vfs::Operation::write && call.file == vfs::FileKind::wal;
    return commits ? Verdict::fail(SQLITE_IOERR_WRITE) : Verdict::proceed();
  });
  REQUIRE(group.run() == Names(3, "outcome_unknown"));
  ground.rule.set(nullptr);
  // A failed write is not a failed sync: the handle goes on.
  add_note(*ground.link, "later");
  REQUIRE(notes(ground.reopen()) == Names{"later"});
}

TEST_CASE("a member that was refused keeps its own error when the commit fails") {
  MemoryGround ground;
  Group group(*ground.link);
  group.add(adding("a"));
  group.add([](Connection&) { throw Error(ErrorCode::conflict, "refused"); });
  ground.rule.set([](const vfs::Call& call) {
    return call.operation == vfs::Operation::sync ? Verdict::fail(SQLITE_IOERR_FSYNC)
                                                  : Verdict::proceed();
  });
  REQUIRE(group.run() == Names{"outcome_unknown", "conflict"});
  ground.rule.set(nullptr);
}

TEST_CASE("a failed sync poisons: no more writes, reads go on, a reopen starts anew") {
  MemoryGround ground;
  const Link& link = *ground.link;
  add_note(link, "old");
  ground.rule.set([](const vfs::Call& call) {
    return call.operation == vfs::Operation::sync ? Verdict::fail(SQLITE_IOERR_FSYNC)
                                                  : Verdict::proceed();
  });
  require_error(ErrorCode::outcome_unknown, [&] { add_note(link, "a"); });
  ground.rule.set(nullptr);
  require_error(ErrorCode::poisoned, [&] { add_note(link, "b"); });
  require_error(ErrorCode::poisoned, [&] { link.transact([] {}, {}); });
  require_error(ErrorCode::poisoned, [&] { link.commit([] {}, {}); });
  REQUIRE(link.statistics().poisoned);
  REQUIRE(notes(link) == Names{"old"});
  const Link& again = ground.reopen();
  add_note(again, "c");
  const auto found = as_set(notes(again));
  REQUIRE(found.contains("old"));
  REQUIRE(found.contains("c"));
  REQUIRE_FALSE(found.contains("b"));
}

TEST_CASE("at normal a failed sync is met at the next checkpoint, and poisons") {
  MemoryGround ground({.durability = Durability::normal, .wal_checkpoint_bytes = 512 << 10});
  const Link& link = *ground.link;
  add_note(link, "first");
  ground.rule.set([](const vfs::Call& call) {
    return call.operation == vfs::Operation::sync ? Verdict::fail(SQLITE_IOERR_FSYNC)
                                                  : Verdict::proceed();
  });
  Names acknowledged{"first"};
  std::string outcome = "ok";
  while (outcome == "ok" && acknowledged.size() < 100) {
    const std::string name = std::to_string(acknowledged.size());
    outcome = test::outcome_of([&] { add_note(link, name, std::string(3000, 'x')); });
    if (outcome == "ok") acknowledged.push_back(name);
  }
  REQUIRE(outcome == "poisoned");
  REQUIRE(acknowledged.size() > 10);
  REQUIRE(notes(link) == acknowledged);
  ground.rule.set(nullptr);
  require_error(ErrorCode::poisoned, [&] { add_note(link, "later"); });
  REQUIRE(notes(ground.reopen()) == acknowledged);
}

TEST_CASE("a large operation shares its transaction with nobody") {
  MemoryGround ground;
  const Link& link = *ground.link;
  test::HeldTurn turn(link);
  std::vector<std::thread> threads;
  const auto add = [&](std::size_t bytes) {
    threads.emplace_back([&link, bytes, name = std::to_string(threads.size())] {
      link.write([&](Connection& db) { add_note(db, name); }, bytes);
    });
    test::wait_until([&] { return link.statistics().waiting_writes == threads.size(); });
  };
  const auto before = link.statistics();
  constexpr std::size_t kLarge = 1 << 20;
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{0}, kLarge, std::size_t{0}, std::size_t{0}})
    add(bytes);
  turn.end();
  for (std::thread& thread : threads)
    thread.join();
  const auto after = link.statistics();
  REQUIRE(after.group_commits == before.group_commits + 2);
  REQUIRE(after.grouped_operations == before.grouped_operations + 4);
  REQUIRE(after.commits == before.commits + 4);  // two groups, the large one, and the held turn
  REQUIRE(notes(link) == Names{"0", "1", "2", "3", "4"});
}

TEST_CASE("a group has the durability of its most careful member") {
  MemoryGround ground;
  const Link& link = *ground.link;
  const auto syncs_of = [&](const std::vector<Durability>& levels) {
    test::HeldTurn turn(link, {.durability = Durability::normal});
    std::vector<std::thread> threads;
    const auto before = link.statistics().syncs;
    for (const Durability level : levels) {
      threads.emplace_back([&link, level] {
        link.commit([&link] { add_note(link, std::to_string(count_notes(link))); },
                    {.durability = level});
      });
      test::wait_until([&] { return link.statistics().waiting_writes == threads.size(); });
    }
    turn.end();
    for (std::thread& thread : threads)
      thread.join();
    return link.statistics().syncs - before;
  };
  REQUIRE(syncs_of({Durability::normal, Durability::normal}) == 0);
  REQUIRE(syncs_of({Durability::normal, Durability::full, Durability::normal}) == 1);
  REQUIRE(count_notes(link) == 5);
}

TEST_CASE("sixteen threads lose nothing, and what they add is in the order of each") {
  constexpr int kThreads = 16;
  constexpr int kEach = 25;
  FileGround ground;
  const Link& link = *ground.link;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&link, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string name = std::to_string(t) + "/" + std::to_string(i);
        if (i % 5 == 4) {
          link.transact([&] { add_note(link, name); }, {});
        } else {
          add_note(link, name);
        }
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  std::vector<int> next(kThreads, 0);
  for (const std::string& name : notes(ground.reopen())) {
    const auto thread = static_cast<std::size_t>(std::stoi(name));
    REQUIRE(name == std::to_string(thread) + "/" + std::to_string(next[thread]++));
  }
  REQUIRE(next == std::vector<int>(kThreads, kEach));
}

TEST_CASE("whoever gives up waiting leaves the others in the queue, and nothing of his is done") {
  MemoryGround ground;
  const Link& link = *ground.link;
  test::HeldTurn turn(link);
  std::vector<std::thread> threads;
  Names outcomes(3);
  const auto add = [&](std::size_t index, std::int64_t timeout_ms) {
    threads.emplace_back([&, index, timeout_ms] {
      outcomes[index] = outcome_of([&] {
        link.commit([&] { add_note(link, std::to_string(index)); }, {.timeout_ms = timeout_ms});
      });
    });
  };
  add(0, 60'000);
  test::wait_until([&] { return link.statistics().waiting_writes == 1; });
  add(1, 1);
  threads.back().join();
  add(2, 60'000);
  test::wait_until([&] { return link.statistics().waiting_writes == 2; });
  turn.end();
  threads[0].join();
  threads[2].join();
  REQUIRE(outcomes == Names{"ok", "busy", "ok"});
  REQUIRE(notes(link) == Names{"0", "2"});
}
