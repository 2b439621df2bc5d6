#include "harness/steps.hpp"

#include <algorithm>

namespace holdfast::test {

namespace {

// What is kept of anything, so that files stay small.
constexpr std::size_t kKept = 4;

std::string segment_of(const std::string& session, std::size_t number) {
  return session + "-segment-" + std::to_string(number);
}

// A segment that is there, of the session; else one that its first entry makes.
std::string some_segment(StepInput& in, const std::string& session) {
  return segment_of(session, in.random.below(2));
}

CheckpointBlob blob(StepInput& in, std::string id, std::string bytes) {
  return {.id = std::move(id),
          .data = to_bytes(bytes),
          .graph_hash = in.random.next(),
          .created_at_ns = static_cast<std::int64_t>(in.number)};
}

}  // namespace

void save_checkpoint(StepInput& in) {
  const auto trace = in.name("trace");
  auto store = in.db.checkpoints();
  const auto ids = store.list(trace);
  // One in three replaces.
  const bool replaces = !ids.empty() && in.random.one_in(3);
  const auto id = replaces ? ids[in.random.below(ids.size())] : in.fresh("checkpoint");
  store.save(trace, blob(in, id, in.payload()));
}

void save_large_checkpoint(StepInput& in) {
  in.db.checkpoints().save("large",
                           blob(in, in.name("large"), in.json() + std::string(70'000, 'x')));
}

void remove_checkpoint(StepInput& in) {
  auto store = in.db.checkpoints();
  const auto ids = store.list(in.name("trace"));
  if (ids.empty()) return save_checkpoint(in);
  store.remove(ids[in.random.below(ids.size())]);
}

void prune_checkpoints(StepInput& in) {
  if (in.random.one_in(4)) {
    in.db.checkpoints().remove_trace(in.name("trace"));
  } else {
    in.db.checkpoints().prune(in.name("trace"), 1 + in.random.below(2));
  }
}

// More than one slice frees. Few stay, since every dump has to read them.
void prune_many_checkpoints(StepInput& in) {
  constexpr std::size_t kMany = 560;
  const auto trace = in.name("many", 2);
  in.db.transact([&] {
    auto store = in.db.checkpoints();
    for (std::size_t i = 0; i < kMany; ++i) {
      const auto id = trace + "-" + std::to_string(i);
      store.save(trace, blob(in, id, i == kMany / 2 ? in.json() + std::string(70'000, 'm') : id));
    }
    if (in.random.one_in(3)) {
      store.remove_trace(trace);
    } else {
      store.prune(trace, 1 + in.random.below(2));
    }
    store.save(trace, blob(in, trace + "-" + std::to_string(in.random.below(kMany)), "again"));
  });
}

// A segment of such a name is made again later, while nothing of the old one may show.
void remove_many_entries(StepInput& in) {
  const std::vector<std::string> entries(400, in.json());
  in.db.transact([&] {
    in.db.sessions().append_all("many", "many-segment", entries);
    in.db.sessions().append(
        "many", "many-raw", in.json() + std::string(70'000, 'e'), {.codec = "raw"});
    in.db.sessions().remove_session("many");
    in.db.runs().append("many", entries);
    in.db.runs().remove("many");
    if (in.random.one_in(2)) in.db.sessions().append("many", "many-segment", in.json());
  });
}

void append_entry(StepInput& in) {
  const auto session = in.name("session");
  const auto segment = some_segment(in, session);
  auto store = in.db.sessions();
  const bool there = store.exists(session, segment);
  const auto count = there ? store.read_entry_count(session, segment) : 0;
  store.append(session, segment, in.json(), {.expected_count = count});
}

void append_entries(StepInput& in) {
  const auto session = in.name("session");
  const auto second = in.payload();
  in.db.sessions().append_all(
      session, some_segment(in, session), {in.json(), second}, {.codec = "raw"});
}

void create_segment(StepInput& in) {
  const auto session = in.name("session");
  const auto segment = segment_of(session, 2);
  auto store = in.db.sessions();
  if (store.exists(session, segment)) {
    store.remove_segment(session, segment);
  } else {
    store.create_segment(session, segment, {in.json(), in.json()}, {.metadata = in.json()});
  }
}

void append_trace(StepInput& in) {
  const auto session = in.name("session");
  const auto segment = some_segment(in, session);
  auto store = in.db.sessions();
  if (!store.exists(session, segment)) return append_entry(in);
  if (in.random.one_in(3)) return store.set_metadata(session, segment, in.json());
  store.append_trace(session, segment, in.json());
}

void truncate_segment(StepInput& in) {
  const auto session = in.name("session");
  const auto segment = some_segment(in, session);
  auto store = in.db.sessions();
  if (!store.exists(session, segment)) return append_entry(in);
  const auto count = store.read_entry_count(session, segment);
  store.truncate(session, segment, std::min<std::uint64_t>(count, in.random.below(kKept)));
}

void remove_from_sessions(StepInput& in) {
  const auto session = in.name("session");
  if (in.random.one_in(2)) {
    in.db.sessions().remove_session(session);
  } else {
    in.db.sessions().remove_segment(session, some_segment(in, session));
  }
}

void write_pod(StepInput& in) {
  auto pods = in.db.sessions().pods();
  const auto name = in.name("pod");
  if (in.random.one_in(4)) {
    pods.remove_by_name(name);
  } else {
    pods.write(name, in.json());
  }
}

void append_events(StepInput& in) {
  const auto run = in.name("run");
  auto store = in.db.runs();
  const auto head = store.head(run);
  if (head > 3 * kKept) {
    store.remove(run);
  } else {
    store.append(run, {in.json(), in.payload()}, {.expected_head = head});
  }
}

void event_with_snapshot(StepInput& in) {
  const auto run = in.name("run");
  in.db.transact([&] {
    auto store = in.db.runs();
    const auto head = store.append(run, {in.json()});
    store.save_snapshot({run, head, to_bytes(in.payload())});
    // Event and snapshot, never one without the other.
    if (head > 4 * kKept) store.remove(run);
  });
}

// Between others, or in the place of one.
void older_snapshot(StepInput& in) {
  const auto run = in.name("run");
  const auto head = in.db.runs().head(run);
  if (head == 0) return event_with_snapshot(in);
  in.db.runs().save_snapshot({run, 1 + in.random.below(head), to_bytes(in.payload())});
}

void prune_run(StepInput& in) {
  in.db.runs().prune(in.name("run"), in.random.below(2));
}

}  // namespace holdfast::test
