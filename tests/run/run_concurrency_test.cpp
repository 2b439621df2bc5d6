// Several writers on one run: threads, handles, processes.
#include "holdfast/error.hpp"
#include "run/run_cases.hpp"
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <thread>

namespace holdfast {

namespace {

constexpr int kAppends = 100;

// Appends single events and pairs in turn, each told by its writer and its place among the writer's own.
void append_as(RunStore runs, const std::string& writer, int appends) {
  for (int i = 0; i < appends; i += 2) {
    runs.append("r", {writer + " " + std::to_string(i), writer + " " + std::to_string(i + 1)});
  }
}

// Every number once, and every writer's events in its order, pairs side by side.
void check_log(const RunStore& runs, std::size_t writers, int appends) {
  std::uint64_t seq = 0;
  std::map<std::string, int> seen;
  std::string last_writer;
  for (const LogEntry& event : runs.scan("r")) {
    REQUIRE(event.position == ++seq);
    const std::string text(event.text());
    const std::string writer = text.substr(0, text.find(' '));
    const int place = std::stoi(text.substr(text.find(' ')));
    REQUIRE(place == seen[writer]++);
    if (place % 2 == 1) REQUIRE(writer == last_writer);
    last_writer = writer;
  }
  CHECK(seen.size() == writers);
  CHECK(seq == writers * static_cast<std::size_t>(appends));
  CHECK(runs.head("r") == seq);
}

// 0, or one more than the code of what was refused.
int append_in_child(const std::string& path, const std::string& writer) {
  try {
    Database db = Database::open(path, {.durability = Durability::normal});
    append_as(db.runs(), writer, kAppends);
    db.close();
    return 0;
  } catch (const Error& error) {
    return static_cast<int>(error.code()) + 1;
  }
}

}  // namespace

TEST_CASE("appends of several threads leave no gap and no duplicate", "[run]") {
  const auto durability = GENERATE(Durability::normal, Durability::full);
  test::TemporaryDatabase db(test::any_ground(), {.durability = durability});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] { append_as(db->runs(), std::to_string(thread), kAppends); });
  }
  for (auto& thread : threads)
    thread.join();
  check_log(db->runs(), 4, kAppends);
}

TEST_CASE("two handles on one file append to one log", "[run]") {
  test::TemporaryDatabase db(test::Ground::file, {.durability = Durability::normal});
  Database second = Database::open(db.file(), {.durability = Durability::normal});
  std::thread other([&] { append_as(second.runs(), "second", kAppends); });
  append_as(db->runs(), "first", kAppends);
  other.join();
  check_log(db->runs(), 2, kAppends);
  CHECK(second.runs().head("r") == db->runs().head("r"));
  second.close();
}

TEST_CASE("of writers that expect one head, exactly one appends", "[run]") {
  test::TemporaryDatabase db(test::any_ground(), {.durability = Durability::normal});
  constexpr std::uint64_t kRounds = 30;
  std::vector<std::thread> threads;
  std::atomic<std::uint64_t> appended = 0;
  std::atomic<int> unexpected = 0;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (std::uint64_t head = 0; head < kRounds;) {
        try {
          head = db->runs().append("r", {"x"}, {.expected_head = head});
          ++appended;
        } catch (const Error& error) {
          if (error.code() != ErrorCode::conflict || error.detail().expected != head) ++unexpected;
          head = error.detail().actual.value_or(kRounds);
        }
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
  CHECK(unexpected == 0);
  CHECK(db->runs().head("r") == appended);
}

TEST_CASE("snapshots and prunes beside appends leave the newest snapshots whole", "[run]") {
  test::TemporaryDatabase db(test::any_ground(), {.durability = Durability::normal});
  std::atomic<bool> done = false;
  std::thread writer([&] {
    append_as(db->runs(), "w", kAppends);
    done = true;
  });
  std::uint64_t saved = 0;
  for (bool last = false; !last;) {
    last = done;
    const std::uint64_t head = db->runs().head("r");
    if (head == 0) continue;
    db->runs().save_snapshot(test::snapshot("r", head, std::to_string(head)));
    saved = head;
    db->runs().prune("r", 2);
    REQUIRE(test::state_of(db->runs().load_latest("r")) == test::State(head, std::to_string(head)));
  }
  writer.join();
  CHECK(saved == kAppends);
  CHECK(db->runs().list("r").size() <= 2);
  check_log(db->runs(), 1, kAppends);
}

TEST_CASE("appends of several processes leave no gap, no duplicate, and nobody is busy", "[run]") {
  test::TemporaryFolder folder;
  const std::string path = folder.file("test.holdfast");
  // Forked while nothing is open in this process; each of them may be the one that makes the file.
  std::vector<std::unique_ptr<test::ChildProcess>> children;
  for (const char* writer : {"first", "second", "third"}) {
    children.push_back(std::make_unique<test::ChildProcess>(
        [&path, writer] { return append_in_child(path, writer); }));
  }
  std::vector<int> results(children.size(), -1);
  std::vector<std::thread> waiters;
  for (std::size_t i = 0; i < children.size(); ++i) {
    waiters.emplace_back([&, i] { results[i] = children[i]->run_to_end(); });
  }
  for (auto& waiter : waiters)
    waiter.join();
  REQUIRE(results == std::vector<int>(children.size(), 0));

  Database db = Database::open(path);
  check_log(db.runs(), children.size(), kAppends);
  db.close();
}

}  // namespace holdfast
