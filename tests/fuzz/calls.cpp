// Calls of the API against a model: each answers as the model says, or is refused with the code that the model
// expects; also inside transactions that are given up, and over a reopening. An input is a list of calls: a
// byte says which, the next ones its arguments. The first byte of all says whether the file is verified at the
// end, which takes longer than the calls.
#include "fuzz/model.hpp"
#include "fuzz/targets.hpp"
#include "holdfast/database.hpp"
#include "holdfast/maintain.hpp"
#include "rot/ground.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <optional>

namespace holdfast::test {

namespace {

constexpr std::size_t kMostCalls = 200;
constexpr std::size_t kRandomSeeds = 24;
constexpr std::size_t kRandomSeedBytes = 2'000;

struct GivenUp {};

std::string name(const char* kind, std::size_t which) {
  return std::string(kind) + std::to_string(which);
}

class Calls {
 public:
  explicit Calls(BytesView bytes)
      : input_(bytes), database_(ground_.open()), verifies_(input_.below(4) == 1) {}

  void run() {
    while (!input_.empty() && ++made_ < kMostCalls)
      call();
    compare();
    reopen();
    compare();
    if (verifies_) must(verify(*database_).sound(), "the file is sound");
  }

 private:
  Database& db() { return *database_; }

  void reopen() {
    database_.reset();
    database_ = ground_.open();
  }

  // nullopt: it must succeed.
  template <class Function>
  void expect(std::optional<ErrorCode> code, const Function& function) {
    try {
      function();
    } catch (const Error& error) {
      must(code == error.code(), "refused as the model says");
      return;
    }
    must(!code, "a refusal that the model expects");
  }

  void call() {
    switch (input_.below(16)) {
      case 0:
        return save_checkpoint();
      case 1:
        return remove_checkpoints();
      case 2:
        return append_entry();
      case 3:
        return cut_segment();
      case 4:
        return append_event();
      case 5:
        return change_snapshots();
      case 6:
        return save_manifest();
      case 7:
        return put_key();
      case 8:
        return remove_key();
      case 9:
        return mark_state();
      case 10:
        return restore_state();
      case 11:
        return drop_mark();
      case 12:
        return transact();
      case 13:
        return in_transaction_ ? void() : reopen();
      case 14:
        return remove_owner();
      default:
        return in_transaction_ ? void() : compare();
    }
  }

  std::string payload() {
    const std::uint8_t size = input_.byte();
    // Now and then one for the content tables.
    if (size == 255) return std::string(70'000, static_cast<char>(input_.byte()));
    return std::string(as_text(input_.take(size % 32)));
  }

  void save_checkpoint() {
    const std::string trace = name("t", input_.below(2));
    const std::string id = name("c", input_.below(5));
    const std::string data = payload();
    bool foreign = false;
    for (const auto& [other, blobs] : model_.traces) {
      for (const auto& blob : blobs)
        foreign = foreign || (other != trace && blob.first == id);
    }
    expect(foreign ? std::optional(ErrorCode::conflict) : std::nullopt,
           [&] { db().checkpoints().save(trace, {.id = id, .data = to_bytes(data)}); });
    if (foreign) return;
    auto& blobs = model_.traces[trace];
    std::erase_if(blobs, [&](const auto& blob) { return blob.first == id; });
    blobs.emplace_back(id, data);
  }
  void remove_checkpoints() {
    const std::string trace = name("t", input_.below(2));
    auto& blobs = model_.traces[trace];
    const std::size_t before = blobs.size();
    if (input_.below(2) == 0) {
      const std::string id = name("c", input_.below(5));
      for (auto& [owner, all] : model_.traces)
        std::erase_if(all, [&](const auto& blob) { return blob.first == id; });
      db().checkpoints().remove(id);
      return;
    }
    const std::size_t keep = input_.below(4);
    const std::size_t gone = before - std::min(before, keep);
    blobs.erase(blobs.begin(), blobs.begin() + static_cast<std::ptrdiff_t>(gone));
    must(db().checkpoints().prune(trace, keep) == gone, "as many pruned as there were");
  }

  void append_entry() {
    const std::string session = name("s", input_.below(2));
    const std::string id = name("g", input_.below(3));
    const std::string entry = "[" + std::to_string(input_.pair()) + "]";
    const auto found = model_.segments.find(id);
    const bool foreign = found != model_.segments.end() && found->second.session != session;
    expect(foreign ? std::optional(ErrorCode::conflict) : std::nullopt,
           [&] { db().sessions().append(session, id, entry); });
    if (foreign) return;
    auto& segment = model_.segments[id];
    segment.session = session;
    segment.entries.push_back(entry);
  }
  void cut_segment() {
    const std::string id = name("g", input_.below(3));
    const std::size_t count = input_.below(4);
    const auto found = model_.segments.find(id);
    const std::string session = found == model_.segments.end() ? "s0" : found->second.session;
    std::optional<ErrorCode> code;
    if (found == model_.segments.end()) {
      code = ErrorCode::not_found;
    } else if (count > found->second.entries.size()) {
      code = ErrorCode::invalid_argument;
    }
    expect(code, [&] { db().sessions().truncate(session, id, count); });
    if (!code) found->second.entries.resize(count);
  }

  void append_event() {
    const std::string id = name("r", input_.below(2));
    const auto found = model_.runs.find(id);
    const std::uint64_t head = found == model_.runs.end() ? 0 : found->second.events.size();
    const std::uint64_t expected = head + (input_.below(8) == 0 ? 1 : 0);
    const std::string event = payload();
    expect(expected != head ? std::optional(ErrorCode::conflict) : std::nullopt,
           [&] { db().runs().append(id, {event}, {.expected_head = expected}); });
    if (expected == head) model_.runs[id].events.push_back(event);
  }
  void change_snapshots() {
    const std::string id = name("r", input_.below(2));
    RunModel& run = model_.runs[id];
    if (input_.below(3) == 0) {
      const std::size_t keep = input_.below(3);
      db().runs().prune(id, keep);
      while (run.snapshots.size() > keep)
        run.snapshots.erase(run.snapshots.begin());
      return;
    }
    const std::uint64_t at = input_.below(6);
    const std::string state = payload();
    // Without events here the log is elsewhere, and any number goes; the model keeps to logs.
    if (run.events.empty()) return;
    const bool beyond = at > run.events.size();
    expect(beyond ? std::optional(ErrorCode::invalid_argument) : std::nullopt, [&] {
      db().runs().save_snapshot({id, at, to_bytes(state)});
    });
    if (!beyond) run.snapshots[at] = state;
  }

  void save_manifest() {
    const std::uint64_t id = input_.below(4);
    const Manifest manifest(std::max<std::uint64_t>(id, 1), 1 + input_.below(2), 1);
    const std::string state = payload();
    const auto found = model_.manifests.find(manifest.checkpoint_id());
    const bool other =
        found != model_.manifests.end() && found->second != std::pair(manifest.json(), state);
    expect(other ? std::optional(ErrorCode::conflict) : std::nullopt,
           [&] { db().manifests().save_with_state(manifest, state); });
    if (!other) model_.manifests[manifest.checkpoint_id()] = {manifest.json(), state};
  }

  StateModel::Place place() { return {input_.below(2), name("k", input_.below(8))}; }
  // Flat entries, or those of the one partition.
  template <class Function>
  auto at(std::size_t partition, const Function& function) {
    auto state = db().state("orders");
    if (partition == 0) return function(static_cast<StateEntries&>(state));
    auto entries = state.partition({"op", 1, 2});
    return function(static_cast<StateEntries&>(entries));
  }
  void put_key() {
    const auto where = place();
    const std::string value = payload();
    at(where.first, [&](StateEntries& entries) { entries.put(where.second, value); });
    model_.state.put(where, value);
  }
  void remove_key() {
    const auto where = place();
    const bool was = at(where.first, [&](auto& entries) { return entries.remove(where.second); });
    must(was == model_.state.remove(where), "removed what was there");
  }
  void mark_state() {
    const std::uint64_t id = input_.below(4);
    const bool fresh = model_.state.checkpoint(id);
    expect(fresh ? std::nullopt : std::optional(ErrorCode::already_exists),
           [&] { db().state("orders").checkpoint(id); });
  }
  void restore_state() {
    const std::uint64_t id = input_.below(4);
    const auto dropped = model_.state.restore(id);
    expect(dropped ? std::nullopt : std::optional(ErrorCode::not_found), [&] {
      const auto gone = db().state("orders").restore(id);
      must(gone == *dropped, "drops what came later");
    });
  }
  void drop_mark() {
    const std::uint64_t id = input_.below(4);
    must(db().state("orders").drop_checkpoint(id) == model_.state.drop(id), "drops what was there");
  }

  void remove_owner() {
    const std::size_t which = input_.below(4);
    if (which == 0) {
      db().checkpoints().remove_trace("t0");
      model_.traces.erase("t0");
    } else if (which == 1) {
      db().sessions().remove_session("s0");
      std::erase_if(model_.segments, [](const auto& s) { return s.second.session == "s0"; });
    } else if (which == 2) {
      db().runs().remove("r0");
      model_.runs.erase("r0");
    } else {
      db().manifests().remove_all();
      model_.manifests.clear();
    }
  }

  void transact() {
    const StoresModel before = model_;
    const bool outer = in_transaction_;
    const bool gives_up = input_.below(2) == 0;
    const std::size_t calls = input_.below(6);
    in_transaction_ = true;
    try {
      db().transact([&] {
        for (std::size_t i = 0; i < calls && ++made_ < kMostCalls; ++i)
          call();
        if (gives_up) throw GivenUp();
      });
    } catch (const GivenUp&) {
      model_ = before;
    }
    in_transaction_ = outer;
  }

  void compare();
  void compare_checkpoints();
  void compare_logs();
  void compare_state();

  Input input_;
  Ground ground_;
  std::optional<Database> database_;
  const bool verifies_;
  StoresModel model_;
  std::size_t made_ = 0;
  bool in_transaction_ = false;
};

void Calls::compare() {
  compare_checkpoints();
  compare_logs();
  compare_state();
  std::vector<std::uint64_t> ids;
  for (const auto& [id, manifest] : model_.manifests) {
    ids.push_back(id);
    must(db().manifests().export_json(id) == manifest.first, "the manifest");
    must(db().manifests().load_state_data(id) == to_bytes(manifest.second), "its state");
  }
  must(db().manifests().list_ids() == ids, "the manifests, and no other");
}

void Calls::compare_checkpoints() {
  const auto store = db().checkpoints();
  for (const std::string trace : {"t0", "t1"}) {
    const auto& blobs = model_.traces[trace];
    must(store.size(trace) == blobs.size(), "the checkpoints of a trace");
    const auto latest = store.load_latest(trace);
    must(latest.has_value() == !blobs.empty(), "the newest checkpoint");
    if (latest) must(latest->id == blobs.back().first, "the newest checkpoint's id");
    for (const auto& [id, data] : blobs)
      must(store.load(id).value().data == to_bytes(data), "a checkpoint's bytes");
  }
}

void Calls::compare_logs() {
  for (const std::string id : {"g0", "g1", "g2"}) {
    const auto found = model_.segments.find(id);
    const bool there = found != model_.segments.end();
    must(db().sessions().lookup_session_of(id).has_value() == there, "a segment");
    if (!there) continue;
    const auto entries = db().sessions().read_all(found->second.session, id);
    must(std::equal(entries.begin(),
                    entries.end(),
                    found->second.entries.begin(),
                    found->second.entries.end(),
                    [](const LogEntry& a, const std::string& b) { return a.text() == b; }),
         "the entries of a segment");
  }
  for (const std::string id : {"r0", "r1"}) {
    const RunModel& run = model_.runs[id];
    const auto events = db().runs().scan(id);
    must(std::equal(events.begin(),
                    events.end(),
                    run.events.begin(),
                    run.events.end(),
                    [](const LogEntry& a, const std::string& b) { return a.text() == b; }),
         "the events of a run");
    const auto latest = db().runs().load_latest(id);
    must(latest.has_value() == !run.snapshots.empty(), "the newest snapshot");
    if (latest) must(latest->at_seq == run.snapshots.rbegin()->first, "its number");
    must(db().runs().list(id).size() == run.snapshots.size(), "the snapshots");
  }
}

void Calls::compare_state() {
  const auto state = db().state("orders");
  for (const auto& entry : model_.state.entries) {
    const StateModel::Place& where = entry.first;
    const auto found = at(where.first, [&](auto& entries) { return entries.get(where.second); });
    must(found == to_bytes(entry.second), "an entry of state");
  }
  must(state.stats().entries == model_.state.entries.size(), "the entries of state");
  must(state.size_bytes() == StateModel::size_bytes(model_.state.entries), "their size");
  must(state.version() == model_.state.version, "the version");
  must(state.list_checkpoints().size() == model_.state.checkpoints.size(), "its checkpoints");
  const std::vector<std::string> prefixes{"", "op:1:2:"};
  for (const auto& mark : model_.state.checkpoints) {
    const auto image = StateModel::image(mark.id, mark.entries, prefixes);
    if (image) must(state.export_snapshot(mark.id, true) == to_bytes(encode(*image)), "as it was");
  }
}

void run_calls(BytesView bytes) {
  Calls(bytes).run();
}

std::vector<std::string> calls_seeds() {
  std::string everything = "\x01";
  for (int round = 0; round < 6; ++round) {
    for (int call = 0; call < 16; ++call) {
      everything += static_cast<char>(call);
      for (int argument = 0; argument < 3; ++argument)
        everything += static_cast<char>(round * 7 + argument + call);
    }
  }
  const std::string large{1, 0, 0, 0, '\xff', 'x', 7,   0,  0, '\xff', 'y',
                          9, 1, 7, 0, 0,      1,   'z', 10, 1, 14,     0};
  const std::string nested{1, 12, 1, 5, 12, 0, 3, 7, 0, 1, 1, 'a', 2, 0, 0, 1, 1, 4, 0, 1, 1, 'e'};
  std::vector<std::string> seeds{everything, large, nested, ""};
  // The same in each build, so that a replay tries most of what there is together with most of the rest.
  Random random(1);
  for (std::size_t i = 0; i < kRandomSeeds; ++i)
    seeds.push_back("\x01" + random.bytes(kRandomSeedBytes));
  return seeds;
}

}  // namespace

const FuzzTarget kCallsTarget{"calls", run_calls, calls_seeds};

}  // namespace holdfast::test
