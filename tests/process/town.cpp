#include "process/town.hpp"

#include "holdfast/maintain.hpp"

#include <filesystem>
#include <optional>
#include <thread>
#include <utility>
#include <unistd.h>

namespace holdfast::test {

namespace {

struct GivenUp {};

OpenOptions options_of(std::size_t slot) {
  return {.durability = slot % 2 == 0 ? Durability::full : Durability::normal,
          .busy_timeout_ms = 120'000,  // a stopped process may have the turn
          .committer_thread = true};
}

void pause(std::int64_t us) {
  std::this_thread::sleep_for(std::chrono::microseconds(us));
}

Action action_of(Action::Kind kind,
                 std::size_t which = 0,
                 std::uint64_t value = 0,
                 std::uint64_t expected = 0) {
  Action action;
  action.kind = kind;
  action.which = which;
  action.value = value;
  action.expected = expected;
  return action;
}

// Notes the call, makes it, notes the answer.
class Witness {
 public:
  explicit Witness(Journal& journal) : journal_(journal) {}

  // An id that no other action of the town has.
  [[nodiscard]] std::uint64_t next_id(std::size_t slot) const {
    return (slot + 1) * 1'000'000 + journal_.begun.load();
  }
  // `call` may set action.seen and action.value.
  bool act(Action action, const std::function<void(Action&)>& call) {
    const std::uint64_t index = journal_.begun.load();
    if (index >= Journal::kRoom) return false;
    Action& noted = journal_.actions[index];
    noted = action;
    noted.call = town_time();
    journal_.begun.store(index + 1);
    call(noted);
    std::atomic_ref<std::int64_t>(noted.response).store(town_time());
    return true;
  }

 private:
  Journal& journal_;
};

class Writer {
 public:
  Writer(Town& town, Database db, std::size_t slot)
      : town_(town),
        db_(std::move(db)),
        slot_(slot),
        witness_(town.journals[slot]),
        random_(town.random_of_a_life()) {
    // What an earlier life has committed last may not have been acknowledged.
    step_ = steps_in_town(slot).check(db_, Journal::kRoom);
  }

  void act() {
    switch (random_.below(8)) {
      case 0:
      case 1:
        return append();
      case 2:
      case 3:
        return transfer();
      case 4:
        return lead();
      case 5:
        return write_step();
      default:
        return use_register();
    }
  }

 private:
  void append() {
    const std::uint64_t id = witness_.next_id(slot_);
    const std::string entry = R"({"id":)" + std::to_string(id) + "}";
    witness_.act(action_of(Action::Kind::append, 0, id), [&](Action& action) {
      switch (random_.below(3)) {
        case 0:
          action.seen = db_.sessions().append("ledger", "ledger", entry);
          break;
        case 1:
          db_.transact([&] { action.seen = db_.sessions().append("ledger", "ledger", entry); });
          break;
        default:
          commit(Batch().append("ledger", "ledger", entry));
      }
    });
    town_.acknowledged_appends.fetch_add(1);
  }

  void transfer() {
    const std::size_t from = random_.below(kTownAccounts);
    const std::size_t to = random_.below(kTownAccounts);
    const auto amount = static_cast<std::int64_t>(random_.below(100));
    if (random_.one_in(4)) give_up([&] { move(from, to, amount); });
    witness_.act(action_of(Action::Kind::transfer), [&](Action&) {
      db_.transact([&] {
        if (random_.one_in(4)) give_up([&] { move(to, from, amount); });
        move(from, to, amount);
      });
    });
  }
  void move(std::size_t from, std::size_t to, std::int64_t amount) {
    add("balance ", from, -amount);
    add("transfers ", from, 1);
    if (random_.one_in(20)) pause(2000);  // a moment to be stopped or killed in
    add("balance ", to, amount);
    add("transfers ", to, 1);
    db_.runs().append("transfers", {R"({"amount":)" + std::to_string(amount) + "}"});
  }
  void add(const std::string& what, std::size_t account, std::int64_t amount) {
    db_.state("bank").update(what + std::to_string(account), [&](const std::optional<Bytes>& now) {
      const std::int64_t had = now ? std::stoll(std::string(as_text(*now))) : 0;
      return to_bytes(std::to_string(had + amount));
    });
  }
  template <class Function>
  void give_up(const Function& function) {
    try {
      db_.transact([&] {
        function();
        throw GivenUp();
      });
    } catch (const GivenUp&) {
    }
  }

  // Short leases, and holders that are too slow.
  void lead() {
    constexpr std::int64_t kLeaseMs = 2;
    witness_.act(action_of(Action::Kind::led), [&](Action& action) {
      const auto lease = db_.leases().acquire("leader", std::to_string(getpid()), kLeaseMs);
      if (!lease) return;
      action.value = lease->token;
      if (random_.one_in(3)) pause(static_cast<std::int64_t>(random_.below(8000)));
      const std::string entry = R"({"token":)" + std::to_string(lease->token) + "}";
      try {
        db_.with_fence(lease->fence()).sessions().append("led", "led", entry);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::fenced) throw;
        town_.fenced.fetch_add(1);
      }
    });
  }

  void write_step() {
    const Steps steps = steps_in_town(slot_);
    const std::uint64_t step = step_ + 1;
    if (random_.one_in(2)) {
      db_.transact([&] { steps.write(db_, step); });
    } else {
      commit(steps.batch(db_, step));
    }
    step_ = step;
    town_.acknowledged_steps[slot_].store(step);
  }

  void use_register() {
    const std::size_t which = random_.below(kTownRegisters);
    switch (random_.below(3)) {
      case 0:
        witness_.act(action_of(Action::Kind::read, which),
                     [&](Action& action) { known_[which] = action.seen = read(which); });
        break;
      case 1:
        witness_.act(action_of(Action::Kind::write, which, witness_.next_id(slot_)),
                     [&](Action& action) { write(which, known_[which] = action.value); });
        break;
      default:
        witness_.act(
            action_of(Action::Kind::compare_and_set, which, witness_.next_id(slot_), known_[which]),
            [&](Action& action) { known_[which] = action.seen = compare_and_set(action); });
    }
  }
  std::uint64_t read(std::size_t which) {
    const StateBackend registers = db_.state("registers");
    if (random_.one_in(2)) return value_of(registers.get(register_name(which)));
    return db_.read([&] { return value_of(registers.get(register_name(which))); });
  }
  void write(std::size_t which, std::uint64_t value) {
    StateBackend registers = db_.state("registers");
    const std::string text = std::to_string(value);
    switch (random_.below(3)) {
      case 0:
        return registers.put(register_name(which), text);
      case 1:
        return db_.transact([&] { registers.put(register_name(which), text); });
      default:
        return commit(Batch().put(registers, register_name(which), text));
    }
  }
  std::uint64_t compare_and_set(const Action& action) {
    StateBackend registers = db_.state("registers");
    const std::string name = register_name(action.which);
    const std::string text = std::to_string(action.value);
    std::uint64_t seen = 0;
    if (random_.one_in(2)) {
      registers.update(name, [&](const std::optional<Bytes>& now) -> std::optional<Bytes> {
        seen = value_of(now);
        return seen == action.expected ? to_bytes(text) : now;
      });
      return seen;
    }
    return db_.transact([&] {
      seen = value_of(registers.get(name));
      if (seen == action.expected) registers.put(name, text);
      return seen;
    });
  }

  void commit(Batch batch) {
    if (random_.one_in(2)) return db_.commit(batch);
    db_.commit_async(std::move(batch)).wait();
  }

  Town& town_;
  Database db_;
  std::size_t slot_;
  Witness witness_;
  Random random_;
  std::uint64_t step_ = 0;
  std::array<std::uint64_t, kTownRegisters> known_{};
};

// What has been acknowledged before a read is in it.
void observe(Town& town, const Database& db, Random& random) {
  const std::uint64_t appended = town.acknowledged_appends.load();
  const std::size_t writer = random.below(kTownWriters);
  const std::uint64_t stepped = town.acknowledged_steps[writer].load();
  check_instant(db);
  if (steps_in_town(writer).check(db, Journal::kRoom) < stepped)
    throw std::logic_error("an acknowledged step is not there");
  const auto last = db.sessions().exists("ledger", "ledger")
                        ? db.sessions().tail("ledger", "ledger", 5)
                        : std::vector<LogEntry>();
  if ((last.empty() ? 0 : last.back().position + 1) < appended)
    throw std::logic_error("an acknowledged entry is not there");
  for (std::size_t i = 1; i < last.size(); ++i) {
    if (last[i].position != last[i - 1].position + 1)
      throw std::logic_error("the ledger has a hole");
  }
}

// It cannot make the file, and has to wait until somebody else has.
Database open_read_only(const std::string& path) {
  OpenOptions options = options_of(0);
  options.read_only = true;
  while (true) {
    try {
      return Database::open(path, options);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::not_found && error.code() != ErrorCode::read_only) throw;
    }
    pause(1000);
  }
}

void inspect_copy(const std::string& copy) {
  const Database db = Database::open(copy);
  check_instant(db);
  for (std::size_t writer = 0; writer < kTownWriters; ++writer)
    steps_in_town(writer).check(db);
  if (!verify(db).sound()) throw std::logic_error("a backup is not sound");
}

}  // namespace

void live_as_writer(Town& town, const std::string& path, std::size_t writer) {
  Writer life(town, Database::open(path, options_of(writer)), writer);
  while (town.journals[writer].begun.load() < kTownWriterActions)
    life.act();
}

void live_as_reader(Town& town, const std::string& path, std::size_t reader) {
  const Database db = reader == 0 ? open_read_only(path) : Database::open(path, options_of(reader));
  Witness witness(town.journals[kTownWriters + reader]);
  Random random = town.random_of_a_life();
  while (!town.over) {
    observe(town, db, random);
    town.observations.fetch_add(1);
    for (std::size_t i = 0; i < kTownRegisters / 2; ++i) {
      const std::size_t which = random.below(kTownRegisters);
      witness.act(action_of(Action::Kind::read, which), [&](Action& action) {
        action.seen = value_of(db.state("registers").get(register_name(which)));
      });
    }
    pause(3000);
  }
}

void live_as_pruner(Town& town, const std::string& path) {
  Database db = Database::open(path, options_of(0));
  Random random = town.random_of_a_life();
  while (!town.over) {
    steps_in_town(random.below(kTownWriters)).prune(db, 1 + random.below(5));
    if (random.one_in(8)) shrink(db);
    pause(2000);
  }
}

void live_as_checkpointer(Town& town, const std::string& path) {
  OpenOptions options = options_of(1);
  options.wal_checkpoint_bytes = 64 << 10;
  Database db = Database::open(path, options);
  for (std::uint64_t tick = 0; !town.over; ++tick) {
    db.state("ticks").put("tick", std::to_string(tick));
    pause(2000);
  }
}

void live_as_backup(Town& town, const std::string& path) {
  const Database db = Database::open(path, options_of(1));
  for (std::uint64_t number = 0; !town.over; ++number) {
    const std::string copy =
        path + ".copy-" + std::to_string(getpid()) + "-" + std::to_string(number);
    backup(db, copy, {.pages_per_step = 32});
    inspect_copy(copy);
    std::filesystem::remove(copy);
    town.observations.fetch_add(1);
    pause(20'000);
  }
}

}  // namespace holdfast::test
