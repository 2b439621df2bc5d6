#include "harness/steps.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

namespace holdfast::test {

namespace {

constexpr std::size_t kKept = 3;
constexpr std::int64_t kHourMs = 3'600'000;  // no lease ends while a harness runs

std::uint64_t next_id(const ManifestStore& store) {
  const auto ids = store.list_ids();
  return ids.empty() ? 1 : ids.back() + 1;
}

Manifest manifest_of(StepInput& in, std::uint64_t id) {
  const auto number = std::to_string(in.number + 1);
  const char* status = in.random.one_in(3) ? "Pending" : "Committed";
  return Manifest::from_json(R"({"version":1,"checkpoint_id":)" + std::to_string(id) +
                             R"(,"epoch":)" + number + R"(,"timestamp_ms":)" + number +
                             R"(,"sink_commit_statuses":{"out":")" + status + R"("}})");
}

std::string key_of(StepInput& in) {
  return in.name("key", 8);
}

// Flat, or of a partition.
StateEntries entries_of(StepInput& in, StateBackend& state) {
  if (in.random.one_in(2)) return state;
  return state.partition({"operator", static_cast<std::uint32_t>(in.random.below(2)), 0});
}

std::optional<std::uint64_t> some_checkpoint(StepInput& in, const StateBackend& state) {
  const auto list = state.list_checkpoints();
  if (list.empty()) return std::nullopt;
  return list[in.random.below(list.size())].id;
}

}  // namespace

void save_manifest(StepInput& in) {
  auto store = in.db.manifests(in.name("stream", 2), {.max_retained = kKept});
  const auto manifest = manifest_of(in, next_id(store));
  const auto state = in.payload();
  if (in.random.one_in(3)) {
    store.save(manifest);
  } else {
    store.save_with_state(manifest, {state, in.json()});
  }
}

void save_manifest_from_stream(StepInput& in) {
  auto store = in.db.manifests("streamed", {.max_retained = 2});
  const std::string state = in.json() + std::string(66'000, 's');
  std::size_t done = 0;
  store.save_with_state(manifest_of(in, next_id(store)), [&](std::span<std::byte> buffer) {
    const auto size = std::min(buffer.size(), state.size() - done);
    std::memcpy(buffer.data(), state.data() + done, size);
    done += size;
    return size;
  });
}

void update_manifest(StepInput& in) {
  auto store = in.db.manifests(in.name("stream", 2));
  const auto ids = store.list_ids();
  if (ids.empty()) return save_manifest(in);
  store.update_manifest(manifest_of(in, ids.back()));
}

void save_orphan(StepInput& in) {
  auto store = in.db.manifests("orphans", {.max_retained = 2});
  const auto id = next_id(store);
  switch (in.random.below(3)) {
    case 0:
      store.save_state_data(id, {in.payload()});
      return;
    case 1:
      store.save(manifest_of(in, id));  // takes the state that waits for it, if one does
      return;
    default:
      store.cleanup_orphans();
  }
}

void prune_manifests(StepInput& in) {
  auto store = in.db.manifests(in.name("stream", 2));
  if (in.random.one_in(6)) {
    store.remove_all();
  } else {
    store.prune(in.random.below(2));
  }
}

void put_state(StepInput& in) {
  auto state = in.db.state(in.name("state", 2));
  auto entries = entries_of(in, state);
  const auto key = key_of(in);
  if (in.random.one_in(2)) return entries.put(key, in.payload());
  entries.update(key, [&](const std::optional<Bytes>& now) {
    return to_bytes(in.json() + std::to_string(now ? now->size() : 0));
  });
}

void put_many(StepInput& in) {
  auto state = in.db.state(in.name("state", 2));
  const auto first = key_of(in);
  const auto second = key_of(in);
  const auto value = in.payload();
  entries_of(in, state).put_batch({{first, value}, {second, "2"}, {first, "3"}});
}

void remove_key(StepInput& in) {
  auto state = in.db.state(in.name("state", 2));
  entries_of(in, state).remove(key_of(in));
}

void checkpoint_state(StepInput& in) {
  auto state = in.db.state(in.name("state", 2));
  const auto list = state.list_checkpoints();
  if (list.size() >= kKept) {
    state.drop_checkpoint(list[in.random.below(list.size())].id);
  } else {
    state.checkpoint(in.number);
  }
}

void restore_state(StepInput& in) {
  auto state = in.db.state(in.name("state", 2));
  if (const auto id = some_checkpoint(in, state)) {
    state.restore(*id);
  } else {
    state.checkpoint(in.number);
  }
}

void drop_state_checkpoint(StepInput& in) {
  auto state = in.db.state(in.name("state", 2));
  const auto id = some_checkpoint(in, state);
  if (id) {
    state.drop_checkpoint(*id);
  } else if (in.random.one_in(2)) {
    state.remove_all();
  } else {
    state.put(key_of(in), in.json());
  }
}

void import_state(StepInput& in) {
  auto state = in.db.state("imported");
  auto other = in.db.state(in.name("state", 2));
  state.import_snapshot(other.export_snapshot(in.number), {{"operator", 1, 0}});
}

void work_on_lease(StepInput& in) {
  auto leases = in.db.leases();
  const auto name = in.name("lease", 2);
  const auto lease = leases.find(name);
  if (!lease || lease->holder.empty()) {
    leases.acquire(name, in.name("holder"), kHourMs);
    return;
  }
  switch (in.random.below(3)) {
    case 0:
      leases.release(*lease);
      return;
    case 1:
      leases.renew(*lease, kHourMs);
      return;
    default:
      break;
  }
  // A lease that was given up fences this write: then somebody takes it anew.
  if (lease->remaining_ms == 0) {
    leases.acquire(name, in.name("holder"), kHourMs);
  } else {
    in.db.with_fence(lease->fence()).state("fenced").put(name, in.json());
  }
}

}  // namespace holdfast::test
