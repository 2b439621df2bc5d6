// Writers, a pruner and a checkpointer, each a process, killed in the middle of whatever they do, again
// and again on the same file. The parent is the ledger: it has what they acknowledged through a pipe, and never
// has the file open while they live.
#include "engine/folder.hpp"
#include "harness/scale.hpp"
#include "holdfast/maintain.hpp"
#include "process/pipe.hpp"
#include "process/steps.hpp"
#include "support/random.hpp"

#include <array>
#include <chrono>
#include <cstring>
#include <iostream>
#include <map>

using namespace holdfast;
using test::ChildProcess;
using test::Random;
using test::Steps;

namespace {

constexpr std::uint32_t kProcesses = 2;  // that write
constexpr std::uint32_t kThreads = 2;    // of each
constexpr std::uint32_t kWriters = kProcesses * kThreads;
constexpr std::uint64_t kMostUnderWay = 6;  // steps of a writer that are not yet acknowledged
constexpr std::size_t kRoundsPerFile = 100;
constexpr std::size_t kRoundsPerVerify = 25;
constexpr int kPatienceMs = 60'000;

struct Message {
  enum class Kind : std::uint8_t { step, token, alive, failure };
  Kind kind = Kind::alive;
  std::uint32_t who = 0;  // the writer of a step, the process of a token
  std::uint64_t number = 0;
  std::array<char, 200> text{};
};
using Reports = test::Pipe<Message>;

Steps steps_of(std::uint32_t writer) {
  return Steps("w" + std::to_string(writer));
}
std::string lease_of(std::uint32_t process) {
  return "process " + std::to_string(process);
}

int report_failure(const Reports& reports, const std::string& text) {
  Message message{.kind = Message::Kind::failure};
  std::strncpy(message.text.data(), text.c_str(), message.text.size() - 1);
  reports.send(message);
  return 1;
}

// A child's life. It reports what stops it, which nothing should.
int live(Reports& reports, const std::function<void()>& work) {
  reports.send_only();
  try {
    work();
  } catch (const Error& error) {
    return report_failure(reports, std::string(to_string(error.code())) + ": " + error.what());
  } catch (const std::exception& error) {
    return report_failure(reports, error.what());
  }
  return 0;
}

// Writes steps from `step` on for ever, in every way that there is.
void write_steps(Database& db, std::uint32_t writer, std::uint64_t step, const Reports& reports) {
  struct GivenUp {};
  const Steps steps = steps_of(writer);
  Random random(step * kWriters + writer);
  const auto acknowledge = [&] { reports.send({Message::Kind::step, writer, step++}); };
  while (true) {
    switch (random.below(5)) {
      case 0:
        db.transact([&] { steps.write(db, step); });
        acknowledge();
        break;
      case 1:
        db.transact([&] {
          try {
            db.transact([&] {
              steps.write(db, step);
              throw GivenUp();
            });
          } catch (const GivenUp&) {
            steps.write(db, step);
          }
        });
        acknowledge();
        break;
      case 2:
        db.commit(steps.batch(db, step));
        acknowledge();
        break;
      case 3: {
        std::vector<Ticket> tickets;
        for (std::uint64_t i = 0; i <= random.below(kMostUnderWay); ++i)
          tickets.push_back(db.commit_async(steps.batch(db, step + i)));
        for (const Ticket& ticket : tickets) {
          ticket.wait();
          acknowledge();
        }
        break;
      }
      default:
        try {
          db.transact([&] {
            steps.write(db, step);
            throw GivenUp();
          });
        } catch (const GivenUp&) {
        }
    }
  }
}

// Leases of an earlier life run for 1 ms.
Lease take_lease(const Database& db, std::uint32_t process, const std::string& holder) {
  while (true) {
    if (const auto lease = db.leases().acquire(lease_of(process), holder, 1)) return *lease;
  }
}

void live_as_writer(const std::string& path,
                    const OpenOptions& options,
                    std::uint32_t process,
                    const std::vector<std::uint64_t>& steps,
                    const Reports& reports) {
  Database unfenced = Database::open(path, options);
  const Lease lease = take_lease(unfenced, process, std::to_string(getpid()));
  reports.send({Message::Kind::token, process, lease.token});
  Database db = unfenced.with_fence(lease.fence());
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, writer = process * kThreads + t] {
      try {
        write_steps(db, writer, steps[writer] + 1, reports);
      } catch (const std::exception& error) {
        report_failure(reports, error.what());
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
}

// More than one slice frees.
void prune_many(Database& db) {
  auto store = db.checkpoints();
  db.transact([&] {
    for (std::size_t i = 0; i < 600; ++i)
      store.save("many", {.id = "many " + std::to_string(i), .data = to_bytes("{}")});
  });
  store.prune("many", 1);
}

// Names that come and go use up ids, which must not come again.
void use_up_ids(Database& db) {
  db.transact([&] {
    db.runs().append("scratch", {"{}"});
    db.sessions().append("scratch", "scratch", "{}");
    db.checkpoints().save("scratch", {.id = "scratch", .data = to_bytes("{}")});
  });
  db.transact([&] {
    db.runs().remove("scratch");
    db.sessions().remove_session("scratch");
    db.checkpoints().remove_trace("scratch");
  });
}

void live_as_pruner(const std::string& path, const OpenOptions& options, const Reports& reports) {
  Database db = Database::open(path, options);
  Random random(static_cast<std::uint64_t>(getpid()));
  while (true) {
    const auto writer = static_cast<std::uint32_t>(random.below(kWriters));
    steps_of(writer).prune(db, 1 + random.below(4));
    if (random.one_in(4)) use_up_ids(db);
    if (random.one_in(4)) prune_many(db);
    if (random.one_in(8)) shrink(db);
    reports.send({Message::Kind::alive});
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// The one whose limit is small moves the log of all.
void live_as_checkpointer(const std::string& path, OpenOptions options, const Reports& reports) {
  options.wal_checkpoint_bytes = 32 << 10;
  Database db = Database::open(path, options);
  for (std::uint64_t tick = 0;; ++tick) {
    db.state("ticks").put("tick", std::to_string(tick));
    reports.send({Message::Kind::alive});
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// What has been acknowledged of one file, and what was seen of it.
class Ledger {
 public:
  void note(const Message& message) {
    switch (message.kind) {
      case Message::Kind::step:
        REQUIRE(message.number == acknowledged_[message.who] + 1);
        ++acknowledged_[message.who];
        break;
      case Message::Kind::token:
        // Each life is another holder.
        REQUIRE(message.number > tokens_[message.who]);
        tokens_[message.who] = message.number;
        break;
      case Message::Kind::failure:
        FAIL(message.text.data());
        break;
      case Message::Kind::alive:
        break;
    }
  }

  void check(Database& db, bool everything) {
    for (std::uint32_t writer = 0; writer < kWriters; ++writer) {
      std::uint64_t& known = acknowledged_[writer];
      const auto found = steps_of(writer).check(db, everything ? 0 : seen_[writer]);
      REQUIRE(found >= known);
      REQUIRE(found <= known + kMostUnderWay);
      known = seen_[writer] = found;
    }
    for (std::uint32_t process = 0; process < kProcesses; ++process) {
      const auto lease = db.leases().find(lease_of(process));
      REQUIRE((lease ? lease->token : 0) >= tokens_[process]);
      if (lease) tokens_[process] = lease->token;
    }
    if (everything) check_soundness(db);
    // And it takes writes.
    db.state("parent").put("seen", std::to_string(++checks_));
  }

  // While nobody has the file open.
  void check_ids(const std::string& path) {
    test::PlainSqlite file(path);
    for (const auto& row : file.rows("SELECT name, seq FROM sqlite_sequence")) {
      std::int64_t& highest = ids_[row[0].value()];
      const std::int64_t now = std::stoll(row[1].value());
      CAPTURE(row[0].value());
      REQUIRE(now >= highest);
      highest = now;
    }
  }

  [[nodiscard]] const std::vector<std::uint64_t>& steps() const { return acknowledged_; }
  [[nodiscard]] std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t steps : acknowledged_)
      sum += steps;
    return sum;
  }

 private:
  static void check_soundness(const Database& db) {
    const VerifyReport report = verify(db);
    for (const Finding& finding : report.findings)
      UNSCOPED_INFO(finding.place << ": " << finding.what);
    REQUIRE(report.sound());
  }

  std::vector<std::uint64_t> acknowledged_ = std::vector<std::uint64_t>(kWriters);
  std::vector<std::uint64_t> seen_ = std::vector<std::uint64_t>(kWriters);
  std::array<std::uint64_t, kProcesses> tokens_{};
  std::map<std::string, std::int64_t> ids_;
  std::uint64_t checks_ = 0;
};

// One file through many lives of its processes.
class Killing {
 public:
  explicit Killing(Random& random) : random_(random) {}

  void round(std::size_t number) {
    CAPTURE(number);
    live_and_die();
    while (random_.one_in(4))
      die_in_recovery();
    Database db = Database::open(path());
    ledger_.check(db, number % kRoundsPerVerify == 0);
    db.close();
    ledger_.check_ids(path());
  }

  [[nodiscard]] std::uint64_t processes() const { return processes_; }
  [[nodiscard]] std::uint64_t steps() const { return ledger_.total(); }

 private:
  using Children = std::vector<std::unique_ptr<ChildProcess>>;

  [[nodiscard]] std::string path() const { return folder_.file("app.holdfast"); }

  Children make_children(Reports& reports) {
    const OpenOptions options{
        .durability = random_.one_in(2) ? Durability::full : Durability::normal,
        .committer_thread = true};
    Children children;
    const auto add = [&](const std::function<void()>& work) {
      children.push_back(
          std::make_unique<ChildProcess>([&reports, work] { return live(reports, work); }));
    };
    for (std::uint32_t p = 0; p < kProcesses; ++p)
      add([&, p] { live_as_writer(path(), options, p, ledger_.steps(), reports); });
    add([&] { live_as_pruner(path(), options, reports); });
    add([&] { live_as_checkpointer(path(), options, reports); });
    return children;
  }

  void live_and_die() {
    Reports reports;
    Children children = make_children(reports);
    for (const auto& child : children)
      child->start();
    reports.receive_only();
    await_moment(reports);
    // Now and then one dies first, and the others have to go on.
    std::swap(children.front(), random_.pick(children));
    kill(*children.front());
    if (random_.one_in(3)) await_steps(reports, 1 + random_.below(8));
    for (std::size_t i = 1; i < children.size(); ++i)
      kill(*children[i]);
    while (const auto message = reports.receive(0))
      ledger_.note(*message);
    REQUIRE(ended_ == 0);
  }

  // Mostly among the steps; sometimes while the file is being opened, made, or recovered.
  void await_moment(const Reports& reports) {
    if (!random_.one_in(6)) await_steps(reports, 1 + random_.below(24));
    std::this_thread::sleep_for(std::chrono::microseconds(random_.below(4000)));
  }

  void await_steps(const Reports& reports, std::size_t left) {
    while (left > 0) {
      const auto message = reports.receive(kPatienceMs);
      if (!message) FAIL("nobody has written for a minute");
      ledger_.note(*message);
      if (message->kind == Message::Kind::step) --left;
    }
  }

  // Opening what the killed have left behind recovers the log.
  void die_in_recovery() {
    ChildProcess child([&] {
      const Database db = Database::open(path());
      std::this_thread::sleep_for(std::chrono::seconds(10));
      return 0;
    });
    child.start();
    std::this_thread::sleep_for(std::chrono::microseconds(random_.below(4000)));
    kill(child);
  }

  void kill(ChildProcess& child) {
    if (child.kill() != -1) ++ended_;
    ++processes_;
  }

  Random& random_;
  test::TemporaryFolder folder_;
  Ledger ledger_;
  std::uint64_t processes_ = 0;
  std::uint64_t ended_ = 0;  // by themselves, which none should
};

}  // namespace

TEST_CASE("whatever is killed, at any moment and again, loses nothing that it acknowledged") {
  Random random;
  INFO(random);
  const std::size_t rounds = test::scaled(500);
  std::uint64_t processes = 0;
  std::uint64_t steps = 0;
  for (std::size_t done = 0; done < rounds;) {
    Killing file(random);
    for (std::size_t i = 0; i < kRoundsPerFile && done < rounds; ++i)
      file.round(++done);
    processes += file.processes();
    steps += file.steps();
  }
  std::cout << rounds << " kills of " << processes << " processes, " << steps
            << " steps over five stores, 0 violations\n";
}
