#include "harness/dump.hpp"

#include "access.hpp"
#include "engine/connection.hpp"
#include "engine/lease.hpp"
#include "engine/link.hpp"
#include "engine/statement.hpp"

#include <xxhash.h>

#include <algorithm>
#include <vector>

namespace holdfast::test {

namespace {

class Text {
 public:
  template <class... Fields>
  void line(const Fields&... fields) {
    (add(fields), ...);
    text_ += '\n';
  }
  std::string take() { return std::move(text_); }

 private:
  void add(const char* text) { text_ += text; }
  void add(std::string_view text) {
    text_ += '"';
    text_ += text;
    text_ += '"';
  }
  void add(const std::string& text) { add(std::string_view(text)); }
  // Short ones as they are, so that a difference can be read.
  void add(const Bytes& bytes) {
    constexpr std::size_t kShown = 48;
    if (bytes.size() <= kShown) return add(as_text(bytes));
    text_ += std::to_string(bytes.size()) + " bytes " + std::to_string(digest_of(as_text(bytes)));
  }
  template <class Number>
  requires std::is_arithmetic_v<Number>
  void add(Number number) { text_ += ' ' + std::to_string(number); }

  std::string text_;
};

void dump_checkpoints(Text& text, const Database& db) {
  const auto store = db.checkpoints();
  text.line("checkpoints", store.size());
  for (const auto& trace : store.list_traces()) {
    text.line("trace ", trace, store.size(trace));
    for (const auto& id : store.list(trace)) {
      const auto blob = store.load(id).value();
      const auto info = store.info(id).value();
      text.line(
          "checkpoint ", id, blob.graph_hash, blob.created_at_ns, info.saved_at_us, blob.data);
    }
  }
}

void dump_entries(Text& text, const char* kind, const std::vector<LogEntry>& entries) {
  for (const auto& entry : entries)
    text.line(kind, entry.position, entry.created_at_us, entry.codec, entry.data);
}

void dump_sessions(Text& text, const Database& db) {
  const auto store = db.sessions();
  for (const auto& session : store.list_sessions()) {
    text.line("session ", session);
    for (const auto& segment : store.list_segments(session)) {
      const auto info = store.info(segment).value();
      text.line("segment ",
                segment,
                info.entry_count,
                info.trace_count,
                info.raw_bytes,
                info.created_at_us,
                info.metadata);
      dump_entries(text, "entry", store.read_all(session, segment));
      dump_entries(text, "trace entry", store.read_trace(session, segment));
    }
  }
  for (const auto& name : store.pods().list_names())
    text.line("pod ", name, store.pods().read_by_name(name).value());
}

void dump_runs(Text& text, const Database& db) {
  const auto store = db.runs();
  for (const auto& run : store.list_runs()) {
    const auto info = store.info(run).value();
    text.line("run ", run, info.first_seq, info.head, info.snapshots, info.created_at_us);
    dump_entries(text, "event", store.scan(run));
    for (const auto& snapshot : store.list(run)) {
      const auto found = store.load_at(run, snapshot.at_seq).value();
      text.line("snapshot", found.at_seq, snapshot.created_at_us, found.state);
    }
  }
}

void dump_manifests(Text& text, const Database& db) {
  for (const auto& stream : db.manifests().list_streams()) {
    const auto store = db.manifests(stream);
    text.line("stream ", stream);
    for (const auto id : store.list_ids()) {
      text.line("manifest", id, store.load_by_id(id).value().json());
      if (const auto state = store.load_state_data(id)) text.line("state of it ", *state);
    }
  }
}

void dump_pairs(Text& text, const char* kind, const std::vector<StateEntry>& entries) {
  for (const auto& entry : entries)
    text.line(kind, entry.key, entry.value);
}

void dump_state(Text& text, const StateBackend& state) {
  const auto stats = state.stats();
  text.line("version", state.version(), stats.entries, stats.size_bytes);
  const auto partitions = state.list_partitions();
  dump_pairs(text, "flat ", state.range_scan(""));
  for (const auto& key : partitions) {
    text.line("partition ", key.to_prefix());
    dump_pairs(text, "its ", state.partition(key).range_scan(""));
  }
  for (const auto& info : state.list_checkpoints()) {
    text.line("state checkpoint",
              info.id,
              info.created_at_us,
              info.version,
              info.entries,
              info.size_bytes);
    const auto view = state.read_at(info.id);
    dump_pairs(text, "flat then ", view.range_scan(""));
    for (const auto& key : partitions)
      dump_pairs(text, "partition then ", view.range_scan(key, ""));
  }
}

void dump_leases(Text& text, const Database& db) {
  for (const auto& lease : db.leases().list())
    text.line(lease.remaining_ms > 0 ? "lease " : "lease that is over ",
              lease.name,
              lease.holder,
              lease.token);
  // A lease that was given up shows in the next token.
  engine::Access::link(db).read([&](engine::Connection& connection) {
    for (const engine::LeaseRow& row : engine::read_lease_rows(connection))
      if (!row.holder) text.line("lease given up ", row.name, row.token);
  });
}

// How many rows each table has: what a step left behind, or wrote early, may be seen by nobody who reads.
void dump_row_counts(Text& text, const Database& db) {
  engine::Access::link(db).read([&](engine::Connection& connection) {
    std::vector<std::string> tables;
    {
      engine::Statement select(connection,
                               "SELECT name FROM sqlite_schema WHERE type = 'table'"
                               " AND name NOT LIKE 'sqlite_%' ORDER BY name");
      auto row = select.run();
      while (row.step())
        tables.push_back(row.string(0));
    }
    for (const auto& table : tables)
      text.line("rows ", table, connection.integer(("SELECT count(*) FROM " + table).c_str()));
  });
}

}  // namespace

std::string dump(const Database& db) {
  return db.read([&] {
    Text text;
    dump_checkpoints(text, db);
    dump_sessions(text, db);
    dump_runs(text, db);
    dump_manifests(text, db);
    for (const auto& name : db.state("any").list_states()) {
      text.line("state ", name);
      dump_state(text, db.state(name));
    }
    dump_leases(text, db);
    dump_row_counts(text, db);
    return text.take();
  });
}

std::uint64_t digest_of(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string first_difference(std::string_view expected, std::string_view found) {
  const auto [a, b] = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
  if (a == expected.end() && b == found.end()) return "no difference";
  const auto line_at = [](std::string_view text, std::string_view::const_iterator place) {
    const auto at = static_cast<std::size_t>(place - text.begin());
    const auto before = text.substr(0, at).rfind('\n');
    const auto begin = before == std::string_view::npos ? 0 : before + 1;
    return std::string(text.substr(begin, text.find('\n', at) - begin));
  };
  return "expected: " + line_at(expected, a) + "\nfound:    " + line_at(found, b);
}

}  // namespace holdfast::test
