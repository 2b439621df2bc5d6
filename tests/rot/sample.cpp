#include "rot/sample.hpp"

#include <cstdint>
#include <string>

namespace holdfast::test {

namespace {

// Nothing that repeats itself within a page.
std::string filler(std::uint64_t salt, std::size_t bytes) {
  std::string text;
  for (std::uint64_t i = salt; text.size() < bytes; ++i)
    text += std::to_string(i * 2'654'435'761U) + ",";
  text.resize(bytes);
  return text;
}

// Large enough for the content tables; small there, since it compresses.
std::string large(char letter) {
  return std::string(70'000, letter);
}

std::string entry(int number, std::size_t bytes = 0) {
  return R"({"kind":"user_input","turn_count":)" + std::to_string(number) + R"(,"text":")" +
         filler(static_cast<std::uint64_t>(number), bytes) + R"("})";
}

Bytes bytes_of(const std::string& text) {
  return to_bytes(text);
}

void add_checkpoints(std::vector<Step>& steps) {
  steps.emplace_back([](Database& db) {
    db.checkpoints().save("trace-a", {"a1", bytes_of(R"({"step":1})"), 7, 1});
  });
  steps.emplace_back([](Database& db) {
    db.checkpoints().save("trace-a", {"a2", bytes_of(filler(1, 900)), 7, 2});
  });
  steps.emplace_back([](Database& db) {
    db.checkpoints().save("trace-b", {"b1", bytes_of(large('b')), 8, 3});
  });
  steps.emplace_back([](Database& db) {
    for (int i = 3; i < 8; ++i)
      db.checkpoints().save("trace-a", {"a" + std::to_string(i), bytes_of(filler(2, 60)), 7, i});
  });
}

void add_sessions(std::vector<Step>& steps) {
  steps.emplace_back([](Database& db) {
    db.sessions().create_segment("session-a", "g1", {}, {.metadata = R"({"title":"one"})"});
  });
  for (int i = 0; i < 4; ++i) {
    steps.emplace_back([i](Database& db) {
      db.sessions().append("session-a", "g1", entry(i, i == 2 ? 1200 : 40));
    });
  }
  steps.emplace_back([](Database& db) {
    db.sessions().append("session-b", "h1", "\x01\x02", {.codec = "raw"});
    db.sessions().append_trace("session-a", "g1", R"({"kind":"trace"})");
    db.sessions().append("session-a", "g2", entry(9));
    db.sessions().pods().write("pod-1", R"({"image":"x"})");
  });
}

void add_runs(std::vector<Step>& steps) {
  for (int i = 0; i < 4; ++i) {
    steps.emplace_back([i](Database& db) {
      db.transact([&] {
        db.runs().append("run-a", {entry(2 * i, 30), entry(2 * i + 1, 30)});
        const auto at = static_cast<std::uint64_t>(2 * i + 2);
        db.runs().save_snapshot({"run-a", at, bytes_of(filler(at, 200))});
      });
    });
  }
  steps.emplace_back([](Database& db) { db.runs().save_snapshot({"run-b", 40, bytes_of("{}")}); });
}

std::string manifest_json(int id) {
  const std::string number = std::to_string(id);
  return R"({"version":1,"checkpoint_id":)" + number + R"(,"epoch":)" + number +
         R"(,"timestamp_ms":1767225600000,"source_offsets":{"source":{"offset":)" + number + "}}}";
}

void add_manifests(std::vector<Step>& steps) {
  for (int id = 1; id < 4; ++id) {
    steps.emplace_back([id](Database& db) {
      db.manifests("job").save_with_state(Manifest::from_json(manifest_json(id)),
                                          filler(static_cast<std::uint64_t>(id), 300));
    });
  }
  steps.emplace_back([](Database& db) {
    db.manifests("job").save(Manifest::from_json(manifest_json(4)));
    db.manifests().save_with_state(Manifest::from_json(manifest_json(1)), "state");
    db.manifests("job").save_state_data(9, {"an orphan"});
  });
}

void add_state(std::vector<Step>& steps) {
  for (int i = 0; i < 4; ++i) {
    steps.emplace_back([i](Database& db) {
      for (int j = 0; j < 8; ++j) {
        const std::string key = "key-" + std::to_string((i * 5 + j) % 16);
        db.state("orders").put(key, filler(static_cast<std::uint64_t>(i * 100 + j), 25));
      }
    });
    steps.emplace_back([i](Database& db) {
      db.state("orders").checkpoint(static_cast<std::uint64_t>(i));
      db.state("orders").remove("key-" + std::to_string(i));
    });
  }
  steps.emplace_back([](Database& db) {
    auto partition = db.state("orders").partition({"op:1", 2, 3});
    partition.put("a", "of the partition");
    partition.put("b", large('s'));
    db.state("orders").put("", filler(5, 700));
  });
  steps.emplace_back([](Database& db) { db.state("other").put("k", "v"); });
}

void add_the_rest(std::vector<Step>& steps) {
  steps.emplace_back(
      [](Database& db) { db.leases().acquire("leader", "somebody", 365LL * 24 * 3600 * 1000); });
  steps.emplace_back([](Database& db) { db.checkpoints().prune("trace-a", 4); });
  steps.emplace_back([](Database& db) { db.sessions().truncate("session-a", "g1", 3); });
  steps.emplace_back([](Database& db) { db.runs().prune("run-a", 2); });
  steps.emplace_back([](Database& db) { db.state("orders").drop_checkpoint(1); });
  steps.emplace_back([](Database& db) { db.manifests("job").prune(2); });
  steps.emplace_back([](Database& db) {
    db.transact([&] {
      db.checkpoints().save("trace-a", {"a8", bytes_of("the newest"), 7, 9});
      db.sessions().append("session-a", "g1", entry(5));
      db.runs().append("run-a", {"\xff"});
      db.state("orders").put("key-3", "put last");
      db.manifests("job").save_with_state(Manifest::from_json(manifest_json(5)), "state of 5");
    });
  });
}

}  // namespace

const std::vector<Step>& sample_steps() {
  static const std::vector<Step> steps = [] {
    std::vector<Step> made;
    add_checkpoints(made);
    add_sessions(made);
    add_runs(made);
    add_manifests(made);
    add_state(made);
    add_the_rest(made);
    return made;
  }();
  return steps;
}

void write_more(Database& db) {
  db.transact([&] {
    db.checkpoints().save("trace-a", {"a9", bytes_of(filler(9, 300)), 7, 10});
    db.sessions().append("session-a", "g1", entry(6));
    const std::uint64_t head = db.runs().append("run-a", {entry(20)});
    db.runs().save_snapshot({"run-a", head, bytes_of("more")});
    db.manifests("job").save_with_state(Manifest::from_json(manifest_json(6)), filler(6, 300));
    db.state("orders").put("key-4", "more");
    db.state("orders").put("key-new", filler(7, 90));
    db.state("orders").remove("key-5");
  });
}

}  // namespace holdfast::test
