// Four writers, three readers, a pruner, a checkpointer and a backup, each a process, of which any may be stopped,
// continued or killed at any moment. The parent never has the file open meanwhile.
#include "harness/scale.hpp"
#include "holdfast/maintain.hpp"
#include "process/linearizability.hpp"
#include "process/town.hpp"
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/temporary_folder.hpp"

#include <iostream>
#include <map>
#include <memory>
#include <thread>
#include <vector>

using namespace holdfast;
using test::Action;
using test::ChildProcess;
using test::kTownReaders;
using test::kTownRegisters;
using test::kTownWriterActions;
using test::kTownWriters;
using test::Random;
using test::RegisterOperation;
using test::Town;

namespace {

constexpr std::size_t kProcesses = kTownWriters + kTownReaders + 3;

int live(Town& town, const std::string& path, std::size_t slot) {
  try {
    if (slot < kTownWriters) {
      live_as_writer(town, path, slot);
    } else if (slot < kTownWriters + kTownReaders) {
      live_as_reader(town, path, slot - kTownWriters);
    } else if (slot == kTownWriters + kTownReaders) {
      live_as_pruner(town, path);
    } else if (slot == kTownWriters + kTownReaders + 1) {
      live_as_checkpointer(town, path);
    } else {
      live_as_backup(town, path);
    }
    return 0;
  } catch (const Error& error) {
    town.violate("process " + std::to_string(slot) + ": " + std::string(to_string(error.code())) +
                 ": " + error.what());
  } catch (const std::exception& error) {
    town.violate("process " + std::to_string(slot) + ": " + error.what());
  }
  return 1;
}

// Starts the processes and disturbs them until the writers have done their share.
class Conductor {
 public:
  Conductor(Town& town, std::string path, Random& random)
      : town_(town), path_(std::move(path)), random_(random), children_(kProcesses) {
    for (std::size_t slot = 0; slot < kProcesses; ++slot)
      start(slot);
  }

  void run() {
    while (!finished() && town_.violations == 0) {
      pause(random_.below(20'000));
      const std::size_t slot = random_.below(kProcesses);
      if (random_.one_in(3)) {
        note_end(slot, children_[slot]->kill());
        ++kills;
        start(slot);
      } else {
        children_[slot]->signal(SIGSTOP);
        pause(random_.below(15'000));
        children_[slot]->signal(SIGCONT);
        ++stops;
      }
    }
    town_.over = true;
    for (std::size_t slot = 0; slot < kProcesses; ++slot)
      note_end(slot, children_[slot]->wait());
  }

  std::uint64_t kills = 0;
  std::uint64_t stops = 0;

 private:
  static void pause(std::size_t us) { std::this_thread::sleep_for(std::chrono::microseconds(us)); }
  void start(std::size_t slot) {
    children_[slot] =
        std::make_unique<ChildProcess>([this, slot] { return live(town_, path_, slot); });
    children_[slot]->start();
  }
  // Killed, or done.
  void note_end(std::size_t slot, int code) {
    if (code > 0)
      town_.violate("process " + std::to_string(slot) + " ended with " + std::to_string(code));
  }
  [[nodiscard]] bool finished() const {
    for (std::size_t writer = 0; writer < kTownWriters; ++writer) {
      if (town_.journals[writer].begun < kTownWriterActions) return false;
    }
    return true;
  }

  Town& town_;
  std::string path_;
  Random& random_;
  std::vector<std::unique_ptr<ChildProcess>> children_;
};

// What the processes noted, against what is in the file.
class Reckoning {
 public:
  Reckoning(const Town& town, const Database& db) : town_(town), db_(db) {
    for (const auto& journal : town.journals) {
      for (std::size_t i = 0; i < journal.begun; ++i)
        actions_.push_back(journal.actions[i]);
    }
  }

  void run() {
    test::check_instant(db_);
    check_ledger();
    check_transfers();
    check_registers();
    check_tokens();
    for (std::size_t writer = 0; writer < kTownWriters; ++writer)
      REQUIRE(test::steps_in_town(writer).check(db_) >= town_.acknowledged_steps[writer]);
    REQUIRE(verify(db_).sound());
  }

  [[nodiscard]] std::uint64_t answered() const {
    return static_cast<std::uint64_t>(std::count_if(
        actions_.begin(), actions_.end(), [](const Action& a) { return a.response != 0; }));
  }

 private:
  std::vector<Action> all(Action::Kind kind) const {
    std::vector<Action> found;
    for (const Action& action : actions_) {
      if (action.kind == kind) found.push_back(action);
    }
    return found;
  }
  // The numbers in the entries of a segment, whose positions have no hole.
  std::vector<std::uint64_t> numbers_in(const char* segment) const {
    std::vector<std::uint64_t> numbers;
    for (const LogEntry& entry : db_.sessions().read_all(segment, segment)) {
      REQUIRE(entry.position == numbers.size());
      const std::string text(entry.text());
      numbers.push_back(std::stoull(text.substr(text.find(':') + 1)));
    }
    return numbers;
  }
  // Whoever was called after another one had been answered got no lower number.
  static void check_order(std::vector<Action> actions, std::uint64_t Action::*number) {
    std::vector<Action> by_response = actions;
    std::sort(actions.begin(), actions.end(), [](const Action& a, const Action& b) {
      return a.call < b.call;
    });
    std::sort(by_response.begin(), by_response.end(), [](const Action& a, const Action& b) {
      return a.response < b.response;
    });
    std::uint64_t highest = 0;
    auto before = by_response.begin();
    for (const Action& action : actions) {
      for (; before->response < action.call; ++before)
        highest = std::max(highest, (*before).*number);
      REQUIRE(action.*number >= highest);
    }
  }

  void check_ledger() const {
    const auto ids = numbers_in("ledger");
    std::map<std::uint64_t, std::size_t> places;
    for (std::size_t i = 0; i < ids.size(); ++i)
      REQUIRE(places.emplace(ids[i], i).second);
    std::vector<Action> told;
    for (const Action& action : all(Action::Kind::append)) {
      const auto place = places.find(action.value);
      if (action.response != 0) REQUIRE(place != places.end());
      if (action.response != 0 && action.seen != 0) {
        REQUIRE(action.seen == place->second + 1);
        told.push_back(action);
      }
      if (place != places.end()) places.erase(place);
    }
    REQUIRE(places.empty());
    check_order(told, &Action::seen);
  }

  void check_transfers() const {
    std::uint64_t answered = 0;
    const auto transfers = all(Action::Kind::transfer);
    for (const Action& action : transfers)
      answered += action.response != 0 ? 1 : 0;
    REQUIRE(db_.runs().head("transfers") >= answered);
    REQUIRE(db_.runs().head("transfers") <= transfers.size());
  }

  void check_tokens() const {
    const auto tokens = numbers_in("led");
    REQUIRE(std::is_sorted(tokens.begin(), tokens.end()));
    std::vector<Action> taken;
    for (const Action& action : all(Action::Kind::led)) {
      if (action.response != 0 && action.value != 0) taken.push_back(action);
    }
    REQUIRE_FALSE(taken.empty());
    check_order(taken, &Action::value);
  }

  void check_registers() const {
    for (std::size_t which = 0; which < kTownRegisters; ++which) {
      std::vector<RegisterOperation> history;
      for (const Action& action : actions_) {
        if (action.kind < Action::Kind::read || action.which != which) continue;
        history.push_back(
            {static_cast<RegisterOperation::Kind>(static_cast<int>(action.kind) -
                                                  static_cast<int>(Action::Kind::read)),
             action.call,
             action.response != 0 ? action.response : RegisterOperation::kNever,
             action.seen,
             action.expected,
             action.value});
      }
      const auto now = test::town_time();
      const auto last = test::value_of(db_.state("registers").get(test::register_name(which)));
      history.push_back({RegisterOperation::Kind::read, now, now + 1, last, 0, 0});
      CAPTURE(which, history.size());
      REQUIRE(test::is_linearizable(history, 0));
    }
  }

  const Town& town_;
  const Database& db_;
  std::vector<Action> actions_;
};

}  // namespace

TEST_CASE(
    "processes that are stopped and killed among each other see one history, and lose nothing") {
  Random random;
  INFO(random);
  std::uint64_t operations = 0;
  std::uint64_t observations = 0;
  std::uint64_t fenced = 0;
  std::uint64_t kills = 0;
  std::uint64_t stops = 0;
  for (std::size_t left = test::scaled(10); left > 0; --left) {
    const test::TemporaryFolder folder;
    const std::string path = folder.file("app.holdfast");
    const test::SharedTown town(random.next());
    {
      Conductor conductor(*town, path, random);
      conductor.run();
      kills += conductor.kills;
      stops += conductor.stops;
    }
    INFO(town->violation.data());
    REQUIRE(town->violations == 0);
    const Database db = Database::open(path);
    Reckoning reckoning(*town, db);
    reckoning.run();
    operations += reckoning.answered();
    observations += town->observations;
    fenced += town->fenced;
  }
  std::cout << operations << " operations, " << observations << " observations, " << fenced
            << " fenced, " << kills << " kills, " << stops << " stops, 0 violations\n";
}
