// What does it cost to load a keyed state, its keys in random order, 1,000 to a commit?
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/question.hpp"

#include <memory>
#include <string>
#include <vector>

using namespace bench;

namespace {

constexpr std::size_t kBatch = 1000;

// A load begins with an empty store each time, so it is opened, loaded and closed in each round.
Body store_load(std::size_t entries, const std::function<std::unique_ptr<Store>()>& open) {
  return [=]() -> std::vector<double> {
    const std::vector<std::size_t> order = shuffled(entries, 3);
    const std::unique_ptr<Store> store = open();
    const Stopwatch watch;
    for (std::size_t begin = 0; begin < entries; begin += kBatch) {
      std::vector<Pair> owned;
      for (std::size_t i = begin; i < begin + kBatch; ++i)
        owned.emplace_back(state_key(order[i]).flat(), state_value(order[i]));
      store->write(std::vector<PairView>(owned.begin(), owned.end()));
    }
    return {watch.us_each(entries)};
  };
}

Body holdfast_load(std::size_t entries, const Place& place) {
  return [=]() -> std::vector<double> {
    std::filesystem::remove_all(place.folder);
    std::filesystem::create_directories(place.folder);
    const std::vector<std::size_t> order = shuffled(entries, 3);
    const auto db = open_holdfast(place, open_options());
    auto partitions = partitions_of(db->state("state"));
    const Stopwatch watch;
    for (std::size_t begin = 0; begin < entries; begin += kBatch) {
      db->transact([&] {
        for (std::size_t i = begin; i < begin + kBatch; ++i) {
          const StateKey key = state_key(order[i]);
          partitions[key.partition].put(key.key, state_value(order[i]));
        }
      });
    }
    return {watch.us_each(entries)};
  };
}

}  // namespace

int main(int argc, char** argv) {
  Question question(
      argc, argv, "state_load", "What does it cost to load a keyed state in random order?");
  const std::size_t entries = question.size(100'000, 1'000'000);
  Table table(std::to_string(entries) + " keys in random order, 1,000 per commit, full",
              {{"load", "us per entry"}},
              "the making of keys and values is part of it, the same for all");
  table.rounds(3, 3);
  table.contender("holdfast", [=](const Place& place) { return holdfast_load(entries, place); });
  for_each_rival(table, [&](const Rival& rival) {
    table.contender(rival.name, [=, &rival](const Place& place) {
      return store_load(entries, [=, &rival] {
        std::filesystem::remove_all(place.folder);
        std::filesystem::create_directories(place.folder);
        return rival.open({place.folder});
      });
    });
  });
  table.target(at_most(1.0, "holdfast", "LevelDB"));
  table.target(only_told("holdfast", "SQLite"));
  table.target(only_told("holdfast", "LMDB"));
  question.run(table);
  return question.finish();
}
