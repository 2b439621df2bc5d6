// Random operations on the store and on a model of it: a list of events and a map of snapshots per run.
#include "holdfast/error.hpp"
#include "run/run_cases.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <algorithm>
#include <map>

namespace holdfast {

namespace {

using test::require_error;
using test::State;
using test::state_of;

struct ModelRun {
  std::uint64_t first_seq = 1;
  std::vector<std::string> events = {};
  std::map<std::uint64_t, std::string> snapshots = {};

  std::uint64_t head() const { return events.empty() ? 0 : first_seq + events.size() - 1; }
  bool exists() const { return !events.empty() || !snapshots.empty(); }
};

class Model {
 public:
  Model(test::TemporaryDatabase& db, test::Random& random) : db_(db), random_(random) {}

  void step() {
    name_ = "run " + std::to_string(random_.below(3));
    run_ = &models_[name_];
    switch (random_.below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        append();
        break;
      case 4:
      case 5:
      case 6:
        save_snapshot();
        break;
      case 7:
        prune();
        break;
      case 8:
        scan();
        break;
      case 9:
        load_at();
        break;
      case 10:
        list();
        break;
      default:
        if (random_.one_in(4)) remove();
    }
  }

  void check() {
    auto runs = db_->runs();
    std::vector<std::string> names;
    for (const auto& [name, model] : models_) {
      REQUIRE(runs.head(name) == model.head());
      const auto info = runs.info(name);
      REQUIRE(info.has_value() == model.exists());
      if (!info) continue;
      names.push_back(name);
      REQUIRE(info->snapshots == model.snapshots.size());
      test::Events events;
      for (const auto& event : model.events) {
        events.emplace_back(model.first_seq + events.size(), event);
      }
      REQUIRE(test::events_of(runs.scan(name)) == events);
      const auto latest = state_of(runs.load_latest(name));
      REQUIRE(latest ==
              (model.snapshots.empty() ? State(0, "(none)") : State(*model.snapshots.rbegin())));
    }
    REQUIRE(runs.list_runs() == names);
  }

 private:
  std::size_t any_size() { return random_.one_in(25) ? 100'000 : random_.below(200); }

  void append() {
    std::vector<std::string> events(random_.below(4));
    for (auto& event : events)
      event = random_.bytes(any_size());
    RunAppendOptions options;
    if (random_.one_in(3)) options.expected_head = run_->head() + random_.below(2);
    if (random_.one_in(3)) options.first_seq = next_seq() + random_.below(2);

    const bool refused =
        (options.expected_head && *options.expected_head != run_->head()) ||
        (has_next_seq() && options.first_seq.value_or(default_seq()) != next_seq());
    if (refused) {
      require_error(ErrorCode::conflict, [&] { db_->runs().append(name_, events, options); });
      return;
    }
    if (run_->events.empty() && !events.empty()) run_->first_seq = options.first_seq.value_or(1);
    run_->events.insert(run_->events.end(), events.begin(), events.end());
    REQUIRE(db_->runs().append(name_, events, options) == run_->head());
  }
  // Is there but one number that the next event can have, and which? And which is it if none is given?
  bool has_next_seq() const { return run_->exists(); }
  std::uint64_t next_seq() const {
    if (!run_->events.empty()) return run_->head() + 1;
    return run_->snapshots.empty() ? 1 : run_->snapshots.rbegin()->first + 1;
  }
  std::uint64_t default_seq() const { return run_->events.empty() ? 1 : run_->head() + 1; }

  void save_snapshot() {
    const std::uint64_t bound = run_->events.empty() ? 20 : run_->head() + 2;
    const Snapshot snapshot =
        test::snapshot(name_, random_.below(bound), random_.bytes(any_size()));
    if (!run_->events.empty() && snapshot.at_seq > run_->head()) {
      require_error(ErrorCode::invalid_argument, [&] { db_->runs().save_snapshot(snapshot); });
      return;
    }
    db_->runs().save_snapshot(snapshot);
    run_->snapshots[snapshot.at_seq] = as_text(snapshot.state);
  }

  void prune() {
    const std::size_t keep = random_.below(6);
    const std::size_t count = run_->snapshots.size();
    const std::size_t excess = count > keep ? count - keep : 0;
    REQUIRE(db_->runs().prune(name_, keep) == excess);
    for (std::size_t i = 0; i < excess; ++i)
      run_->snapshots.erase(run_->snapshots.begin());
    forget_if_gone();
  }

  void scan() {
    const std::uint64_t from = random_.below(run_->head() + 3);
    const std::size_t limit = random_.below(5);
    test::Events expected;
    for (std::size_t i = 0; i < run_->events.size() && expected.size() < limit; ++i) {
      if (run_->first_seq + i >= from) expected.emplace_back(run_->first_seq + i, run_->events[i]);
    }
    REQUIRE(test::events_of(db_->runs().scan(name_, from, limit)) == expected);
  }

  void load_at() {
    const std::uint64_t seq = random_.below(25);
    const auto after = run_->snapshots.upper_bound(seq);
    const State expected =
        after == run_->snapshots.begin() ? State(0, "(none)") : State(*std::prev(after));
    REQUIRE(state_of(db_->runs().load_at(name_, seq)) == expected);
  }

  void list() {
    const std::uint64_t before = random_.below(25);
    const std::size_t limit = random_.below(4);
    std::vector<std::uint64_t> expected;
    for (auto it = run_->snapshots.rbegin(); it != run_->snapshots.rend(); ++it) {
      if (it->first < before && expected.size() < limit) expected.push_back(it->first);
    }
    REQUIRE(test::at_seqs(db_->runs().list(name_, {.limit = limit, .before = before})) == expected);
  }

  void remove() {
    REQUIRE(db_->runs().remove(name_) == run_->exists());
    *run_ = {};
  }
  void forget_if_gone() {
    if (!run_->exists()) *run_ = {};
  }

  test::TemporaryDatabase& db_;
  test::Random& random_;
  std::map<std::string, ModelRun> models_;
  std::string name_;
  ModelRun* run_ = nullptr;
};

}  // namespace

TEST_CASE("random operations leave what a list of events and a map of snapshots would hold",
          "[run]") {
  test::Random random;
  INFO(random);
  test::TemporaryDatabase db(test::any_ground(), {.durability = Durability::normal});
  Model model(db, random);
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 15; ++i)
      model.step();
    model.check();
    if (db.ground() == test::Ground::file && random.one_in(10)) db.reopen();
  }
}

}  // namespace holdfast
