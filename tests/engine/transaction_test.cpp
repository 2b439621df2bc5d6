// Transactions of one process: what joins, what is undone, what is refused.
#include "engine/ground.hpp"

#include <future>
#include <latch>
#include <new>
#include <stdexcept>

using namespace holdfast;
using test::add_note;
using test::Connection;
using test::FileGround;
using test::Link;
using test::MemoryGround;
using test::Names;
using test::notes;
using test::outcome_of;
using test::require_error;

namespace {

struct Refused : std::runtime_error {
  Refused() : std::runtime_error("refused") {}
};

template <class Body>
void transact(const Link& link, const Body& body, const TransactOptions& options = {}) {
  link.transact(body, options);
}

}  // namespace

TEST_CASE("what a function wrote is there together, also after a reopen") {
  FileGround ground;
  transact(*ground.link, [&] {
    add_note(*ground.link, "a");
    add_note(*ground.link, "b");
  });
  REQUIRE(notes(*ground.link) == Names{"a", "b"});
  REQUIRE(notes(ground.reopen()) == Names{"a", "b"});
}

TEST_CASE("an exception out of a function undoes all of it and reaches the caller") {
  FileGround ground;
  REQUIRE_THROWS_AS(transact(*ground.link,
                             [&] {
                               add_note(*ground.link, "a");
                               throw Refused();
                             }),
                    Refused);
  REQUIRE(notes(*ground.link).empty());
  add_note(*ground.link, "b");
  REQUIRE(notes(ground.reopen()) == Names{"b"});
}

TEST_CASE("a write returns what its work returned") {
  MemoryGround ground;
  const auto sum = ground.link->write([](Connection& db) { return db.integer("SELECT 40 + 2"); });
  REQUIRE(sum == 42);
}

TEST_CASE("an inner function that fails undoes only its own part") {
  MemoryGround ground;
  const Link& link = *ground.link;
  transact(link, [&] {
    add_note(link, "before");
    REQUIRE_THROWS_AS(transact(link,
                               [&] {
                                 add_note(link, "inner");
                                 transact(link, [&] { add_note(link, "innermost"); });
                                 throw Refused();
                               }),
                      Refused);
    add_note(link, "after");
  });
  REQUIRE(notes(link) == Names{"before", "after"});
}

TEST_CASE("a write that fails inside a function leaves the rest of it intact") {
  MemoryGround ground;
  const Link& link = *ground.link;
  transact(link, [&] {
    add_note(link, "a");
    REQUIRE_THROWS_AS(link.write([](Connection& db) {
      add_note(db, "half");
      throw Refused();
    }),
                      Refused);
    add_note(link, "b");
  });
  REQUIRE(notes(link) == Names{"a", "b"});
}

TEST_CASE("reads inside a function see its own writes, those outside do not") {
  MemoryGround ground;
  const Link& link = *ground.link;
  transact(link, [&] {
    add_note(link, "a");
    REQUIRE(notes(link) == Names{"a"});
    REQUIRE(std::async(std::launch::async, [&] { return notes(link); }).get().empty());
  });
  REQUIRE(notes(link) == Names{"a"});
}

TEST_CASE("a write inside read() is invalid") {
  MemoryGround ground;
  const Link& link = *ground.link;
  link.read_snapshot([&] {
    require_error(ErrorCode::invalid_argument, [&] { add_note(link, "a"); });
    require_error(ErrorCode::invalid_argument, [&] { transact(link, [] {}); });
    require_error(ErrorCode::invalid_argument, [&] { link.commit([] {}, {}); });
  });
  REQUIRE(notes(link).empty());
}

TEST_CASE("read() sees one instant while another thread commits") {
  FileGround ground;
  const Link& link = *ground.link;
  add_note(link, "a");
  link.read_snapshot([&] {
    REQUIRE(notes(link) == Names{"a"});
    std::async(std::launch::async, [&] { add_note(link, "b"); }).get();
    REQUIRE(notes(link) == Names{"a"});
  });
  REQUIRE(notes(link) == Names{"a", "b"});
}

TEST_CASE("a nested function may not ask for more durability than the outer one has") {
  MemoryGround ground;
  const Link& link = *ground.link;
  transact(link,
           [&] {
             require_error(ErrorCode::invalid_argument,
                           [&] { transact(link, [] {}, {.durability = Durability::full}); });
             transact(link, [&] { add_note(link, "a"); }, {.durability = Durability::normal});
             transact(link, [&] { add_note(link, "b"); });
           },
           {.durability = Durability::normal});
  REQUIRE(notes(link) == Names{"a", "b"});
}

TEST_CASE("a negative timeout is invalid") {
  MemoryGround ground;
  require_error(ErrorCode::invalid_argument,
                [&] { transact(*ground.link, [] {}, {.timeout_ms = -1}); });
}

TEST_CASE("a timeout beyond all clocks is a wait without end") {
  MemoryGround ground;
  transact(*ground.link, [&] { add_note(*ground.link, "a"); }, {.timeout_ms = INT64_MAX});
  REQUIRE(notes(*ground.link) == Names{"a"});
}

TEST_CASE("a function that waits for a thread that waits for its turn ends by busy") {
  MemoryGround ground;
  const Link& link = *ground.link;
  std::string other;
  transact(link, [&] {
    add_note(link, "a");
    std::thread([&] {
      other = outcome_of([&] { transact(link, [&] { add_note(link, "b"); }, {.timeout_ms = 20}); });
    }).join();
  });
  REQUIRE(other == "busy");
  REQUIRE(notes(link) == Names{"a"});
  REQUIRE(link.statistics().busy_timeouts == 1);
}

TEST_CASE("two databases taken in opposite order end by busy") {
  MemoryGround first;
  MemoryGround second;
  std::latch both_began(2);
  std::latch both_tried(2);
  const auto cross = [&](const Link& own, const Link& other) {
    std::string outcome;
    transact(own, [&] {
      add_note(own, "own");
      both_began.arrive_and_wait();
      outcome =
          outcome_of([&] { transact(other, [&] { add_note(other, "x"); }, {.timeout_ms = 20}); });
      both_tried.arrive_and_wait();
    });
    return outcome;
  };
  auto one = std::async(std::launch::async, [&] { return cross(*first.link, *second.link); });
  auto two = std::async(std::launch::async, [&] { return cross(*second.link, *first.link); });
  REQUIRE(one.get() == "busy");
  REQUIRE(two.get() == "busy");
  REQUIRE(notes(*first.link) == Names{"own"});
  REQUIRE(notes(*second.link) == Names{"own"});
}

TEST_CASE("one function can write to two databases") {
  MemoryGround first;
  MemoryGround second;
  transact(*first.link, [&] {
    transact(*second.link, [&] {
      add_note(*first.link, "a");
      add_note(*second.link, "b");
    });
  });
  REQUIRE(notes(*first.link) == Names{"a"});
  REQUIRE(notes(*second.link) == Names{"b"});
}

TEST_CASE("closing inside a transaction is invalid, and the transaction goes on") {
  FileGround ground;
  const Link& link = *ground.link;
  transact(link, [&] {
    add_note(link, "a");
    require_error(ErrorCode::invalid_argument, [&] { link.close(); });
    add_note(link, "b");
  });
  link.read_snapshot([&] { require_error(ErrorCode::invalid_argument, [&] { link.close(); }); });
  REQUIRE(notes(link) == Names{"a", "b"});
}

TEST_CASE("when SQLite has ended the transaction, nothing that follows in the function is kept") {
  MemoryGround ground;
  const Link& link = *ground.link;
  add_note(link, "old");
  // As a full disk does it, with an error that the function swallows.
  const auto outcome = outcome_of([&] {
    transact(link, [&] {
      add_note(link, "a");
      REQUIRE(outcome_of([&] { link.write([](Connection& db) { db.execute("ROLLBACK"); }); }) ==
              "io");
      REQUIRE(outcome_of([&] { add_note(link, "b"); }) == "io");
      REQUIRE(outcome_of([&] { notes(link); }) == "io");
      REQUIRE(outcome_of([&] { transact(link, [&] { add_note(link, "c"); }); }) == "io");
    });
  });
  REQUIRE(outcome == "io");
  REQUIRE(notes(link) == Names{"old"});
  add_note(link, "new");
  REQUIRE(notes(ground.reopen()) == Names{"old", "new"});
}

TEST_CASE("a statement that runs after SQLite has ended the transaction commits nothing") {
  MemoryGround ground;
  const Link& link = *ground.link;
  const auto work = [](Connection& db) {
    add_note(db, "a");
    db.execute("ROLLBACK");
    add_note(db, "b");
  };
  require_error(ErrorCode::io, [&] { link.write(work); });
  REQUIRE(notes(link).empty());
  // The same in a group: its other member is not harmed.
  test::Group group(link);
  group.add(work);
  group.add([](Connection& db) { add_note(db, "other"); });
  REQUIRE(group.run() == Names{"io", "ok"});
  REQUIRE(notes(ground.reopen()) == Names{"other"});
}

TEST_CASE("a closed operation whose joined write failed cannot commit, whatever it catches") {
  MemoryGround ground;
  const Link& link = *ground.link;
  const auto outcome = outcome_of([&] {
    link.commit(
        [&] {
          add_note(link, "a");
          try {
            link.write([](Connection& db) {
              add_note(db, "half");
              throw Refused();
            });
          } catch (const Refused&) {
          }
        },
        {});
  });
  REQUIRE(outcome == "other");
  REQUIRE(notes(link).empty());
}
