// What is read of the sample: each call is one that a program makes, and each asks for something that is
// known, so that a wrong absence shows as well as a wrong value.
#include "rot/sample.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::test {

namespace {

std::string number(std::integral auto value) {
  return std::to_string(value) + " ";
}

std::string words(const CheckpointBlob& blob) {
  return blob.id + " " + number(blob.graph_hash) + number(blob.created_at_ns) +
         std::string(as_text(blob.data));
}

std::string words(const CheckpointInfo& info) {
  return info.id + " " + info.trace + " " + number(info.graph_hash) + number(info.created_at_ns) +
         number(info.saved_at_us) + number(info.raw_bytes);
}

std::string words(const LogEntry& entry) {
  return number(entry.position) + number(entry.created_at_us) + entry.codec + " " +
         std::string(entry.text());
}

std::string words(const SegmentInfo& info) {
  return info.session + " " + info.id + " " + number(info.entry_count) + number(info.trace_count) +
         number(info.raw_bytes) + number(info.created_at_us) + info.metadata;
}

std::string words(const Snapshot& snapshot) {
  return snapshot.run + " " + number(snapshot.at_seq) + std::string(as_text(snapshot.state));
}

std::string words(const SnapshotInfo& info) {
  return number(info.at_seq) + number(info.created_at_us) + number(info.raw_bytes);
}

std::string words(const RunInfo& info) {
  return info.id + " " + number(info.first_seq) + number(info.head) + number(info.snapshots) +
         number(info.created_at_us);
}

std::string words(const StateEntry& entry) {
  return std::string(as_text(entry.key)) + " = " + std::string(as_text(entry.value));
}

std::string words(const StateCheckpointInfo& info) {
  return number(info.id) + number(info.created_at_us) + number(info.version) +
         number(info.entries) + number(info.size_bytes);
}

std::string words(const PartitionKey& key) {
  return key.to_prefix();
}

std::string words(const Lease& lease) {
  return lease.name + " " + lease.holder + " " + number(lease.token);
}

template <class Value>
std::optional<std::string> words(const std::optional<Value>& value) {
  return value ? std::optional(words(*value)) : std::nullopt;
}

template <class Value>
std::vector<std::string> words(const std::vector<Value>& values) {
  std::vector<std::string> texts;
  for (const Value& value : values)
    texts.push_back(words(value));
  return texts;
}

void read_checkpoints(const Database& db, Answers& answers) {
  const auto store = db.checkpoints();
  for (const std::string trace : {"trace-a", "trace-b", "trace-none"}) {
    answers.add("load_latest " + trace, [&] { return words(store.load_latest(trace)); });
    answers.add("list " + trace, [&] { return store.list(trace); });
    answers.add("size " + trace, [&] { return store.size(trace); });
    answers.add("recover " + trace, [&] {
      const auto recovery = store.recover_latest(trace);
      if (recovery.incomplete || !recovery.damaged.empty()) answers.report();
      return words(recovery.chosen);
    });
  }
  for (const std::string id : {"a1", "a2", "a4", "a5", "a7", "a8", "a9", "b1", "none"}) {
    answers.add("load checkpoint " + id, [&] { return words(store.load(id)); });
    answers.add("info of checkpoint " + id, [&] { return words(store.info(id)); });
  }
  answers.add("list_traces", [&] { return store.list_traces(); });
  answers.add("size of all traces", [&] { return store.size(); });
}

void read_segment(const SessionStore& store,
                  const std::string& session,
                  const std::string& segment,
                  Answers& answers) {
  answers.add("read_all " + segment, [&] { return words(store.read_all(session, segment)); });
  answers.add("read " + segment, [&] { return words(store.read(session, segment, 1, 1)); });
  answers.add("tail " + segment, [&] { return words(store.tail(session, segment, 1)); });
  answers.add("count " + segment, [&] { return store.read_entry_count(session, segment); });
  answers.add("exists " + segment, [&] { return store.exists(session, segment); });
  answers.add("info " + segment, [&] { return words(store.info(segment)); });
  answers.add("session of " + segment, [&] { return store.lookup_session_of(segment); });
  answers.add("trace of " + segment, [&] { return words(store.read_trace(session, segment)); });
}

void read_sessions(const Database& db, Answers& answers) {
  const auto store = db.sessions();
  read_segment(store, "session-a", "g1", answers);
  read_segment(store, "session-a", "g2", answers);
  read_segment(store, "session-b", "h1", answers);
  answers.add("exists none", [&] { return store.exists("session-a", "none"); });
  answers.add("session of none", [&] { return store.lookup_session_of("none"); });
  answers.add("list_sessions", [&] { return store.list_sessions(); });
  for (const std::string session : {"session-a", "session-b", "session-none"})
    answers.add("segments of " + session, [&] { return store.list_segments(session); });
  const auto pods = store.pods();
  answers.add("pods", [&] { return pods.list_names(); });
  for (const std::string name : {"pod-1", "pod-none"})
    answers.add("read " + name, [&] { return pods.read_by_name(name); });
}

void read_runs(const Database& db, Answers& answers) {
  const auto store = db.runs();
  answers.add("list_runs", [&] { return store.list_runs(); });
  for (const std::string run : {"run-a", "run-b", "run-none"}) {
    answers.add("head " + run, [&] { return store.head(run); });
    answers.add("scan " + run, [&] { return words(store.scan(run)); });
    answers.add("scan one of " + run, [&] { return words(store.scan(run, 3, 1)); });
    answers.add("load_latest " + run, [&] { return words(store.load_latest(run)); });
    answers.add("load_at " + run, [&] { return words(store.load_at(run, 7)); });
    answers.add("list " + run, [&] { return words(store.list(run)); });
    answers.add("info " + run, [&] { return words(store.info(run)); });
    answers.add("recover " + run, [&] {
      const auto recovery = store.recover_latest(run);
      if (recovery.incomplete || !recovery.damaged.empty()) answers.report();
      return words(recovery.chosen);
    });
  }
}

void read_stream(const ManifestStore& store, const std::string& name, Answers& answers) {
  const auto json = [](const std::optional<Manifest>& found) {
    return found ? std::optional(found->json()) : std::nullopt;
  };
  answers.add("load_latest of stream " + name, [&] { return json(store.load_latest()); });
  answers.add("list_ids of stream " + name, [&] { return store.list_ids(); });
  answers.add("list of stream " + name, [&] {
    const auto readable = store.list();  // the damaged ones are left out, and list_ids has them
    if (readable.size() != store.list_ids().size()) answers.report();
    return readable;
  });
  answers.add("recover of stream " + name, [&] {
    const auto recovery = store.recover_latest_validated();
    if (!recovery.skipped.empty()) answers.report();
    return recovery.chosen_id;
  });
  for (std::uint64_t id = 1; id < 11; id += id < 6 ? 1 : 3) {
    const std::string which = std::to_string(id) + " of stream " + name;
    answers.add("load " + which, [&] { return json(store.load_by_id(id)); });
    answers.add("state " + which, [&] { return store.load_state_data(id); });
    answers.add("export " + which, [&] { return store.export_json(id); });
    answers.add("checksum " + which, [&] { return store.state_checksum(id); });
    answers.add("validate " + which, [&] {
      const auto found = store.validate_checkpoint(id);
      if (!found.valid) answers.report();
      return found.issues.size();
    });
  }
}

void read_manifests(const Database& db, Answers& answers) {
  read_stream(db.manifests("job"), "job", answers);
  read_stream(db.manifests(), "", answers);
  answers.add("list_streams", [&] { return db.manifests().list_streams(); });
}

void read_view(const StateBackend& state, std::uint64_t id, Answers& answers) {
  const std::string at = " at " + std::to_string(id);
  answers.add("scan" + at, [&] { return words(state.read_at(id).range_scan("")); });
  for (const std::string key : {"key-0", "key-3", "key-9", "key-none"})
    answers.add("get " + key + at, [&] { return state.read_at(id).get(key); });
  answers.add("export" + at, [&] { return state.export_snapshot(id, true); });
}

void read_state(const Database& db, Answers& answers) {
  const auto state = db.state("orders");
  for (int i = 0; i < 17; ++i) {
    const std::string key = "key-" + std::to_string(i);
    answers.add("get " + key, [&] { return state.get(key); });
  }
  answers.add("get the empty key", [&] { return state.get(""); });
  answers.add("get key-new", [&] { return state.get("key-new"); });
  answers.add("contains", [&] { return state.contains("key-7"); });
  answers.add("range_scan", [&] { return words(state.range_scan("")); });
  answers.add("range_scan key-1", [&] { return words(state.range_scan("key-1")); });
  answers.add("range_scan back", [&] { return words(state.range_scan("", {.reverse = true})); });
  answers.add("partitions", [&] { return words(state.list_partitions()); });
  answers.add("checkpoints", [&] { return words(state.list_checkpoints()); });
  answers.add("size_bytes", [&] { return state.size_bytes(); });
  answers.add("version", [&] { return state.version(); });
  answers.add("entries", [&] { return state.stats().entries; });
  answers.add("export", [&] { return state.export_snapshot(1); });
  for (const std::uint64_t id : {0U, 1U, 2U, 3U})
    read_view(state, id, answers);
  const auto partition = state.partition({"op:1", 2, 3});
  for (const std::string key : {"a", "b", "none"})
    answers.add("get of the partition " + key, [&] { return partition.get(key); });
  answers.add("scan of the partition", [&] { return words(partition.range_scan("")); });
  answers.add("scan of no partition", [&] {
    return words(state.partition({"op:1", 2, 4}).range_scan(""));
  });
  answers.add("get other", [&] { return db.state("other").get("k"); });
  answers.add("get none", [&] { return db.state("none").get("k"); });
  answers.add("list_states", [&] { return state.list_states(); });
}

}  // namespace

Answers read_sample(const Database& db, Answers::Choice choice) {
  Answers answers(std::move(choice));
  read_checkpoints(db, answers);
  read_sessions(db, answers);
  read_runs(db, answers);
  read_manifests(db, answers);
  read_state(db, answers);
  answers.add("leases", [&] { return words(db.leases().list()); });
  for (const std::string name : {"leader", "none"})
    answers.add("lease " + name, [&] { return words(db.leases().find(name)); });
  answers.add("store_id", [&] { return db.store_id(); });
  return answers;
}

}  // namespace holdfast::test
