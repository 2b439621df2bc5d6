// Does the cost of an operation grow with what is stored?
//
// Each operation is measured at 10^3, 10^4, ... entries of its own kind, at `normal` durability, so that the disk's
// sync does not hide what an operation costs.
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/question.hpp"
#include "support/sqlite.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace bench;
using holdfast::Durability;

namespace {

constexpr int kSamples = 7;
constexpr std::size_t kCalls = 100;    // in a sample
constexpr std::size_t kFill = 10'000;  // entries per transaction

const std::string kEntry = R"({"kind": "step", "text": ")" + std::string(70, 'x') + "\"}";

// Grows to a size; then measures operations at that size.
struct Subject {
  std::function<void(std::size_t from, std::size_t to)> grow;
  std::vector<std::pair<std::string, std::function<void(std::size_t number)>>> operations;
};

// Entries of a state at a size of `entries` are those of indexes 0..entries-1.
Subject holdfast_state(const Place& place) {
  const auto db = open_holdfast(place, open_options(Durability::normal));
  const auto state = db->state("state");
  const auto partitions = partitions_of(state);
  const auto random = std::make_shared<Random>(43);
  const auto size = std::make_shared<std::size_t>(0);
  const auto put = [=](std::size_t index, std::size_t version) {
    const StateKey key = state_key(index);
    auto entries = partitions[key.partition];
    entries.put(key.key, state_value(index, version));
  };
  Subject subject;
  subject.grow = [=](std::size_t from, std::size_t to) {
    for (std::size_t begin = from; begin < to; begin += kFill)
      db->transact([&] {
        for (std::size_t i = begin; i < std::min(to, begin + kFill); ++i)
          put(i, 0);
      });
    *size = to;
  };
  subject.operations.emplace_back("get", [=](std::size_t) {
    const StateKey key = state_key(random->below(*size));
    if (!partitions[key.partition].get(key.key)) fail("a key is missing");
  });
  subject.operations.emplace_back("put",
                                  [=](std::size_t number) { put(random->below(*size), number); });
  subject.operations.emplace_back("checkpoint and drop", [=](std::size_t number) {
    auto backend = state;
    backend.checkpoint(*size + number);
    backend.drop_checkpoint(*size + number);
  });
  return subject;
}

Subject sqlite_state(const Place& place) {
  const std::shared_ptr<Store> store = open_sqlite({place.folder, false});
  const auto random = std::make_shared<Random>(43);
  const auto size = std::make_shared<std::size_t>(0);
  Subject subject;
  subject.grow = [=](std::size_t from, std::size_t to) {
    for (std::size_t begin = from; begin < to; begin += kFill) {
      std::vector<Pair> owned;
      for (std::size_t i = begin; i < std::min(to, begin + kFill); ++i)
        owned.emplace_back(state_key(i).flat(), state_value(i));
      store->write(std::vector<PairView>(owned.begin(), owned.end()));
    }
    *size = to;
  };
  subject.operations.emplace_back("get", [=](std::size_t) {
    if (!store->get(state_key(random->below(*size)).flat())) fail("a key is missing");
  });
  subject.operations.emplace_back("put", [=](std::size_t number) {
    const std::size_t index = random->below(*size);
    store->put(state_key(index).flat(), state_value(index, number));
  });
  return subject;
}

Subject holdfast_log(const Place& place) {
  const auto db = open_holdfast(place, open_options(Durability::normal));
  Subject subject;
  subject.grow = [=](std::size_t from, std::size_t to) {
    for (std::size_t begin = from; begin < to; begin += kFill)
      db->sessions().append_all(
          "session",
          "segment",
          std::vector<std::string>(std::min(to, begin + kFill) - begin, kEntry));
  };
  subject.operations.emplace_back(
      "append", [=](std::size_t) { db->sessions().append("session", "segment", kEntry); });
  return subject;
}

Subject sqlite_log(const Place& place) {
  const auto log = std::make_shared<SqliteLog>(place.folder / "floor.sqlite", false);
  const auto next = std::make_shared<std::int64_t>(0);
  Subject subject;
  subject.grow = [=](std::size_t from, std::size_t to) {
    log->database().begin();
    for (std::size_t i = from; i < to; ++i)
      log->append(1, (*next)++, kEntry);
    log->database().commit();
  };
  subject.operations.emplace_back("append",
                                  [=](std::size_t) { log->append(1, (*next)++, kEntry); });
  return subject;
}

Subject holdfast_blobs(const Place& place) {
  const auto db = open_holdfast(place, open_options(Durability::normal));
  const auto next = std::make_shared<std::size_t>(0);
  const auto save = [=] {
    db->checkpoints().save(
        "trace",
        {.id = "id-" + std::to_string((*next)++), .data = holdfast::to_bytes(state_value(*next))});
  };
  Subject subject;
  subject.grow = [=](std::size_t from, std::size_t to) {
    for (std::size_t begin = from; begin < to; begin += kFill)
      db->transact([&] {
        for (std::size_t i = begin; i < std::min(to, begin + kFill); ++i)
          save();
      });
  };
  subject.operations.emplace_back("save", [=](std::size_t) { save(); });
  subject.operations.emplace_back("load_latest", [=](std::size_t) {
    if (!db->checkpoints().load_latest("trace")) fail("a checkpoint is missing");
  });
  // One goes for each that came.
  subject.operations.emplace_back("save and prune", [=](std::size_t) {
    const std::size_t keep = db->checkpoints().size("trace");
    save();
    db->checkpoints().prune("trace", keep);
  });
  return subject;
}

Subject sqlite_blobs(const Place& place) {
  const auto blobs = std::make_shared<SqliteBlobs>(place.folder / "floor.sqlite", false);
  const auto next = std::make_shared<std::size_t>(0);
  const auto save = [=] { blobs->save("id-" + std::to_string((*next)++), state_value(*next)); };
  Subject subject;
  subject.grow = [=](std::size_t from, std::size_t to) {
    blobs->database().begin();
    for (std::size_t i = from; i < to; ++i)
      save();
    blobs->database().commit();
  };
  subject.operations.emplace_back("save", [=](std::size_t) { save(); });
  subject.operations.emplace_back("load_latest", [=](std::size_t) {
    if (blobs->load("id-" + std::to_string(*next - 1)).empty()) fail("a blob is missing");
  });
  return subject;
}

using Open = std::function<Subject(const Place&)>;

// A line per operation and contender.
void ask(Question& question,
         const std::string& title,
         const std::vector<std::pair<std::string, Open>>& contenders) {
  Plot plot{title, "entries", "us per call", {}};
  for (const auto& [name, open] : contenders) {
    const Place place{question.settings().folder / ("growth-" + name)};
    std::filesystem::remove_all(place.folder);
    std::filesystem::create_directories(place.folder);
    {
      const Subject subject = open(place);
      const std::size_t first = plot.lines.size();
      for (const auto& [operation, call] : subject.operations)
        plot.lines.push_back({name + " " + operation, {}});
      std::size_t number = 0;
      std::size_t size = 0;
      for (std::size_t next = 1000; next <= question.size(100'000, 10'000'000); next *= 10) {
        subject.grow(size, next);
        size = next;
        settle(place.folder, std::chrono::milliseconds(20));
        for (std::size_t i = 0; i < subject.operations.size(); ++i) {
          std::vector<double> samples;
          for (int sample = 0; sample < kSamples; ++sample)
            samples.push_back(us_per_call(
                kCalls, 2.0, [&](std::size_t) { subject.operations[i].second(++number); }));
          plot.lines[first + i].points.emplace_back(size, median(samples));
        }
      }
    }
    std::filesystem::remove_all(place.folder);
  }
  question.plot(std::move(plot));
}

}  // namespace

int main(int argc, char** argv) {
  Question question(
      argc, argv, "growth", "Does the cost of an operation grow with what is stored?");
  ask(question, "a log", {{"holdfast", holdfast_log}, {"SQLite", sqlite_log}});
  ask(question, "a keyed state", {{"holdfast", holdfast_state}, {"SQLite", sqlite_state}});
  ask(question, "checkpoints of a trace", {{"holdfast", holdfast_blobs}, {"SQLite", sqlite_blobs}});
  return question.finish();
}
