// Exhausted memory anywhere in a call: what was acknowledged is there, what was refused is not, nobody
// waits for ever, and the next call works.
#include "engine/ground.hpp"
#include "harness/memory_faults.hpp"

#include <set>

using namespace holdfast;
using test::add_note;
using test::Connection;
using test::Exhaustion;
using test::Group;
using test::Link;
using test::MemoryFault;
using test::MemoryGround;
using test::Names;
using test::notes;
using test::outcome_of;

namespace {

// Calls `attempt` with the 1st, 2nd, ... allocation failing, until none fails any more; of the thousands
// that a long call makes, ever fewer are tried.
template <class Attempt>
void sweep(const Attempt& attempt, int try_all = 40) {
  const auto exhaustion = GENERATE(Exhaustion::once, Exhaustion::stays);
  bool fired = true;
  int nth = 1;
  for (; fired; nth += 1 + nth / try_all) {
    CAPTURE(nth);
    fired = attempt(nth, exhaustion);
  }
  REQUIRE(nth > 10);  // it did fail
}

// What is there against what was said. What is uncertain may be either.
void require_ledger(const Link& link, const Names& names, const Names& outcomes) {
  const Names list = notes(link);
  const std::set<std::string> found(list.begin(), list.end());
  for (std::size_t i = 0; i < names.size(); ++i) {
    CAPTURE(names[i], outcomes[i]);
    if (outcomes[i] == "ok") REQUIRE(found.contains(names[i]));
    if (outcomes[i] == "bad_alloc") REQUIRE_FALSE(found.contains(names[i]));
    REQUIRE(
        (outcomes[i] == "ok" || outcomes[i] == "bad_alloc" || outcomes[i] == "outcome_unknown"));
  }
}

}  // namespace

TEST_CASE("a write without memory is done or refused") {
  sweep([](int nth, Exhaustion exhaustion) {
    MemoryGround ground;
    const Link& link = *ground.link;
    MemoryFault fault(nth, exhaustion);
    const auto outcome = outcome_of([&] { add_note(link, "a"); });
    const bool fired = fault.disarm();
    add_note(link, "later");
    require_ledger(link, {"a", "later"}, {outcome, "ok"});
    require_ledger(ground.reopen(), {"a", "later"}, {outcome, "ok"});
    return fired;
  });
}

TEST_CASE("a function without memory is done or refused") {
  sweep([](int nth, Exhaustion exhaustion) {
    MemoryGround ground;
    const Link& link = *ground.link;
    Names inner{"ok", "ok"};
    MemoryFault fault(nth, exhaustion);
    const auto outcome = outcome_of([&] {
      link.transact(
          [&] {
            inner[0] = outcome_of([&] { add_note(link, "a"); });
            inner[1] = outcome_of([&] { link.transact([&] { add_note(link, "b"); }, {}); });
          },
          {});
    });
    const bool fired = fault.disarm();
    add_note(link, "later");
    // What was swallowed inside is not there; what was not is there if the whole is.
    for (auto& each : inner) {
      if (outcome != "ok" && each == "ok") each = outcome;
    }
    require_ledger(link, {"a", "b", "later"}, {inner[0], inner[1], "ok"});
    require_ledger(ground.reopen(), {"a", "b", "later"}, {inner[0], inner[1], "ok"});
    return fired;
  });
}

TEST_CASE("a leader without memory loses no member of its group") {
  sweep([](int nth, Exhaustion exhaustion) {
    MemoryGround ground;
    const Link& link = *ground.link;
    const Names names{"0", "1", "2"};
    bool fired = false;
    Names outcomes;
    {
      Group group(link);
      std::optional<MemoryFault> fault;
      // The first one leads; its memory ends with its own work, so that the rest of the lead, too, is hit.
      group.add([&](Connection& db) {
        if (!fault) fault.emplace(nth, exhaustion);
        add_note(db, "0");
      });
      for (const char* name : {"1", "2"})
        group.add([name](Connection& db) { add_note(db, name); });
      group.after_first = [&] { fired = fault->disarm(); };
      outcomes = group.run();
    }
    add_note(link, "later");
    require_ledger(link, names, outcomes);
    require_ledger(ground.reopen(), names, outcomes);
    return fired;
  });
}

TEST_CASE("a read without memory is refused, and its place in the pool is not lost") {
  sweep([](int nth, Exhaustion exhaustion) {
    MemoryGround ground({.busy_timeout_ms = 0, .max_readers = 1});
    const Link& link = *ground.link;
    add_note(link, "a");
    MemoryFault fault(nth, exhaustion);
    const auto outcome = outcome_of([&] { notes(link); });
    const bool fired = fault.disarm();
    REQUIRE((outcome == "ok" || outcome == "bad_alloc"));
    REQUIRE(notes(link) == Names{"a"});
    REQUIRE(link.statistics().readers.empty());
    return fired;
  });
}

TEST_CASE("an open without memory is refused, and the next one works") {
  test::TemporaryFolder folder;
  int file = 0;
  sweep(
      [&](int nth, Exhaustion exhaustion) {
        const std::string path = folder.file(std::to_string(++file));
        MemoryFault fault(nth, exhaustion);
        const auto outcome = outcome_of([&] {
          const Link first = test::open_link(path);
          const Link second = test::open_link(path);
        });
        const bool fired = fault.disarm();
        CAPTURE(outcome);
        const Link link = test::open_link(path);
        test::create_notes(link);
        add_note(link, "a");
        REQUIRE(notes(link) == Names{"a"});
        return fired;
      },
      8);
}
