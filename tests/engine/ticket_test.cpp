// Tickets: writes that nobody waits for, served by a thread of the engine.
#include "engine/ground.hpp"

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

using namespace holdfast;
using test::add_note;
using test::count_notes;
using test::FileGround;
using test::Link;
using test::MemoryGround;
using test::Names;
using test::notes;
using test::outcome_of;
using test::require_error;

namespace {

const OpenOptions kWithCommitter{.committer_thread = true};

Ticket add_later(const Link& link, const std::string& name, const TransactOptions& options = {}) {
  return link.commit_async([to = link.borrowed(), name] { add_note(*to, name); }, options);
}

// The signals that each thread of this process but the calling one blocks, as /proc shows them.
std::vector<std::uint64_t> blocked_signals_of_others() {
  std::vector<std::uint64_t> masks;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == std::to_string(gettid())) continue;
    std::ifstream status(task.path() / "status");
    std::string line;
    while (std::getline(status, line)) {
      if (line.starts_with("SigBlk:")) masks.push_back(std::stoull(line.substr(7), nullptr, 16));
    }
  }
  return masks;
}

}  // namespace

TEST_CASE("a ticket is there when its wait returns, also after a reopen") {
  FileGround ground(kWithCommitter);
  const Ticket ticket = add_later(*ground.link, "a");
  ticket.wait();
  REQUIRE(ticket.done());
  ticket.wait();
  REQUIRE(notes(ground.reopen()) == Names{"a"});
}

TEST_CASE("tickets and waiting writes of a thread are committed as they were called") {
  MemoryGround ground(kWithCommitter);
  const Link& link = *ground.link;
  Names expected;
  for (int i = 0; i < 300; ++i) {
    const std::string name = std::to_string(i);
    expected.push_back(name);
    if (i % 7 == 3) {
      add_note(link, name);
    } else if (i % 7 == 5) {
      link.transact([&] { add_note(link, name); }, {});
    } else {
      add_later(link, name);
    }
  }
  REQUIRE(notes(link) == expected);
}

TEST_CASE("a thread's own reads see its tickets") {
  MemoryGround ground(kWithCommitter);
  const Link& link = *ground.link;
  for (int i = 1; i <= 200; ++i) {
    add_later(link, std::to_string(i));
    REQUIRE(count_notes(link) == i);
  }
  add_later(link, "last");
  link.read_snapshot([&] { REQUIRE(count_notes(link) == 201); });
}

TEST_CASE("tickets of a database that is gone do not keep the reads of the next one waiting") {
  for (int i = 0; i < 20; ++i) {
    MemoryGround ground(kWithCommitter);
    for (int t = 0; t < 20 - i; ++t)
      add_later(*ground.link, std::to_string(t));
    ground.reopen();  // often at the same address
    REQUIRE(count_notes(*ground.link) == 20 - i);
  }
}

TEST_CASE("a dropped ticket still commits, and closing waits for it") {
  FileGround ground(kWithCommitter);
  for (int i = 0; i < 500; ++i)
    add_later(*ground.link, std::to_string(i));
  SECTION("close()") {
    ground.link->close();
  }
  SECTION("the last handle goes") {}
  REQUIRE(count_notes(ground.reopen()) == 500);
}

TEST_CASE("a ticket does not keep the database open") {
  for (int i = 0; i < 50; ++i) {
    MemoryGround ground(kWithCommitter);
    const Ticket ticket = add_later(*ground.link, "a");
    ground.link.reset();
    REQUIRE(ticket.done());
    ticket.wait();
  }
}

TEST_CASE("without a committer thread there are no tickets") {
  MemoryGround ground;
  require_error(ErrorCode::unsupported, [&] { add_later(*ground.link, "a"); });
}

TEST_CASE("there are no tickets inside a transaction") {
  MemoryGround ground(kWithCommitter);
  const Link& link = *ground.link;
  link.transact([&] { require_error(ErrorCode::invalid_argument, [&] { add_later(link, "a"); }); },
                {});
  link.read_snapshot(
      [&] { require_error(ErrorCode::invalid_argument, [&] { add_later(link, "a"); }); });
  REQUIRE(count_notes(link) == 0);
}

TEST_CASE("the error of a ticket reaches its wait, each time, and no other ticket") {
  MemoryGround ground(kWithCommitter);
  const Link& link = *ground.link;
  const Ticket before = add_later(link, "a");
  const Ticket refused = link.commit_async(
      [to = link.borrowed()] {
        add_note(*to, "half");
        throw Error(ErrorCode::conflict, "refused");
      },
      {});
  const Ticket after = add_later(link, "b");
  after.wait();
  before.wait();
  REQUIRE(refused.done());
  require_error(ErrorCode::conflict, [&] { refused.wait(); });
  require_error(ErrorCode::conflict, [&] { refused.wait(); });
  REQUIRE(notes(link) == Names{"a", "b"});
}

TEST_CASE("each who waits for a ticket that failed gets an error of his own") {
  MemoryGround ground(kWithCommitter);
  const Ticket refused =
      ground.link->commit_async([] { throw Error(ErrorCode::conflict, "refused"); }, {});
  try {
    refused.wait();
  } catch (const Error& first) {
    try {
      refused.wait();
    } catch (const Error& second) {
      REQUIRE(&first != &second);
      REQUIRE(first.what() == std::string(second.what()));
      return;
    }
  }
  FAIL("nothing was refused");
}

TEST_CASE("a dropped ticket that fails is logged") {
  std::atomic<int> errors = 0;
  MemoryGround ground({.committer_thread = true, .log = [&](LogLevel level, std::string_view) {
                         if (level == LogLevel::error) ++errors;
                       }});
  const Link& link = *ground.link;
  {
    test::HeldTurn turn(link);
    link.commit_async([] { throw Error(ErrorCode::conflict, "refused"); }, {});
  }
  REQUIRE(count_notes(link) == 0);
  ground.reopen();
  REQUIRE(errors == 1);
}

TEST_CASE("tickets share a commit with the writes of other threads") {
  MemoryGround ground(kWithCommitter);
  const Link& link = *ground.link;
  const auto before = link.statistics();
  {
    test::Group group(link);
    group.add([](test::Connection& db) { add_note(db, "0"); });
    for (int i = 1; i < 100; ++i)
      add_later(link, std::to_string(i));
    group.run();
  }
  REQUIRE(count_notes(link) == 100);
  const auto after = link.statistics();
  REQUIRE(after.largest_group == 100);
  REQUIRE(after.commits == before.commits + 2);
}

TEST_CASE("a ticket of full durability is synced when its wait returns") {
  MemoryGround ground({.durability = Durability::normal, .committer_thread = true});
  const Link& link = *ground.link;
  const auto before = link.statistics().syncs;
  add_later(link, "a").wait();
  REQUIRE(link.statistics().syncs == before);
  add_later(link, "b", {.durability = Durability::full}).wait();
  REQUIRE(link.statistics().syncs == before + 1);
}

TEST_CASE(
    "while another process has the turn, tickets become busy together, not one after the other") {
  constexpr int kTickets = 2000;  // at a deadline for each, hours
  MemoryGround ground({.busy_timeout_ms = 10'000, .committer_thread = true});
  const auto other = std::make_shared<engine::Engine>(
      "/app.holdfast", OpenOptions{}, vfs::ShimOptions{.base = ground.disk.vfs()});
  const Link other_link(engine::Opening::make(other), std::nullopt);
  test::HeldTurn turn(other_link);
  std::vector<Ticket> tickets;
  for (int i = 0; i < kTickets; ++i)
    tickets.push_back(add_later(*ground.link, std::to_string(i), {.timeout_ms = 50}));
  for (const Ticket& ticket : tickets)
    require_error(ErrorCode::busy, [&] { ticket.wait(); });
  turn.end();
  REQUIRE(count_notes(*ground.link) == 0);
}

TEST_CASE("tickets of many threads are all committed, each thread's in order") {
  constexpr int kThreads = 8;
  constexpr int kEach = 100;
  FileGround ground(kWithCommitter);
  const Link& link = *ground.link;
  std::vector<std::thread> threads;
  std::array<bool, kThreads> complete{};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i)
        add_later(link, std::to_string(t) + "/" + std::to_string(i));
      int own = 0;
      for (const std::string& name : notes(link)) {
        if (std::stoi(name) == t) ++own;
      }
      complete[static_cast<std::size_t>(t)] = own == kEach;
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  for (const bool each : complete)
    REQUIRE(each);
  std::vector<int> next(kThreads, 0);
  for (const std::string& name : notes(ground.reopen())) {
    const auto thread = static_cast<std::size_t>(std::stoi(name));
    REQUIRE(name == std::to_string(thread) + "/" + std::to_string(next[thread]++));
  }
  REQUIRE(next == std::vector<int>(kThreads, kEach));
}

TEST_CASE("the committer thread takes no signal of the host") {
  MemoryGround ground(kWithCommitter);
  const auto masks = blocked_signals_of_others();
  REQUIRE(!masks.empty());  // a sanitizer may have a thread of its own, which takes none either
  const auto bit = [](int signal) { return std::uint64_t{1} << (signal - 1); };
  for (const std::uint64_t mask : masks) {
    REQUIRE((mask & bit(SIGINT)) != 0);
    REQUIRE((mask & bit(SIGUSR1)) != 0);
    REQUIRE((mask & bit(SIGCHLD)) != 0);
  }
}
