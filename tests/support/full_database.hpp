// A database with something of every kind in it, small and large payloads alike: what verify() must find
// sound, and what damage is planted in.
#pragma once

#include "holdfast/database.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace holdfast::test {

// Large enough for the content tables, and nothing that compresses to nothing.
inline std::string large_payload(std::uint64_t salt, std::size_t bytes = 200'000) {
  std::string text;
  for (std::uint64_t i = 0; text.size() < bytes; ++i) {
    text += std::to_string((salt * 1'000'003 + i) * 2'654'435'761U) + ",";
  }
  return text;
}

inline void fill_checkpoints(const Database& db) {
  auto store = db.checkpoints();
  store.save("trace-1", {"c1", to_bytes("{\"step\":1}"), 7, 1'700'000'000'000'000'000});
  store.save("trace-1", {"c2", to_bytes(large_payload(1)), 7, 1'700'000'000'000'000'001});
  store.save("trace-1", {"c3", to_bytes("\x01\x02"), 7, 1'700'000'000'000'000'002});
  store.save("trace-2", {"d1", {}, 0xffff'ffff'ffff'ffff, 0});
}

inline void fill_sessions(const Database& db) {
  auto store = db.sessions();
  store.create_segment("session-1", "g1", {}, {.metadata = "{\"title\":\"one\"}"});
  for (int i = 0; i < 5; ++i) {
    store.append("session-1", "g1", "{\"kind\":\"user_input\",\"n\":" + std::to_string(i) + "}");
  }
  store.append("session-1", "g1", "[" + large_payload(2) + "0]");
  store.append_trace("session-1", "g1", "{\"kind\":\"trace\"}");
  store.append("session-1", "g2", "{\"kind\":\"invoke\"}");
  store.append("session-2", "h1", "\x01", {.codec = "raw"});
  store.pods().write("pod-1", "{\"image\":\"x\"}");
  store.pods().write("pod-2", "[" + large_payload(3) + "0]");
}

inline void fill_runs(const Database& db) {
  auto store = db.runs();
  for (int i = 0; i < 10; ++i)
    store.append("run-1", {"{\"n\":" + std::to_string(i) + "}"});
  store.save_snapshot({"run-1", 3, to_bytes("three")});
  store.save_snapshot({"run-1", 7, to_bytes(large_payload(4))});
  store.save_snapshot({"run-2", 40, to_bytes("{}")});
}

inline void fill_manifests(const Database& db) {
  auto store = db.manifests();
  store.save_with_state(Manifest(1, 1, 1'700'000'000'000), {"state of 1"});
  store.save_with_state(Manifest(2, 2, 1'700'000'001'000), {large_payload(5)});
  store.save(Manifest(3, 3, 1'700'000'002'000));
  db.manifests("job").save(Manifest(8, 1, 1'700'000'000'000));
}

inline void fill_state(const Database& db) {
  auto state = db.state("orders");
  state.put("a", "1");
  state.put("b", large_payload(6));
  state.put("c", "{\"n\":1}");
  state.put("", "the empty key");
  state.partition({"op:1", 2, 3}).put("a", "of the partition");
  state.checkpoint(9);
  state.put("a", "2");                // kept as it was, inline
  state.put("b", large_payload(7));   // kept as it was, in content
  state.put("new", "absent before");  // kept as absent
  state.remove("c");
  state.checkpoint(10);
  state.put("a", "3");
  state.remove("new");
  state.put("newer", "4");
}

inline void fill(const Database& db) {
  fill_checkpoints(db);
  fill_sessions(db);
  fill_runs(db);
  fill_manifests(db);
  fill_state(db);
  db.leases().acquire("leader", "somebody", 60'000);
}

}  // namespace holdfast::test
