// The steps of the Workload, by what they work on. Each is one transaction.
#pragma once

#include "holdfast/database.hpp"
#include "support/random.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace holdfast::test {

// What a step is given.
struct StepInput {
  Database& db;
  Random random;
  std::uint64_t number;

  // One of a few names: "trace-0" to "trace-2".
  std::string name(const char* kind, std::size_t names = 3) {
    return std::string(kind) + "-" + std::to_string(random.below(names));
  }
  // A name that no other step uses.
  [[nodiscard]] std::string fresh(const char* kind) const {
    return std::string(kind) + "-" + std::to_string(number);
  }
  // Bytes that say which step wrote them. Few are so large that they go to the content tables; those compress
  // well, so that they take a page or two.
  std::string payload();
  // The same as JSON, with what a log looks at in an entry.
  std::string json();
};

struct NamedStep {
  const char* name;
  void (*run)(StepInput&);
  std::size_t weight;
  bool full = false;  // asks for full durability itself
};

// In steps_of_logs.cpp: checkpoints, sessions, runs.
void save_checkpoint(StepInput& in);
void save_large_checkpoint(StepInput& in);
void remove_checkpoint(StepInput& in);
void prune_checkpoints(StepInput& in);
void prune_many_checkpoints(StepInput& in);
void remove_many_entries(StepInput& in);
void append_entry(StepInput& in);
void append_entries(StepInput& in);
void create_segment(StepInput& in);
void append_trace(StepInput& in);
void truncate_segment(StepInput& in);
void remove_from_sessions(StepInput& in);
void write_pod(StepInput& in);
void append_events(StepInput& in);
void event_with_snapshot(StepInput& in);
void older_snapshot(StepInput& in);
void prune_run(StepInput& in);

// In steps_of_state.cpp: manifests, keyed state, leases.
void save_manifest(StepInput& in);
void save_manifest_from_stream(StepInput& in);
void update_manifest(StepInput& in);
void save_orphan(StepInput& in);
void prune_manifests(StepInput& in);
void put_state(StepInput& in);
void put_many(StepInput& in);
void remove_key(StepInput& in);
void checkpoint_state(StepInput& in);
void restore_state(StepInput& in);
void drop_state_checkpoint(StepInput& in);
void import_state(StepInput& in);
void work_on_lease(StepInput& in);

// In workload.cpp: several stores at once.
void commit_batch(StepInput& in);
void transact_over_all(StepInput& in);
void transact_with_failing_part(StepInput& in);
void transact_at_full(StepInput& in);

}  // namespace holdfast::test
