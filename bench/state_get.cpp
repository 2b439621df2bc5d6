// What does it cost to read one value of a keyed state, at random?
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/question.hpp"

#include <memory>
#include <string>
#include <vector>

using namespace bench;

namespace {

struct Load {
  std::size_t entries;
  std::size_t gets;
};

// The keys that all contenders ask for, in the same order.
std::shared_ptr<const std::vector<StateKey>> asked(const Load& load) {
  auto keys = std::make_shared<std::vector<StateKey>>();
  Random random(7);
  for (std::size_t i = 0; i < load.gets; ++i)
    keys->push_back(state_key(random.below(load.entries)));
  return keys;
}

std::shared_ptr<const std::vector<std::string>> asked_flat(const Load& load) {
  const auto states = asked(load);
  auto keys = std::make_shared<std::vector<std::string>>();
  for (const StateKey& key : *states)
    keys->push_back(key.flat());
  return keys;
}

Prepare holdfast_gets(const Load& load, bool inside_read) {
  return [=](const Place& place) {
    const auto db = open_holdfast(place, open_options());
    const auto state = db->state("state");
    fill(*db, state, load.entries);
    return [=, keys = asked(load), partitions = partitions_of(state)]() -> std::vector<double> {
      std::size_t found = 0;
      const auto run = [&] {
        for (const StateKey& key : *keys)
          found += partitions[key.partition].get(key.key)->size();
      };
      const Stopwatch watch;
      if (inside_read) {
        db->read(run);
      } else {
        run();
      }
      const double time = watch.us_each(keys->size());
      if (found != keys->size() * 100) fail("holdfast: wrong values");
      return {time};
    };
  };
}

// All entries are in memory, as they are after they were put or asked for once.
Prepare write_back_gets(const Load& load) {
  return [=](const Place& place) {
    const auto db = open_holdfast(place, open_options());
    const auto state = db->state("state", write_back_options());
    fill(*db, state, load.entries);
    const auto partitions = partitions_of(state);
    const auto keys = asked(load);
    for (const StateKey& key : *keys)
      partitions[key.partition].get(key.key);
    return [=]() -> std::vector<double> {
      std::size_t found = 0;
      const Stopwatch watch;
      for (const StateKey& key : *keys)
        found += partitions[key.partition].get(key.key)->size();
      const double time = watch.us_each(keys->size());
      if (found != keys->size() * 100) fail("holdfast, write-back: wrong values");
      return {time};
    };
  };
}

Body store_gets(const Load& load, const std::shared_ptr<Store>& store, bool hold) {
  fill(*store, load.entries);
  return [=, keys = asked_flat(load)]() -> std::vector<double> {
    std::size_t found = 0;
    const Stopwatch watch;
    if (hold) store->hold_reads();
    for (const std::string& key : *keys)
      found += store->get(key)->size();
    if (hold) store->release_reads();
    const double time = watch.us_each(keys->size());
    if (found != keys->size() * 100) fail("wrong values");
    return {time};
  };
}

}  // namespace

int main(int argc, char** argv) {
  Question question(
      argc, argv, "state_get", "What does it cost to read one value of a keyed state?");
  const Load load{question.size(100'000, 1'000'000), question.size(50'000, 200'000)};
  Table table(std::to_string(load.entries) + " keys, values of 100 bytes, at random",
              {{"get", "us"}},
              "each returns an owned copy; caches of 64 MiB; all of it in the kernel's page cache");
  table.contender("holdfast", holdfast_gets(load, false));
  table.contender("holdfast, inside read", holdfast_gets(load, true));
  table.contender("holdfast, write-back", write_back_gets(load));
  table.contender("SQLite, a transaction each", [=](const Place& place) {
    return store_gets(load, open_sqlite({place.folder}), false);
  });
  table.contender("SQLite, open transaction", [=](const Place& place) {
    return store_gets(load, open_sqlite({place.folder}), true);
  });
  add_rivals(table,
             [=](const std::shared_ptr<Store>& store) { return store_gets(load, store, true); },
             {"SQLite"});
  table.contender("map under a shared lock",
                  [=](const Place&) { return store_gets(load, open_map(), false); });
  table.target(at_most(1.1, "holdfast, inside read", "SQLite, open transaction"));
  table.target(at_most(2.0, "holdfast, inside read", "LMDB"));
  table.target(only_told("holdfast", "SQLite, a transaction each"));
  table.target(only_told("holdfast, inside read", "LevelDB"));
  table.target(only_told("holdfast, inside read", "RocksDB"));
  table.target(at_most(1.3, "holdfast, write-back", "map under a shared lock"));
  question.run(table);
  return question.finish();
}
