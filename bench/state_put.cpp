// What does it cost to change one value of a keyed state, at random?
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/question.hpp"

#include <memory>
#include <string>
#include <vector>

using namespace bench;
using holdfast::Durability;

namespace {

struct Load {
  std::size_t entries;
  std::size_t puts;   // in a round
  std::size_t batch;  // in a commit
  double limit_s;
};

// Different keys and values in each round, the same for all contenders.
class Changes {
 public:
  explicit Changes(const Load& load) : load_(load) {}

  struct Change {
    StateKey key;
    std::string flat;
    std::string value;
  };
  std::vector<Change> next() {
    ++version_;
    std::vector<Change> changes;
    for (std::size_t i = 0; i < load_.puts; ++i) {
      const std::size_t index = random_.below(load_.entries);
      StateKey key = state_key(index);
      std::string flat = key.flat();
      changes.push_back({std::move(key), std::move(flat), state_value(index, version_)});
    }
    return changes;
  }

 private:
  Load load_;
  Random random_{11};
  std::size_t version_ = 0;
};

// `commit` gets the first change of each batch.
template <class Commit>
double us_per_put(const Load& load, const Commit& commit) {
  const auto batch = [&](std::size_t number) { commit(number * load.batch); };
  return us_per_call(load.puts / load.batch, load.limit_s, batch) / static_cast<double>(load.batch);
}

Prepare holdfast_puts(const Load& load, Durability durability) {
  return [=](const Place& place) {
    const auto db = open_holdfast(place, open_options(durability));
    const auto state = db->state("state");
    fill(*db, state, load.entries);
    return [=,
            partitions = partitions_of(state),
            source = Changes(load)]() mutable -> std::vector<double> {
      const auto changes = source.next();
      const auto put = [&](std::size_t i) {
        partitions[changes[i].key.partition].put(changes[i].key.key, changes[i].value);
      };
      return {us_per_put(load, [&](std::size_t begin) {
        if (load.batch == 1) return put(begin);
        db->transact([&] {
          for (std::size_t i = begin; i < begin + load.batch; ++i)
            put(i);
        });
      })};
    };
  };
}

// In memory, until a flush that is not timed: without it the buffer would have no end.
Prepare write_back_puts(const Load& load) {
  return [=](const Place& place) {
    const auto db = open_holdfast(place, open_options());
    const auto state =
        std::make_shared<holdfast::StateBackend>(db->state("state", write_back_options()));
    fill(*db, *state, load.entries);
    return [=,
            partitions = partitions_of(*state),
            source = Changes(load)]() mutable -> std::vector<double> {
      const auto changes = source.next();
      const double time = us_per_put(load, [&](std::size_t i) {
        partitions[changes[i].key.partition].put(changes[i].key.key, changes[i].value);
      });
      state->flush();
      return {time};
    };
  };
}

// The same changes as one closed transaction, which any thread may lead.
Prepare holdfast_batches(const Load& load) {
  return [=](const Place& place) {
    const auto db = open_holdfast(place, open_options());
    const auto state = db->state("state");
    fill(*db, state, load.entries);
    return [=,
            partitions = partitions_of(state),
            source = Changes(load)]() mutable -> std::vector<double> {
      const auto changes = source.next();
      return {us_per_put(load, [&](std::size_t begin) {
        holdfast::Batch batch;
        for (std::size_t i = begin; i < begin + load.batch; ++i)
          batch.put(partitions[changes[i].key.partition], changes[i].key.key, changes[i].value);
        db->commit(batch);
      })};
    };
  };
}

Body store_puts(const Load& load, const std::shared_ptr<Store>& store, bool sync) {
  fill(*store, load.entries);
  store->set_sync(sync);
  return [=, source = Changes(load)]() mutable -> std::vector<double> {
    const auto changes = source.next();
    return {us_per_put(load, [&](std::size_t begin) {
      std::vector<PairView> batch;
      for (std::size_t i = begin; i < begin + load.batch; ++i)
        batch.emplace_back(changes[i].flat, changes[i].value);
      store->write(batch);
    })};
  };
}

void ask(Question& question, const Load& load, Durability durability) {
  const bool sync = durability == Durability::full;
  Table table(std::to_string(load.entries) + " keys, " + std::to_string(load.batch) +
                  " per commit, " + (sync ? "full" : "normal"),
              {{"put", "us"}},
              "random keys, values of 100 bytes");
  table.rounds(3, 7);
  table.contender("holdfast", holdfast_puts(load, durability));
  if (load.batch > 1) table.contender("holdfast, Batch", holdfast_batches(load));
  add_rivals(table,
             [=](const std::shared_ptr<Store>& store) { return store_puts(load, store, sync); });
  if (!sync) {
    table.contender("holdfast, write-back", write_back_puts(load));
    table.contender("map under a shared lock",
                    [=](const Place&) { return store_puts(load, open_map(), false); });
    table.target(at_most(1.6, "holdfast, write-back", "map under a shared lock"));
  }
  table.target(only_told("holdfast", "SQLite"));
  if (load.batch > 1 && sync) {
    for (const char* ours : {"holdfast", "holdfast, Batch"}) {
      table.target(at_most(1.0, ours, "LMDB"));
      table.target(only_told(ours, "LevelDB"));
    }
  }
  question.run(table);
}

}  // namespace

int main(int argc, char** argv) {
  Question question(
      argc, argv, "state_put", "What does it cost to change one value of a keyed state?");
  const std::size_t entries = question.size(100'000, 1'000'000);
  const double limit_s = 5 * question.limit_s();
  ask(question, {entries, question.size(20'000, 50'000), 1000, limit_s}, Durability::full);
  ask(question, {entries, question.size(200, 500), 1, limit_s}, Durability::full);
  ask(question, {entries, question.size(5'000, 20'000), 1, limit_s}, Durability::normal);
  return question.finish();
}
