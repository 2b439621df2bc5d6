// The owner of a state in write-back mode, killed in the middle of whatever it does, again and again on the
// same file. After each death the state is that of the last commit that was acknowledged, or of the one that
// was under way: whole, with what other stores had in it, and nothing of what had stayed in memory.
#include "engine/folder.hpp"
#include "harness/scale.hpp"
#include "holdfast/maintain.hpp"
#include "process/pipe.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"

#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>

using namespace holdfast;
using test::ChildProcess;
using test::Random;
using test::require_error;

namespace {

constexpr std::size_t kRoundsPerFile = 50;
constexpr std::size_t kRoundsPerVerify = 10;
constexpr int kPatienceMs = 60'000;

const StateOptions kOwner = {.mode = StateMode::write_back, .owner = "job"};

// What step `number` does, the same in every life. Most steps stay in memory.
class Step {
 public:
  explicit Step(std::uint64_t number) : number_(number), random_(number) {
    what_ = random_.below(16);
    key_ = "key " + std::to_string(random_.below(40));
    value_ = std::to_string(number) + std::string(random_.below(200), 'v');
  }

  [[nodiscard]] bool commits() const { return what_ >= 13; }
  [[nodiscard]] bool appends() const { return what_ == 15; }

  void run(Database& db, StateBackend& state) const {
    struct GivenUp {};
    auto entries = state.partition({"op", 1, 0});
    if (what_ < 9) return change(state, entries);
    if (what_ < 12) return remove(state, entries);
    if (what_ == 12) {
      try {
        db.transact([&] {
          state.put("step", "never");
          entries.remove(key_);
          throw GivenUp();
        });
      } catch (const GivenUp&) {
      }
      return change(state, entries);
    }
    if (!appends()) {
      change(state, entries);
      return what_ == 13 ? state.flush() : state.checkpoint(number_);
    }
    db.transact([&] {
      db.runs().append("run", {"{}"});
      change(state, entries);
    });
  }

  void run(std::map<std::string, std::string>& model) const {
    model["step"] = std::to_string(number_);
    if (what_ >= 9 && what_ < 12) {
      model.erase(key_);
    } else {
      model[key_] = value_;
    }
  }

 private:
  void change(StateBackend& state, StatePartition& entries) const {
    entries.put(key_, value_);
    state.put("step", std::to_string(number_));
  }
  void remove(StateBackend& state, StatePartition& entries) const {
    entries.remove(key_);
    state.put("step", std::to_string(number_));
  }

  std::uint64_t number_;
  Random random_;
  std::size_t what_ = 0;
  std::string key_;
  std::string value_;
};

struct Message {
  enum class Kind : std::uint8_t { owner, commit, failure };
  Kind kind = Kind::owner;
  std::uint64_t step = 0;
};
using Reports = test::Pipe<Message>;

int live(Reports& reports, const std::string& path, Durability durability, std::uint64_t step) {
  reports.send_only();
  try {
    auto db = Database::open(path, {.durability = durability});
    auto state = db.state("s", kOwner);
    reports.send({Message::Kind::owner});
    while (true) {
      const Step next(++step);
      next.run(db, state);
      if (next.commits()) reports.send({Message::Kind::commit, step});
    }
  } catch (const std::exception&) {
    reports.send({Message::Kind::failure});
  }
  return 0;
}

// One file through many lives of its owner.
class Killing {
 public:
  explicit Killing(Random& random) : random_(random) {}

  void round(std::size_t number) {
    CAPTURE(number, last_);
    const bool owned = live_and_die();
    auto db = Database::open(path());
    // The dead one still owns the state: for others, but not for itself.
    if (owned) {
      require_error(ErrorCode::conflict, [&] { db.state("s", {.mode = StateMode::write_back}); });
      require_error(ErrorCode::conflict, [&] { db.state("s").put("k", "v"); });
    }
    check(db, random_.one_in(2) ? db.state("s") : db.state("s", kOwner));
    if (number % kRoundsPerVerify == 0) REQUIRE(verify(db).sound());
    if (random_.one_in(3)) db.state("s", kOwner).close();
    db.close();
  }

  [[nodiscard]] std::uint64_t steps() const { return last_; }
  [[nodiscard]] std::uint64_t commits() const { return commits_; }

 private:
  [[nodiscard]] std::string path() const { return folder_.file("app.holdfast"); }

  bool live_and_die() {
    Reports reports;
    const auto durability = random_.one_in(4) ? Durability::full : Durability::normal;
    ChildProcess child([&] { return live(reports, path(), durability, last_); });
    child.start();
    reports.receive_only();
    bool owned = false;
    acknowledged_ = last_;
    const auto note = [&](const Message& message) {
      REQUIRE(message.kind != Message::Kind::failure);
      owned = true;
      if (message.kind != Message::Kind::commit) return;
      acknowledged_ = message.step;
      ++commits_;
    };
    for (std::size_t left = random_.below(20); left > 0; --left) {
      const auto message = reports.receive(kPatienceMs);
      if (!message) FAIL("the owner has done nothing for a minute");
      note(*message);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random_.below(2000)));
    REQUIRE(child.kill() == -1);
    while (const auto message = reports.receive(0))
      note(*message);
    return owned;
  }

  void check(Database& db, const StateBackend& state) {
    const auto found = state.get("step");
    const std::uint64_t step = found ? std::stoull(std::string(as_text(*found))) : 0;
    REQUIRE(step >= acknowledged_);
    std::uint64_t under_way = acknowledged_ + 1;
    while (!Step(under_way).commits())
      ++under_way;
    if (step != acknowledged_) REQUIRE(step == under_way);
    for (; last_ < step; ++last_) {
      const Step done(last_ + 1);
      done.run(model_);
      if (done.appends()) ++appended_;
    }
    std::map<std::string, std::string> entries;
    if (found) entries["step"] = std::string(as_text(*found));
    for (const auto& entry : state.partition({"op", 1, 0}).range_scan(""))
      entries.emplace(as_text(entry.key), as_text(entry.value));
    REQUIRE(entries == model_);
    REQUIRE(db.runs().head("run") == appended_);
    REQUIRE(state.stats().entries == model_.size());
  }

  test::TemporaryFolder folder_;
  Random& random_;
  std::map<std::string, std::string> model_;
  std::uint64_t last_ = 0;  // that the file has
  std::uint64_t acknowledged_ = 0;
  std::uint64_t appended_ = 0;
  std::uint64_t commits_ = 0;
};

}  // namespace

TEST_CASE("after a kill a state in write-back mode is that of the last commit") {
  Random random;
  INFO(random);
  const std::size_t rounds = test::scaled(500);
  std::unique_ptr<Killing> file;
  std::uint64_t steps = 0;
  std::uint64_t commits = 0;
  const auto add = [&] {
    steps += file->steps();
    commits += file->commits();
  };
  for (std::size_t round = 0; round < rounds; ++round) {
    if (round % kRoundsPerFile == 0) {
      if (file) add();
      file = std::make_unique<Killing>(random);
    }
    file->round(round);
  }
  add();
  std::cout << rounds << " kills of an owner, " << steps << " steps, " << commits
            << " commits acknowledged, 0 violations\n";
}
