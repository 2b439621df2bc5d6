// Everything that a database has, as a caller sees it: place and value. Two databases are compared by it;
// of a salvaged one every pair must be one of the original's.
#pragma once

#include "holdfast/database.hpp"

#include <map>
#include <string>

namespace holdfast::test {

using Everything = std::map<std::string, std::string>;

inline std::string value_of(BytesView bytes) {
  return std::string(as_text(bytes));
}

inline void add_checkpoints(Everything& all, const Database& db) {
  const auto store = db.checkpoints();
  for (const auto& trace : store.list_traces()) {
    for (const auto& id : store.list(trace)) {
      const auto blob = store.load(id).value();
      all["checkpoint " + trace + "/" + id] = value_of(blob.data) + "|" +
                                              std::to_string(blob.graph_hash) + "|" +
                                              std::to_string(blob.created_at_ns);
    }
  }
}

inline void add_sessions(Everything& all, const Database& db) {
  const auto store = db.sessions();
  for (const auto& session : store.list_sessions()) {
    for (const auto& segment : store.list_segments(session)) {
      const std::string place = "segment " + session + "/" + segment + "/";
      const std::string metadata = store.info(segment).value().metadata;
      if (!metadata.empty()) all[place + "metadata"] = metadata;
      for (const auto& entry : store.read_all(session, segment)) {
        all[place + std::to_string(entry.position)] = entry.codec + value_of(entry.data);
      }
      for (const auto& entry : store.read_trace(session, segment)) {
        all[place + "trace " + std::to_string(entry.position)] = entry.codec + value_of(entry.data);
      }
    }
  }
  for (const auto& name : store.pods().list_names())
    all["pod " + name] = store.pods().read_by_name(name).value();
}

inline void add_runs(Everything& all, const Database& db) {
  const auto store = db.runs();
  for (const auto& run : store.list_runs()) {
    for (const auto& event : store.scan(run)) {
      all["event " + run + "/" + std::to_string(event.position)] = value_of(event.data);
    }
    for (const auto& snapshot : store.list(run)) {
      all["snapshot " + run + "/" + std::to_string(snapshot.at_seq)] =
          value_of(store.load_at(run, snapshot.at_seq).value().state);
    }
  }
}

inline void add_manifests(Everything& all, const Database& db) {
  for (const auto& stream : db.manifests().list_streams()) {
    const auto store = db.manifests(stream);
    for (const auto id : store.list_ids()) {
      const auto state = store.load_state_data(id);
      all["manifest " + stream + "/" + std::to_string(id)] =
          store.export_json(id).value() + (state ? "|" + value_of(*state) : "");
    }
  }
}

// A checkpoint is one value: it is there as a whole, or not at all.
inline void add_state(Everything& all, const Database& db) {
  for (const auto& name : db.state("any").list_states()) {
    const auto state = db.state(name);
    for (const auto& entry : state.range_scan(""))
      all["state " + name + "/" + value_of(entry.key)] = value_of(entry.value);
    for (const auto& key : state.list_partitions()) {
      for (const auto& entry : state.partition(key).range_scan("")) {
        all["state " + name + "/" + key.to_prefix() + "/" + value_of(entry.key)] =
            value_of(entry.value);
      }
    }
    for (const auto& checkpoint : state.list_checkpoints()) {
      const auto view = state.read_at(checkpoint.id);
      std::string whole;
      for (const auto& entry : view.range_scan(""))
        whole += value_of(entry.key) + "=" + value_of(entry.value) + "\n";
      for (const auto& key : state.list_partitions()) {
        for (const auto& entry : view.range_scan(key, ""))
          whole += key.to_prefix() + value_of(entry.key) + "=" + value_of(entry.value) + "\n";
      }
      all["state " + name + "@" + std::to_string(checkpoint.id)] = whole;
    }
  }
}

inline Everything everything_in(const Database& db) {
  Everything all;
  add_checkpoints(all, db);
  add_sessions(all, db);
  add_runs(all, db);
  add_manifests(all, db);
  add_state(all, db);
  return all;
}

}  // namespace holdfast::test
