// What does it cost to append 1 KiB entries to one log, from one thread?
//
// Every contender's file has been written to for a while before the clock starts, as in a program that has run for
// some minutes: its log has reached the size that it is recycled at.
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/files.hpp"
#include "support/question.hpp"
#include "support/sqlite.hpp"

#include <memory>
#include <string>
#include <vector>

using namespace bench;
using holdfast::Durability;

namespace {

constexpr std::size_t kWarmUp = 6000;
constexpr std::size_t kBatch = 100;

struct Load {
  std::size_t count;
  double limit_s;
};

// Appends one by one, with ordinals that follow those of the warm-up.
template <class Append>
Body body_of(const Load& load, Append append) {
  return [=, next = kWarmUp]() mutable -> std::vector<double> {
    return {us_per_call(load.count, load.limit_s, [&](std::size_t) { append(next++); })};
  };
}

Prepare holdfast_singles(Durability durability, const Load& load) {
  return [=](const Place& place) {
    const auto db = open_holdfast(place, open_options(durability));
    const std::string entry = make_entry();
    auto sessions = db->sessions();
    for (std::size_t i = 0; i < kWarmUp; ++i)
      db->transact([&] { sessions.append("session", "segment", entry); },
                   {.durability = Durability::normal});
    return body_of(load, [db, sessions, entry](std::size_t) mutable {
      sessions.append("session", "segment", entry);
    });
  };
}

Prepare sqlite_singles(bool sync, const Load& load) {
  return [=](const Place& place) {
    const auto log = std::make_shared<SqliteLog>(place.folder / "floor.sqlite", false);
    const std::string entry = make_entry();
    for (std::size_t i = 0; i < kWarmUp; ++i)
      log->append(1, static_cast<std::int64_t>(i), entry);
    log->database().set_sync(sync);
    return body_of(load, [log, entry](std::size_t ordinal) {
      log->append(1, static_cast<std::int64_t>(ordinal), entry);
    });
  };
}

std::function<Body(const std::shared_ptr<Store>&)> store_singles(bool sync, const Load& load) {
  return [=](const std::shared_ptr<Store>& store) {
    const std::string entry = make_entry();
    store->set_sync(false);
    for (std::size_t i = 0; i < kWarmUp; ++i)
      store->put(log_key(1, i), entry);
    store->set_sync(sync);
    return body_of(load,
                   [store, entry](std::size_t ordinal) { store->put(log_key(1, ordinal), entry); });
  };
}

Prepare line_singles(bool sync, const Load& load) {
  return [=](const Place& place) {
    const auto file = std::make_shared<LineFile>(place.folder / "log.jsonl");
    return body_of(load, [file, sync, line = make_entry() + "\n"](std::size_t) {
      file->append(line);
      if (sync) file->sync();
    });
  };
}

void singles_full(Question& question) {
  const Load load{question.size(200, 500), question.limit_s()};
  Table table("1 KiB, full, one per commit", {{"append", "us"}});
  table.contender("holdfast", holdfast_singles(Durability::full, load));
  table.contender("SQLite", sqlite_singles(true, load));
  add_rivals(table, store_singles(true, load), {"SQLite"});
  table.contender("JSONL + fdatasync", line_singles(true, load));
  table.target(at_most(1.05, "holdfast", "SQLite", 0.80));
  table.target(at_most(0.9, "holdfast", "LevelDB"));
  table.target(at_most(0.9, "holdfast", "RocksDB"));
  table.target(only_told("holdfast", "LMDB"));
  table.target(only_told("holdfast", "JSONL + fdatasync"));
  question.run(table);
}

void singles_normal(Question& question) {
  const Load load{question.size(5000, 20'000), question.limit_s()};
  Table table("1 KiB, normal, one per commit",
              {{"append", "us"}},
              "survives the death of the process: the rivals do not sync");
  table.contender("holdfast", holdfast_singles(Durability::normal, load));
  table.contender("SQLite", sqlite_singles(false, load));
  add_rivals(table, store_singles(false, load), {"SQLite"});
  table.contender("JSONL", line_singles(false, load));
  table.target(at_most(1.2, "holdfast", "SQLite"));
  table.target(only_told("holdfast", "JSONL"));
  question.run(table);
}

Prepare holdfast_batches(const Load& load, bool one_call) {
  return [=](const Place& place) {
    const auto db = open_holdfast(place, open_options());
    const std::vector<std::string> entries(kBatch, make_entry());
    return [=, sessions = db->sessions()]() mutable -> std::vector<double> {
      const double batch_us = us_per_call(load.count, load.limit_s, [&](std::size_t) {
        if (one_call) {
          sessions.append_all("session", "segment", entries);
          return;
        }
        db->transact([&] {
          for (const std::string& entry : entries)
            sessions.append("session", "segment", entry);
        });
      });
      return {batch_us / kBatch};
    };
  };
}

Prepare sqlite_batches(const Load& load) {
  return [=](const Place& place) {
    const auto log = std::make_shared<SqliteLog>(place.folder / "floor.sqlite", true);
    return [=, entry = make_entry(), next = std::int64_t{0}]() mutable -> std::vector<double> {
      const double batch_us = us_per_call(load.count, load.limit_s, [&](std::size_t) {
        log->database().begin();
        for (std::size_t j = 0; j < kBatch; ++j)
          log->append(1, next++, entry);
        log->database().commit();
      });
      return {batch_us / kBatch};
    };
  };
}

std::function<Body(const std::shared_ptr<Store>&)> store_batches(const Load& load) {
  return [=](const std::shared_ptr<Store>& store) {
    return [=, entry = make_entry(), next = std::uint64_t{0}]() mutable -> std::vector<double> {
      const double batch_us = us_per_call(load.count, load.limit_s, [&](std::size_t) {
        std::vector<std::string> keys;
        std::vector<PairView> pairs;
        for (std::size_t j = 0; j < kBatch; ++j)
          keys.push_back(log_key(1, next++));
        for (const std::string& key : keys)
          pairs.emplace_back(key, entry);
        store->write(pairs);
      });
      return {batch_us / kBatch};
    };
  };
}

void batches_full(Question& question) {
  const Load load{question.size(100, 300), question.limit_s()};
  Table table("1 KiB, full, 100 per commit", {{"append", "us per entry"}});
  table.contender("holdfast, append_all", holdfast_batches(load, true));
  table.contender("holdfast, transact", holdfast_batches(load, false));
  table.contender("SQLite", sqlite_batches(load));
  add_rivals(table, store_batches(load), {"SQLite"});
  for (const char* ours : {"holdfast, append_all", "holdfast, transact"}) {
    table.target(at_most(1.2, ours, "SQLite"));
    table.target(at_most(1.3, ours, "RocksDB"));
  }
  question.run(table);
}

}  // namespace

int main(int argc, char** argv) {
  Question question(argc, argv, "append", "What does it cost to append 1 KiB entries to one log?");
  singles_full(question);
  singles_normal(question);
  batches_full(question);
  return question.finish();
}
