// Several processes on one file: who waits, who is killed, and what is there afterwards.
#include "engine/folder.hpp"
#include "support/random.hpp"

#include <array>
#include <charconv>
#include <set>
#include <sys/wait.h>

using namespace holdfast;
using test::add_note;
using test::ChildProcess;
using test::count_notes;
using test::exit_code_of;
using test::FileGround;
using test::Link;
using test::Names;
using test::notes;
using test::outcome_of;
using test::outcome_of_exit;

namespace {

// Words from one process to another, which waits for them. Made before the fork.
class Channel {
 public:
  Channel() {
    if (pipe(ends_.data()) != 0) throw std::runtime_error("no pipe");
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    close_writer();
    close(ends_[0]);
  }
  void send(std::uint32_t word) {
    if (write(ends_[1], &word, sizeof word) != sizeof word) _exit(96);
  }
  // nullopt: nobody is left who could send.
  std::optional<std::uint32_t> receive() {
    std::uint32_t word = 0;
    if (read(ends_[0], &word, sizeof word) != sizeof word) return std::nullopt;
    return word;
  }
  // So that the end of the sender is noticed: the receiver must not be one itself.
  void close_writer() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  std::array<int, 2> ends_{};
};

}  // namespace

TEST_CASE(
    "while another process has its turn to write, a write is busy and nothing of it is done") {
  FileGround ground;
  ground.close();
  Channel began;
  Channel over;
  ChildProcess writer([&] {
    return exit_code_of([&] {
      const Link link = test::open_link(ground.path());
      link.transact(
          [&] {
            add_note(link, "child's");
            began.send(1);
            over.receive();
          },
          {});
    });
  });
  const Link& link = ground.open();
  writer.start();
  began.receive();
  REQUIRE(outcome_of([&] { link.commit([&] { add_note(link, "a"); }, {.timeout_ms = 20}); }) ==
          "busy");
  REQUIRE(outcome_of([&] { link.transact([&] { add_note(link, "b"); }, {.timeout_ms = 0}); }) ==
          "busy");
  REQUIRE(notes(link).empty());
  over.send(1);
  REQUIRE(outcome_of_exit(writer.wait()) == "ok");
  REQUIRE(notes(link) == Names{"child's"});
  add_note(link, "c");
  REQUIRE(notes(link) == Names{"child's", "c"});
}

TEST_CASE("two processes that append at once both finish, without a busy and without a loss") {
  constexpr int kEach = 2000;
  FileGround ground;
  ground.close();
  const auto append = [&](char who) {
    return exit_code_of([&] {
      const Link link = test::open_link(
          ground.path(), {.durability = Durability::normal, .wal_checkpoint_bytes = 1 << 20});
      for (int i = 0; i < kEach; ++i)
        add_note(link, who + std::to_string(i));
    });
  };
  ChildProcess first([&] { return append('a'); });
  ChildProcess second([&] { return append('b'); });
  first.start();
  second.start();
  REQUIRE(outcome_of_exit(first.wait()) == "ok");
  REQUIRE(outcome_of_exit(second.wait()) == "ok");
  int next_a = 0;
  int next_b = 0;
  for (const std::string& name : notes(ground.open()))
    REQUIRE(name.substr(1) == std::to_string(name[0] == 'a' ? next_a++ : next_b++));
  REQUIRE(next_a == kEach);
  REQUIRE(next_b == kEach);
  REQUIRE(ground.ask("PRAGMA integrity_check") == "ok");
}

TEST_CASE("what a process acknowledged before it was killed is there, whole and in order") {
  constexpr int kRounds = 30;
  test::Random random;
  INFO(random);
  const auto durability = GENERATE(Durability::full, Durability::normal);
  FileGround ground;
  std::uint32_t next = 0;  // the next number that is not yet there
  for (int round = 0; round < kRounds; ++round) {
    ground.close();
    Channel acknowledged;
    ChildProcess writer([&] {
      // A small log, so that some are killed in the middle of a checkpoint.
      const Link link = test::open_link(
          ground.path(), {.durability = durability, .wal_checkpoint_bytes = 64 << 10});
      for (std::uint32_t i = next;; i += 2) {
        const auto add = [&](std::uint32_t number) {
          add_note(link, std::to_string(number), std::string(2000, 'x'));
        };
        link.transact(
            [&] {
              add(i);
              add(i + 1);
            },
            {});
        acknowledged.send(i + 1);
      }
      return 0;
    });
    writer.start();
    acknowledged.close_writer();
    for (std::size_t left = 1 + random.below(30); left > 0; --left)
      next = acknowledged.receive().value() + 1;
    writer.kill();
    while (const auto last = acknowledged.receive())
      next = *last + 1;
    const Names found = notes(ground.open());
    REQUIRE(found.size() % 2 == 0);
    REQUIRE(found.size() >= next);
    REQUIRE(found.size() <= next + 2);  // the one that was under way
    for (std::size_t i = 0; i < found.size(); ++i)
      REQUIRE(found[i] == std::to_string(i));
    next = static_cast<std::uint32_t>(found.size());
  }
  REQUIRE(ground.ask("PRAGMA integrity_check") == "ok");
}

TEST_CASE("a process that was killed while it made the file leaves one that can be opened") {
  test::Random random;
  INFO(random);
  for (int round = 0; round < 30; ++round) {
    test::TemporaryFolder folder;
    const std::string path = folder.file("app.holdfast");
    Channel opened;
    ChildProcess maker([&] {
      const Link link = test::open_link(path);
      opened.send(1);
      opened.receive();
      return 0;
    });
    maker.start();
    // Any moment will do, also after it is done.
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(30'000)));
    maker.kill();
    const Link link = test::open_link(path);
    test::create_notes(link);
    add_note(link, "a");
    REQUIRE(notes(link) == Names{"a"});
  }
}

TEST_CASE("what another process commits is seen by the next read") {
  FileGround ground;
  ground.close();
  Channel go;
  Channel done;
  ChildProcess writer([&] {
    return exit_code_of([&] {
      const Link link = test::open_link(ground.path());
      while (const auto number = go.receive()) {
        if (*number == 0) return;
        add_note(link, std::to_string(*number));
        done.send(*number);
      }
    });
  });
  const Link& link = ground.open();
  writer.start();
  for (std::uint32_t i = 1; i <= 50; ++i) {
    go.send(i);
    done.receive();
    REQUIRE(count_notes(link) == i);
  }
  go.send(0);
  REQUIRE(outcome_of_exit(writer.wait()) == "ok");
}

TEST_CASE(
    "processes with threads of their own, tickets and functions, lose nothing to each other") {
  constexpr int kProcesses = 3;
  constexpr int kThreads = 3;
  constexpr int kEach = 60;
  FileGround ground;
  ground.close();
  const auto work = [&](int process) {
    return exit_code_of([&] {
      const Link link = test::open_link(ground.path(),
                                        {.durability = Durability::normal,
                                         .wal_checkpoint_bytes = 256 << 10,
                                         .committer_thread = true});
      std::vector<std::thread> threads;
      std::atomic<bool> failed = false;
      for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
          const auto outcome = outcome_of([&] {
            for (int i = 0; i < kEach; ++i) {
              const std::string name =
                  std::to_string(process * kThreads + t) + "/" + std::to_string(i);
              if (i % 3 == 0) add_note(link, name, std::string(500, 'x'));
              if (i % 3 == 1) link.transact([&] { add_note(link, name); }, {});
              if (i % 3 == 2) {
                link.commit_async([to = link.borrowed(), name] { add_note(*to, name); }, {});
              }
            }
          });
          if (outcome != "ok") failed = true;
        });
      }
      for (std::thread& thread : threads)
        thread.join();
      if (failed) throw Error(ErrorCode::busy, "a thread failed");
    });
  };
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int p = 0; p < kProcesses; ++p)
    children.push_back(std::make_unique<ChildProcess>([&work, p] { return work(p); }));
  for (const auto& child : children)
    child->start();
  for (const auto& child : children)
    REQUIRE(outcome_of_exit(child->wait()) == "ok");
  std::vector<int> next(kProcesses * kThreads, 0);
  for (const std::string& name : notes(ground.open())) {
    const auto who = static_cast<std::size_t>(std::stoi(name));
    REQUIRE(name == std::to_string(who) + "/" + std::to_string(next[who]++));
  }
  REQUIRE(next == std::vector<int>(kProcesses * kThreads, kEach));
  REQUIRE(ground.ask("PRAGMA integrity_check") == "ok");
}
