// An agent that cannot lose its place: each of its steps is one transaction over all five stores, so that
// whenever the process dies, what it finds when it starts again is the last whole step.
//
//   agent DATABASE STEPS [--delay-ms N]   works until STEPS steps are done, in all; goes on where it was
//   agent DATABASE --check                shows what is stored, and whether it agrees
//
// It prints "step N committed" when the step is durable, not before. Kill it with SIGKILL and start it
// again. Exit status: 0, 1 (an error), 2 (wrong arguments), 3 (the stores do not agree on one step).
#include <holdfast/holdfast.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace {

using namespace std::chrono;

constexpr const char* kName = "agent";  // of its run, session, segment, trace, state and stream
constexpr std::uint64_t kSnapshotEvery = 5;
constexpr std::size_t kKeptCheckpoints = 10;

// What the agent knows. A real one has a conversation, a plan, results of tools; this one adds up.
struct Memory {
  std::uint64_t step = 0;
  std::uint64_t total = 0;

  bool operator==(const Memory&) const = default;
  void apply(std::uint64_t number) {
    ++step;
    total += number;
  }
  std::string to_text() const { return std::to_string(step) + " " + std::to_string(total); }
  static Memory from_text(std::string_view text) {
    const std::string copy(text);
    char* rest = nullptr;
    const std::uint64_t step = std::strtoull(copy.c_str(), &rest, 10);
    return {step, std::strtoull(rest, nullptr, 10)};
  }
};

class Agent {
 public:
  explicit Agent(holdfast::Database database)
      : database_(std::move(database)),
        counters_(database_.state(kName).partition({kName, 0, 0})) {}

  // The last whole step; nullopt if the stores tell different stories. `out` gets what each says.
  std::optional<Memory> recall(std::ostream& out) {
    // One instant of the whole file: another process may be at work in it.
    return database_.read([&] {
      const auto checkpoint = database_.checkpoints().load_latest(kName);
      const auto state = counters_.get("memory");
      const auto manifest = database_.manifests(kName).load_latest();
      const bool logged = database_.sessions().exists(kName, kName);
      const std::uint64_t entries =
          logged ? database_.sessions().read_entry_count(kName, kName) : 0;
      const Memory replayed = replay();
      const Memory saved =
          checkpoint ? Memory::from_text(holdfast::as_text(checkpoint->data)) : Memory();
      const Memory kept = state ? Memory::from_text(holdfast::as_text(*state)) : Memory();
      const std::uint64_t marked = manifest ? manifest->checkpoint_id() : 0;
      out << "run         step " << replayed.step << ", total " << replayed.total << "\n"
          << "checkpoint  step " << saved.step << ", total " << saved.total << "\n"
          << "state       step " << kept.step << ", total " << kept.total << "\n"
          << "session     " << entries << " entries\n"
          << "manifest    of step " << marked << "\n";
      const bool agree = saved == replayed && kept == replayed && entries == replayed.step &&
                         marked == replayed.step - replayed.step % kSnapshotEvery;
      return agree ? std::optional(replayed) : std::nullopt;
    });
  }

  // One step: all of it, or nothing.
  void work(Memory& memory) {
    const std::uint64_t result = memory.step * 7 % 100;  // what the model, or a tool, said
    const auto now = system_clock::now().time_since_epoch();
    Memory next = memory;
    next.apply(result);
    const std::string number = std::to_string(result);
    const std::string event = R"({"StateUpdated":{"step_id":"step-)" + std::to_string(next.step) +
                              R"(","payload":{"result":)" + number + "}}}";
    const std::string entry = R"({"kind":"assistant_item","ts":)" +
                              std::to_string(duration_cast<milliseconds>(now).count()) +
                              R"(,"item":{"type":"message","text":")" + number + "\"}}";
    const holdfast::Bytes bytes = holdfast::to_bytes(next.to_text());
    database_.transact([&] {
      // The expected head: if a second agent works on the same run, one of them is a conflict.
      database_.runs().append(kName, {event}, {.expected_head = memory.step});
      database_.sessions().append(kName, kName, entry);
      counters_.put("memory", bytes);
      database_.checkpoints().save(kName,
                                   {.id = "step-" + std::to_string(next.step),
                                    .data = bytes,
                                    .created_at_ns = duration_cast<nanoseconds>(now).count()});
      database_.checkpoints().prune(kName, kKeptCheckpoints);
      if (next.step % kSnapshotEvery == 0) snapshot(next, bytes, now);
    });
    memory = next;  // it is committed: now it may be believed
  }

 private:
  // The newest snapshot and the events after it.
  Memory replay() {
    Memory memory;
    if (const auto snapshot = database_.runs().load_latest(kName)) {
      memory = Memory::from_text(holdfast::as_text(snapshot->state));
    }
    constexpr std::string_view kResult = "\"result\":";
    database_.runs().for_each(kName, memory.step + 1, [&](const holdfast::LogEntry& event) {
      const std::string text(event.text());
      memory.apply(std::strtoull(text.c_str() + text.find(kResult) + kResult.size(), nullptr, 10));
    });
    return memory;
  }

  void snapshot(const Memory& memory, const holdfast::Bytes& bytes, nanoseconds now) {
    database_.runs().save_snapshot({kName, memory.step, bytes});
    const auto ms = static_cast<std::uint64_t>(duration_cast<milliseconds>(now).count());
    database_.manifests(kName, {.max_retained = kKeptCheckpoints})
        .save_with_state(holdfast::Manifest(memory.step, memory.step, ms), bytes);
  }

  holdfast::Database database_;
  holdfast::StatePartition counters_;
};

int run(const std::string& path, std::uint64_t steps, milliseconds delay) {
  Agent agent(holdfast::Database::open(path));
  std::optional<Memory> memory = agent.recall(std::clog);
  if (!memory) {
    std::cerr << "agent: the stores do not agree on one step\n";
    return 3;
  }
  if (memory->step > 0) {
    std::cout << "resuming after step " << memory->step << std::endl;
  }
  while (memory->step < steps) {
    agent.work(*memory);
    std::cout << "step " << memory->step << " committed"
              << std::endl;  // flushed: somebody waits for it
    std::this_thread::sleep_for(delay);
  }
  std::cout << "all " << memory->step << " steps are done, total " << memory->total << std::endl;
  return 0;
}

int check(const std::string& path) {
  Agent agent(holdfast::Database::open(path, {.create = false}));
  const bool agree = agent.recall(std::cout).has_value();
  std::cout << (agree ? "they agree" : "they do not agree") << std::endl;
  return agree ? 0 : 3;
}

std::optional<std::uint64_t> to_number(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? std::optional(std::strtoull(text.c_str(), nullptr, 10)) : std::nullopt;
}

}  // namespace

int main(int count, char** values) {
  const std::string second = count > 2 ? values[2] : "";
  const auto steps = to_number(second);
  const bool delayed = count == 5 && std::string_view(values[3]) == "--delay-ms";
  const auto delay_ms = delayed ? to_number(values[4]) : std::optional<std::uint64_t>(0);
  try {
    if (count == 3 && second == "--check") return check(values[1]);
    if (steps && delay_ms && (count == 3 || delayed)) {
      return run(values[1], *steps, milliseconds(*delay_ms));
    }
  } catch (const std::exception& error) {
    std::cerr << "agent: " << error.what() << "\n";
    return 1;
  }
  std::cerr << "usage: agent DATABASE STEPS [--delay-ms N]\n       agent DATABASE --check\n";
  return 2;
}
