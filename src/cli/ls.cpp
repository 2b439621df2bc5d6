// holdfast ls: the owners of each kind, and what one of them has.

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/listing.hpp"
#include "cli/open_file.hpp"
#include "holdfast/limits.hpp"
#include "holdfast/maintain.hpp"

#include <algorithm>
#include <array>

namespace holdfast::cli {

namespace {

// Rows are printed at the end, since a table's columns are as wide as its widest cell. Each row is
// looked up by itself: one that another process removes meanwhile is left out.

std::size_t limit_of(const ListArguments& arguments) {
  const std::uint64_t limit = arguments.limit.value_or(kNoLimit);
  return static_cast<std::size_t>(std::min<std::uint64_t>(limit, kNoLimit));
}

template <class Container>
void cut(Container& container, std::size_t limit) {
  if (container.size() > limit)
    container.erase(container.begin() + static_cast<std::ptrdiff_t>(limit), container.end());
}

[[noreturn]] void throw_not_there(const char* kind, const std::string& id) {
  throw NotThere(std::string("there is no ") + kind + " " + printable(id));
}

Listing overview(const Database& db, const ListArguments&) {
  const DatabaseInfo facts = info(db);
  Listing listing(
      {{"kind", "KIND"}, {"owners", "OWNERS", Kind::count}, {"items", "ITEMS", Kind::count}});
  listing.add({std::string("traces"), facts.traces, facts.checkpoints});
  listing.add({std::string("sessions"), facts.sessions, facts.segments});
  listing.add({std::string("segments"), facts.segments, facts.entries});
  listing.add({std::string("runs"), facts.runs, facts.events});
  listing.add({std::string("streams"), facts.streams, facts.manifests});
  listing.add({std::string("states"), facts.states, facts.state_entries});
  listing.add({std::string("pods"), std::uint64_t{db.sessions().pods().list_names().size()}, {}});
  listing.add({std::string("leases"), std::uint64_t{db.leases().list().size()}, {}});
  return listing;
}

Listing list_traces(const Database& db, const ListArguments& arguments) {
  Listing listing({{"trace", "TRACE"},
                   {"checkpoints", "CHECKPOINTS", Kind::count},
                   {"newest", "NEWEST"},
                   {"saved_at_us", "SAVED", Kind::time_us}});
  const auto store = db.checkpoints();
  for (const auto& trace : store.list_traces(limit_of(arguments))) {
    Cell id;
    Cell saved_at_us;
    if (const auto newest = store.list(trace, {.limit = 1}); !newest.empty()) {
      id = newest.front();
      if (const auto found = store.info(newest.front())) saved_at_us = found->saved_at_us;
    }
    listing.add({trace, store.size(trace), id, saved_at_us});
  }
  return listing;
}

Listing list_checkpoints(const Database& db, const ListArguments& arguments) {
  Listing listing({{"id", "CHECKPOINT"},
                   {"saved_at_us", "SAVED", Kind::time_us},
                   {"created_at_ns", "CREATED", Kind::time_ns},
                   {"graph_hash", "GRAPH HASH", Kind::hex64},
                   {"raw_bytes", "SIZE", Kind::bytes}});
  const auto store = db.checkpoints();
  const auto ids = store.list(*arguments.owner, {.limit = limit_of(arguments)});
  if (ids.empty()) throw_not_there("trace", *arguments.owner);
  for (const auto& id : ids) {
    const auto found = store.info(id);
    if (!found) continue;
    listing.add(
        {found->id, found->saved_at_us, found->created_at_ns, found->graph_hash, found->raw_bytes});
  }
  return listing;
}

void add_segments(const SessionStore& store,
                  const std::string& session,
                  std::size_t limit,
                  Listing& listing) {
  for (const auto& id : store.list_segments(session, {.limit = limit})) {
    const auto found = store.info(id);
    if (!found) continue;
    listing.add({session,
                 id,
                 found->entry_count,
                 found->trace_count,
                 found->raw_bytes,
                 found->created_at_us});
  }
}

Listing segment_listing() {
  return Listing({{"session", "SESSION"},
                  {"segment", "SEGMENT"},
                  {"entries", "ENTRIES", Kind::count},
                  {"trace_entries", "TRACE", Kind::count},
                  {"raw_bytes", "SIZE", Kind::bytes},
                  {"created_at_us", "CREATED", Kind::time_us}});
}

Listing list_segments_of(const Database& db, const ListArguments& arguments) {
  Listing listing = segment_listing();
  add_segments(db.sessions(), *arguments.owner, limit_of(arguments), listing);
  if (listing.empty()) throw_not_there("session", *arguments.owner);
  return listing;
}

Listing list_segments(const Database& db, const ListArguments& arguments) {
  Listing listing = segment_listing();
  const auto store = db.sessions();
  const std::size_t limit = limit_of(arguments);
  for (const auto& session : store.list_sessions()) {
    if (listing.size() >= limit) break;
    add_segments(store, session, limit - listing.size(), listing);
  }
  return listing;
}

Listing list_sessions(const Database& db, const ListArguments& arguments) {
  Listing listing({{"session", "SESSION"},
                   {"segments", "SEGMENTS", Kind::count},
                   {"entries", "ENTRIES", Kind::count},
                   {"raw_bytes", "SIZE", Kind::bytes},
                   {"newest_at_us", "NEWEST SEGMENT", Kind::time_us}});
  const auto store = db.sessions();
  for (const auto& session : store.list_sessions({.limit = limit_of(arguments)})) {
    std::uint64_t segments = 0;
    std::uint64_t entries = 0;
    std::uint64_t raw_bytes = 0;
    Cell newest;
    for (const auto& id : store.list_segments(session)) {
      const auto found = store.info(id);
      if (!found) continue;
      if (segments++ == 0) newest = found->created_at_us;
      entries += found->entry_count;
      raw_bytes += found->raw_bytes;
    }
    listing.add({session, segments, entries, raw_bytes, newest});
  }
  return listing;
}

Listing list_runs(const Database& db, const ListArguments& arguments) {
  Listing listing({{"run", "RUN"},
                   {"first_seq", "FIRST", Kind::number},
                   {"head", "HEAD", Kind::number},
                   {"snapshots", "SNAPSHOTS", Kind::count},
                   {"created_at_us", "CREATED", Kind::time_us}});
  const auto store = db.runs();
  for (const auto& id : store.list_runs(limit_of(arguments))) {
    const auto found = store.info(id);
    if (!found) continue;
    listing.add({id, found->first_seq, found->head, found->snapshots, found->created_at_us});
  }
  return listing;
}

Listing list_snapshots(const Database& db, const ListArguments& arguments) {
  Listing listing({{"at_seq", "AT", Kind::number},
                   {"created_at_us", "CREATED", Kind::time_us},
                   {"raw_bytes", "SIZE", Kind::bytes}});
  if (!db.runs().info(*arguments.owner)) throw_not_there("run", *arguments.owner);
  for (const auto& found : db.runs().list(*arguments.owner, {.limit = limit_of(arguments)})) {
    listing.add({found.at_seq, found.created_at_us, found.raw_bytes});
  }
  return listing;
}

Listing list_streams(const Database& db, const ListArguments& arguments) {
  Listing listing({{"stream", "STREAM"},
                   {"manifests", "MANIFESTS", Kind::count},
                   {"latest", "LATEST", Kind::number}});
  auto streams = db.manifests().list_streams();
  cut(streams, limit_of(arguments));
  for (const auto& stream : streams) {
    const auto ids = db.manifests(stream).list_ids();
    Cell latest;
    if (!ids.empty()) latest = ids.back();
    listing.add({stream, std::uint64_t{ids.size()}, latest});
  }
  return listing;
}

void add_manifest(const ManifestStore& store, std::uint64_t id, Listing& listing) {
  try {
    const auto manifest = store.load_by_id(id);
    if (!manifest) return;
    listing.add({id,
                 manifest->epoch(),
                 manifest->timestamp_ms(),
                 std::string(manifest->committed() ? "committed" : "pending")});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    listing.add({id, {}, {}, std::string("damaged")});
  }
}

Listing list_manifests(const Database& db, const ListArguments& arguments) {
  Listing listing({{"checkpoint_id", "CHECKPOINT", Kind::number},
                   {"epoch", "EPOCH", Kind::number},
                   {"timestamp_ms", "TIME", Kind::time_ms},
                   {"status", "STATUS"}});
  const auto store = db.manifests(*arguments.owner);
  const auto ids = store.list_ids({.limit = limit_of(arguments)});
  const auto streams = store.list_streams();
  if (std::find(streams.begin(), streams.end(), *arguments.owner) == streams.end()) {
    throw_not_there("stream", *arguments.owner);
  }
  for (const auto id : ids)
    add_manifest(store, id, listing);
  return listing;
}

// Any handle of a state lists all states; this one need not exist.
constexpr const char* kAnyState = "any";

Listing list_states(const Database& db, const ListArguments& arguments) {
  Listing listing({{"state", "STATE"},
                   {"entries", "ENTRIES", Kind::count},
                   {"size_bytes", "SIZE", Kind::bytes},
                   {"version", "VERSION", Kind::number},
                   {"checkpoints", "CHECKPOINTS", Kind::count}});
  auto names = db.state(kAnyState).list_states();
  cut(names, limit_of(arguments));
  for (const auto& name : names) {
    const auto state = db.state(name);
    const auto stats = state.stats();
    listing.add({name,
                 stats.entries,
                 stats.size_bytes,
                 state.version(),
                 std::uint64_t{state.list_checkpoints().size()}});
  }
  return listing;
}

Listing list_state_checkpoints(const Database& db, const ListArguments& arguments) {
  Listing listing({{"id", "CHECKPOINT", Kind::number},
                   {"created_at_us", "CREATED", Kind::time_us},
                   {"version", "VERSION", Kind::number},
                   {"entries", "ENTRIES", Kind::count},
                   {"size_bytes", "SIZE", Kind::bytes}});
  const auto names = db.state(kAnyState).list_states();
  if (std::find(names.begin(), names.end(), *arguments.owner) == names.end()) {
    throw_not_there("state", *arguments.owner);
  }
  auto checkpoints = db.state(*arguments.owner).list_checkpoints();
  cut(checkpoints, limit_of(arguments));
  for (const auto& found : checkpoints) {
    listing.add({found.id, found.created_at_us, found.version, found.entries, found.size_bytes});
  }
  return listing;
}

Listing list_pods(const Database& db, const ListArguments& arguments) {
  Listing listing({{"pod", "POD"}, {"raw_bytes", "SIZE", Kind::bytes}});
  const auto pods = db.sessions().pods();
  auto names = pods.list_names();
  cut(names, limit_of(arguments));
  for (const auto& name : names) {
    const auto metadata = pods.read_by_name(name);
    if (metadata) listing.add({name, std::uint64_t{metadata->size()}});
  }
  return listing;
}

Listing list_leases(const Database& db, const ListArguments& arguments) {
  Listing listing({{"lease", "LEASE"},
                   {"holder", "HOLDER"},
                   {"token", "TOKEN", Kind::number},
                   {"remaining_ms", "REMAINING MS", Kind::count}});
  auto leases = db.leases().list();
  cut(leases, limit_of(arguments));
  for (const auto& lease : leases) {
    listing.add({lease.name, lease.holder, lease.token, lease.remaining_ms});
  }
  return listing;
}

using Lister = Listing (*)(const Database&, const ListArguments&);

struct KindOfList {
  const char* name;
  Lister all;
  Lister of_owner;  // nullptr: it owns nothing that could be listed
};

constexpr std::array kKinds = {
    KindOfList{"", overview, nullptr},
    KindOfList{"traces", list_traces, list_checkpoints},
    KindOfList{"sessions", list_sessions, list_segments_of},
    KindOfList{"segments", list_segments, list_segments_of},
    KindOfList{"runs", list_runs, list_snapshots},
    KindOfList{"streams", list_streams, list_manifests},
    KindOfList{"states", list_states, list_state_checkpoints},
    KindOfList{"pods", list_pods, nullptr},
    KindOfList{"leases", list_leases, nullptr},
};

}  // namespace

ExitCode run(const ListArguments& arguments, const Console& console) {
  const auto* const kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const KindOfList& each) {
    return arguments.kind == each.name;
  });
  if (kind == kKinds.end()) throw UsageError("there is no kind '" + arguments.kind + "' to list");
  if (arguments.owner && kind->of_owner == nullptr) {
    throw UsageError("'" + arguments.kind + "' takes no OWNER");
  }
  const Database db = open_file(arguments.file, Purpose::read, console);
  const Listing listing = (arguments.owner ? kind->of_owner : kind->all)(db, arguments);
  listing.print(console.out, console.json);
  return ExitCode::ok;
}

}  // namespace holdfast::cli
