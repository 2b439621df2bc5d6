// What do real documents and real events cost?
//
// HOLDFAST_TEST_DATA names a folder with documents/ (editing traces, a registry's history) and events/ (a tree's
// changes, earthquakes); without it the question is skipped. Nothing of it is a part of this project.
#include "support/real_data.hpp"

#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/question.hpp"
#include "support/successive.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

using namespace bench;
using holdfast::Durability;

namespace {

void ask_states(Question& question, const std::string& title, std::vector<std::string> states) {
  const auto shared = std::make_shared<const std::vector<std::string>>(std::move(states));
  Table table("successive states: " + title + ", " + std::to_string(shared->size()),
              kStateMeasures,
              "full durability");
  table.rounds(1, 3);
  add_states(table, shared->size(), [=]() -> States {
    return [=, next = std::size_t{0}]() mutable -> const std::string& { return (*shared)[next++]; };
  });
  table.target(only_told("holdfast", "file"));
  table.target(of_measure(1, only_told("holdfast", "SQLite, a row")));
  table.target(of_measure(2, only_told("holdfast", "file")));
  question.run(table);
}

using Events = std::shared_ptr<const std::vector<Changes>>;

Body holdfast_events(const Events& events, const Place& place) {
  return [=]() -> std::vector<double> {
    std::filesystem::remove_all(place.folder);
    std::filesystem::create_directories(place.folder);
    const auto db = open_holdfast(place, open_options(Durability::normal));
    auto state = db->state("state");
    const Stopwatch watch;
    for (const Changes& changes : *events) {
      db->transact([&] {
        for (const Change& change : changes) {
          if (change.value) {
            state.put(change.key, *change.value);
          } else {
            state.remove(change.key);
          }
        }
      });
    }
    return {watch.us_each(events->size())};
  };
}

Body store_events(const Events& events, const std::function<std::unique_ptr<Store>()>& open) {
  return [=]() -> std::vector<double> {
    const std::unique_ptr<Store> store = open();
    store->set_sync(false);
    const Stopwatch watch;
    for (const Changes& changes : *events) {
      std::vector<PairView> batch;
      for (const Change& change : changes)
        batch.emplace_back(change.key,
                           change.value ? std::string_view(*change.value) : std::string_view());
      store->write(batch);
    }
    return {watch.us_each(events->size())};
  };
}

void ask_events(Question& question, const std::string& title, std::vector<Changes> transactions) {
  const auto events = std::make_shared<const std::vector<Changes>>(std::move(transactions));
  Table table("events as keyed state: " + title,
              {{"transaction", "us"}},
              std::to_string(events->size()) + " transactions, normal durability");
  table.rounds(3, 5);
  table.contender("holdfast", [=](const Place& place) { return holdfast_events(events, place); });
  for (const Rival& rival : rivals()) {
    if (!rival.open) continue;
    table.contender(rival.name, [=, &rival](const Place& place) {
      return store_events(events, [=, &rival] {
        std::filesystem::remove_all(place.folder);
        std::filesystem::create_directories(place.folder);
        return rival.open({place.folder});
      });
    });
  }
  table.target(only_told("holdfast", "SQLite"));
  table.target(only_told("holdfast", "LMDB"));
  question.run(table);
}

}  // namespace

int main(int argc, char** argv) {
  Question question(argc, argv, "real_data", "What do real documents and real events cost?");
  const auto folder = data_folder();
  if (!folder) {
    question.skip("real data", "HOLDFAST_TEST_DATA is not set");
    return question.finish();
  }
  const std::size_t states = question.size(100, 500);
  const auto with = [&](const std::string& name, const auto& ask) {
    const std::string file = *folder + "/" + name;
    if (std::filesystem::exists(file)) {
      ask(file);
    } else {
      question.skip(name, "is not there");
    }
  };
  for (const std::string name :
       {"automerge-paper", "rustcode", "json-crdt-patch", "clownschool_flat"})
    with("documents/" + name + ".json.gz", [&](const std::string& file) {
      ask_states(question, name, document_states(file, states));
    });
  with("documents/wrapdb-releases-history.tar.zst", [&](const std::string& file) {
    std::vector<std::string> history = archived_states(file);
    history.resize(std::min(history.size(), question.size(300, history.size())));
    ask_states(question, "wrapdb-releases", std::move(history));
  });
  with("events/druid-tree-events.tsv.zst",
       [&](const std::string& file) { ask_events(question, "druid's tree", tree_events(file)); });
  with("events/earthquakes.json",
       [&](const std::string& file) { ask_events(question, "earthquakes", earthquakes(file)); });
  return question.finish();
}
