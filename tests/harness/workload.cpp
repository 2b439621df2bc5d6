#include "harness/workload.hpp"

#include "harness/steps.hpp"

#include <array>
#include <stdexcept>
#include <utility>

namespace holdfast::test {

namespace {

constexpr std::int64_t kBegin = 1'767'225'600'000'000;  // 2026-01-01 in microseconds
constexpr std::int64_t kStepUs = 1'000'000;

constexpr std::array kSteps = {
    NamedStep{"save a checkpoint", save_checkpoint, 4},
    NamedStep{"save a large checkpoint", save_large_checkpoint, 1},
    NamedStep{"remove a checkpoint", remove_checkpoint, 2},
    NamedStep{"prune checkpoints", prune_checkpoints, 2},
    NamedStep{"prune many checkpoints", prune_many_checkpoints, 1},
    NamedStep{"remove many entries", remove_many_entries, 1},
    NamedStep{"append an entry", append_entry, 4},
    NamedStep{"append entries", append_entries, 3},
    NamedStep{"create or remove a segment", create_segment, 2},
    NamedStep{"append a trace entry", append_trace, 3},
    NamedStep{"truncate a segment", truncate_segment, 4},
    NamedStep{"remove from sessions", remove_from_sessions, 2},
    NamedStep{"write a pod", write_pod, 2},
    NamedStep{"append events", append_events, 4},
    NamedStep{"an event with its snapshot", event_with_snapshot, 4},
    NamedStep{"a snapshot of an older event", older_snapshot, 2},
    NamedStep{"prune a run", prune_run, 2},
    NamedStep{"save a manifest", save_manifest, 4},
    NamedStep{"save a manifest from a stream", save_manifest_from_stream, 1},
    NamedStep{"update a manifest", update_manifest, 2},
    NamedStep{"save an orphan", save_orphan, 2},
    NamedStep{"prune manifests", prune_manifests, 2},
    NamedStep{"put state", put_state, 5},
    NamedStep{"put many", put_many, 3},
    NamedStep{"remove a key", remove_key, 3},
    NamedStep{"checkpoint a state", checkpoint_state, 3},
    NamedStep{"restore a state", restore_state, 3},
    NamedStep{"drop a state checkpoint", drop_state_checkpoint, 2},
    NamedStep{"import a snapshot", import_state, 1},
    NamedStep{"work on a lease", work_on_lease, 4},
    NamedStep{"commit a batch", commit_batch, 5},
    NamedStep{"transact over all", transact_over_all, 5},
    NamedStep{"transact with a failing part", transact_with_failing_part, 5},
    NamedStep{"transact at full", transact_at_full, 2, true},
};

const NamedStep& pick(Random& random) {
  std::size_t total = 0;
  for (const auto& step : kSteps)
    total += step.weight;
  std::size_t left = random.below(total);
  for (const auto& step : kSteps) {
    if (left < step.weight) return step;
    left -= step.weight;
  }
  return kSteps.back();
}

struct GivenUp : std::runtime_error {
  GivenUp() : std::runtime_error("given up") {}
};

// A little in each store, all of it of this step. What grows is cut in the same transaction.
void write_everywhere(StepInput& in) {
  auto runs = in.db.runs();
  const auto text = std::to_string(in.number);
  if (runs.head("all") > 5) runs.remove("all");
  const auto head = runs.append("all", {in.json()});
  runs.save_snapshot({"all", head, to_bytes(text)});
  in.db.sessions().append("all", "all-segment", in.json());
  if (in.db.sessions().read_entry_count("all", "all-segment") > 5)
    in.db.sessions().truncate("all", "all-segment", 1);
  in.db.checkpoints().save("all", {in.fresh("all"), to_bytes(text), in.number, 0});
  in.db.checkpoints().prune("all", 2);
  in.db.manifests("all", {.max_retained = 2})
      .save_with_state(Manifest(in.number + 1, in.number + 1, 1), text);
  in.db.state("all").partition({"operator", 0, 0}).put("step", text);
}

}  // namespace

std::string StepInput::payload() {
  const auto sizes = random.below(24);
  const auto size = sizes == 0  ? 70'000
                    : sizes < 4 ? 1'500 + random.below(2'000)
                                : random.below(200);
  std::string bytes = std::to_string(number) + "/" + random.bytes(random.below(40));
  bytes.resize(bytes.size() + size, static_cast<char>('a' + number % 26));
  return bytes;
}

std::string StepInput::json() {
  return R"({"kind":"user_input","ts":)" + std::to_string(number) + R"(,"turn_count":)" +
         std::to_string(random.below(9)) + R"(,"text":")" +
         std::string(random.below(120), static_cast<char>('a' + number % 26)) + R"("})";
}

void commit_batch(StepInput& in) {
  Batch batch;
  const auto text = std::to_string(in.number);
  const bool cuts = in.db.runs().head("batch") > 8;
  batch.append("batch", "batch-segment", in.json())
      .put(in.db.state("all"), in.name("key"), in.payload())
      .remove(in.db.state("all"), in.name("key"))
      .save("batch", {in.name("batch"), to_bytes(text), in.number, 0})
      .save_with_state(in.db.manifests("batch", {.max_retained = 2}),
                       Manifest(in.number + 1, in.number + 1, 1),
                       {text, in.payload()});
  if (!cuts) batch.append_events("batch", {in.json(), in.json()});
  in.db.commit(batch);
}

void transact_over_all(StepInput& in) {
  in.db.transact([&] { write_everywhere(in); });
}

void transact_with_failing_part(StepInput& in) {
  in.db.transact([&] {
    in.db.state("parts").put("before", in.json());
    try {
      in.db.transact([&] {
        write_everywhere(in);
        throw GivenUp();
      });
    } catch (const GivenUp&) {
      in.db.state("parts").put("after", in.json());
    }
    // A refused call undoes only itself.
    try {
      in.db.state("parts").restore(in.number);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::not_found) throw;
    }
    if (in.db.sessions().exists("batch", "batch-segment"))
      in.db.sessions().truncate("batch", "batch-segment", 0);
    if (in.db.runs().head("batch") > 8) in.db.runs().remove("batch");
  });
}

void transact_at_full(StepInput& in) {
  in.db.transact([&] { write_everywhere(in); }, {.durability = Durability::full});
}

Workload::Workload(std::uint64_t seed) : seed_(seed), time_(std::make_shared<Time>()) {
  time_->now_us = kBegin;
}

OpenOptions Workload::options(OpenOptions base) const {
  base.clock = [time = time_] { return time->now_us.load(); };
  base.random = [random = std::make_shared<std::atomic<std::uint64_t>>(0)] {
    return Random((*random)++).next();
  };
  return base;
}

Random Workload::random_of(std::uint64_t i) const {
  Random mixed(seed_ + i * 0x9e37'79b9ULL);
  return Random(mixed.next());
}

void Workload::step(Database& db, std::uint64_t i) const {
  time_->now_us = kBegin + static_cast<std::int64_t>(i) * kStepUs;
  Random random = random_of(i);
  const NamedStep& step = pick(random);
  StepInput input{db, random, i};
  step.run(input);
}

const char* Workload::name_of(std::uint64_t i) const {
  Random random = random_of(i);
  return pick(random).name;
}

bool Workload::is_full(std::uint64_t i) const {
  Random random = random_of(i);
  return pick(random).full;
}

}  // namespace holdfast::test
