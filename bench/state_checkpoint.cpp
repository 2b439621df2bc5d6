// What does a checkpoint of a keyed state cost when a hundredth of it has changed, and what does it cost to go back?
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/files.hpp"
#include "support/question.hpp"

#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

using namespace bench;

namespace {

constexpr std::uint64_t kUnsynced = 1'000'000;  // the id of a checkpoint that goes at once

struct Load {
  std::size_t entries;
  bool clustered;  // the changed keys follow each other in key order; else at random
  std::size_t changes() const { return entries / 100; }
};

std::vector<std::size_t> changed(const Load& load, Random& random) {
  std::vector<std::size_t> indexes;
  const std::size_t first = random.below(load.entries - load.changes() * kPartitions);
  for (std::size_t i = 0; i < load.changes(); ++i)
    indexes.push_back(load.clustered ? first + i * kPartitions : random.below(load.entries));
  return indexes;
}

// A hash map that is saved and read back as a whole: count, then each key and value after its length.
class Serialised {
 public:
  explicit Serialised(std::size_t entries) {
    for (std::size_t i = 0; i < entries; ++i)
      map_[state_key(i).flat()] = state_value(i);
  }

  void put(const std::string& key, const std::string& value) { map_[key] = value; }
  std::size_t size() const { return map_.size(); }

  std::string serialise() const {
    std::size_t bytes = sizeof(std::uint64_t);
    for (const auto& [key, value] : map_)
      bytes += 8 + key.size() + value.size();
    std::string out;
    out.reserve(bytes);
    append_number(out, map_.size(), 8);
    for (const auto& [key, value] : map_) {
      append_number(out, key.size(), 4);
      out += key;
      append_number(out, value.size(), 4);
      out += value;
    }
    return out;
  }

  void rebuild(const std::string& bytes) {
    const char* at = bytes.data();
    const std::uint64_t count = number(at, 8);
    std::unordered_map<std::string, std::string> map;
    map.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      std::string key = text(at);
      map.emplace(std::move(key), text(at));
    }
    map_ = std::move(map);
  }

 private:
  static void append_number(std::string& out, std::uint64_t value, std::size_t width) {
    out.append(reinterpret_cast<const char*>(&value), width);
  }
  static std::uint64_t number(const char*& at, std::size_t width) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, width);
    at += width;
    return value;
  }
  static std::string text(const char*& at) {
    const std::uint64_t size = number(at, 4);
    std::string bytes(at, size);
    at += size;
    return bytes;
  }

  std::unordered_map<std::string, std::string> map_;
};

// Puts, then the checkpoint; the puts are of one transaction, at full. Then the same changes again, and back to
// the checkpoint.
Body holdfast_checkpoints(const Load& load, const Place& place) {
  const auto db = open_holdfast(place, open_options());
  auto state = db->state("state");
  fill(*db, state, load.entries);
  state.checkpoint(1);
  return [=,
          partitions = partitions_of(state),
          random = Random(31),
          id = std::uint64_t{1}]() mutable -> std::vector<double> {
    const auto put_all = [&](const std::vector<std::size_t>& indexes, std::size_t version) {
      db->transact([&] {
        for (const std::size_t index : indexes) {
          const StateKey key = state_key(index);
          partitions[key.partition].put(key.key, state_value(index, version));
        }
      });
    };
    const auto indexes = changed(load, random);
    const Stopwatch saving;
    put_all(indexes, ++id);
    const Stopwatch marking;
    state.checkpoint(id);
    const double mark_ms = marking.ms();
    const double save_ms = saving.ms();
    const Stopwatch marking_again;
    db->transact([&] { state.checkpoint(kUnsynced); },
                 {.durability = holdfast::Durability::normal});
    const double unsynced_ms = marking_again.ms();
    state.drop_checkpoint(kUnsynced);
    if (id > 3) state.drop_checkpoint(id - 2);  // the newest two are kept
    put_all(changed(load, random), id + 1'000'000);
    const Stopwatch restoring;
    state.restore(id);
    return {save_ms, mark_ms, unsynced_ms, restoring.ms()};
  };
}

Body serialised_checkpoints(const Load& load, const Place& place) {
  const auto map = std::make_shared<Serialised>(load.entries);
  return [=, random = Random(31), id = std::size_t{1}]() mutable -> std::vector<double> {
    const auto put_all = [&](const std::vector<std::size_t>& indexes, std::size_t version) {
      for (const std::size_t index : indexes)
        map->put(state_key(index).flat(), state_value(index, version));
    };
    const auto indexes = changed(load, random);
    const Stopwatch saving;
    put_all(indexes, ++id);
    const Stopwatch marking;
    save_file(place.file("state"), map->serialise());
    const double mark_ms = marking.ms();
    const double save_ms = saving.ms();
    const Stopwatch serialising;
    if (map->serialise().empty()) fail("nothing was serialised");
    const double unsynced_ms = serialising.ms();
    put_all(changed(load, random), id + 1'000'000);
    const Stopwatch restoring;
    map->rebuild(load_file(place.file("state")));
    if (map->size() != load.entries) fail("a wrong state");
    return {save_ms, mark_ms, unsynced_ms, restoring.ms()};
  };
}

void ask(Question& question, const Load& load) {
  Table table(std::to_string(load.entries) + " entries, 1 % changed, " +
                  (load.clustered ? "keys side by side" : "keys at random"),
              {{"changes and checkpoint", "ms"},
               {"the checkpoint alone", "ms"},
               {"the same, not synced", "ms"},
               {"restore", "ms"}},
              "full durability; the rival serialises all of its map into a file: create, fsync, "
              "rename, fsync of the folder");
  table.rounds(3, 5);
  const char* rival = "serialise and save";
  table.contender("holdfast",
                  [=](const Place& place) { return holdfast_checkpoints(load, place); });
  table.contender(rival, [=](const Place& place) { return serialised_checkpoints(load, place); });
  table.target(at_most(load.clustered ? 0.05 : 0.10, "holdfast", rival));
  table.target(of_measure(1, figure_at_most(0.3, "holdfast")));
  table.target(of_measure(2, figure_at_most(0.3, "holdfast")));
  table.target(of_measure(3, at_most(0.5, "holdfast", rival)));
  question.run(table);
}

// Puts of one state that keeps a checkpoint after each round, and of one that has none.
void ask_puts(Question& question, std::size_t entries) {
  Table table("puts with checkpoints retained, " + std::to_string(entries) + " entries",
              {{"put", "us"}},
              "random keys, 1,000 per commit, full");
  table.rounds(3, 7);
  const std::size_t commits = question.size(10, 20);
  for (const bool retained : {true, false}) {
    table.contender(retained ? "with checkpoints" : "without", [=](const Place& place) -> Body {
      const auto db = open_holdfast(place, open_options());
      auto state = db->state("state");
      fill(*db, state, entries);
      return [=,
              partitions = partitions_of(state),
              random = Random(37),
              id = std::uint64_t{0}]() mutable -> std::vector<double> {
        ++id;
        if (retained) state.checkpoint(id);
        const Stopwatch watch;
        for (std::size_t commit = 0; commit < commits; ++commit) {
          db->transact([&] {
            for (int i = 0; i < 1000; ++i) {
              const std::size_t index = random.below(entries);
              const StateKey key = state_key(index);
              partitions[key.partition].put(key.key, state_value(index, id));
            }
          });
        }
        return {watch.us_each(commits * 1000)};
      };
    });
  }
  table.target(at_most(1.3, "with checkpoints", "without"));
  question.run(table);
}

}  // namespace

int main(int argc, char** argv) {
  Question question(
      argc, argv, "state_checkpoint", "What does a checkpoint of a keyed state cost?");
  const std::size_t entries = question.size(100'000, 1'000'000);
  ask(question, {entries, false});
  ask(question, {entries, true});
  ask_puts(question, entries);
  return question.finish();
}
