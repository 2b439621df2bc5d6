// How long does a writer wait while the write-ahead log is moved into the file?
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/question.hpp"
#include "support/sqlite.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

using namespace bench;
using holdfast::Durability;

namespace {

struct Load {
  std::size_t puts;
  double limit_s;
};

constexpr std::size_t kEntries = 100'000;

// The longest of many single puts at random keys, and their median, in ms. It goes on until the log was moved.
template <class Put, class Moved>
std::vector<double> longest(const Load& load, Random& random, const Put& put, const Moved& moved) {
  std::vector<double> times;
  const Stopwatch all;
  for (std::size_t i = 0; (i < load.puts && all.seconds() < load.limit_s) || !moved(); ++i) {
    const std::size_t index = random.below(kEntries);
    const Stopwatch watch;
    put(index, i);
    times.push_back(watch.ms());
  }
  return {*std::max_element(times.begin(), times.end()), median(times)};
}

Prepare holdfast_puts(const Load& load, Durability durability) {
  return [=](const Place& place) -> Body {
    const auto db = open_holdfast(place, open_options(durability));
    const auto state = db->state("state");
    fill(*db, state, kEntries);
    return [=, partitions = partitions_of(state), random = Random(41)]() mutable {
      const std::uint64_t before = db->statistics().wal_checkpoints;
      const auto put = [&](std::size_t index, std::size_t version) {
        const StateKey key = state_key(index);
        partitions[key.partition].put(key.key, state_value(index, version));
      };
      return longest(load, random, put, [&] { return db->statistics().wal_checkpoints > before; });
    };
  };
}

Prepare sqlite_puts(const Load& load, bool sync) {
  return [=](const Place& place) -> Body {
    const std::shared_ptr<Store> store = open_sqlite({place.folder});
    fill(*store, kEntries);
    store->set_sync(sync);
    return [=, random = Random(41)]() mutable {
      const auto put = [&](std::size_t index, std::size_t version) {
        store->put(state_key(index).flat(), state_value(index, version));
      };
      // Every 1,000 pages: a round has more.
      return longest(load, random, put, [] { return true; });
    };
  };
}

void ask(Question& question, Durability durability) {
  const bool sync = durability == Durability::full;
  const Load load{question.size(30'000, 100'000), question.settings().full ? 60.0 : 4.0};
  Table table(std::string("random puts, one per commit, ") + (sync ? "full" : "normal"),
              {{"longest", "ms"}, {"median", "ms"}},
              "the log is moved at least once in a round");
  table.rounds(2, 3);
  table.contender("holdfast", holdfast_puts(load, durability));
  table.contender("SQLite", sqlite_puts(load, sync));
  table.target(figure_at_most(15, "holdfast"));
  table.target(only_told("holdfast", "SQLite"));
  question.run(table);
}

}  // namespace

int main(int argc, char** argv) {
  Question question(argc,
                    argv,
                    "checkpoint_pause",
                    "How long does a writer wait while the log is moved into the file?");
  ask(question, Durability::normal);
  ask(question, Durability::full);
  return question.finish();
}
