// How much does group commit save when many threads append durably?
//
//   append_threads FOLDER [--threads N] [--entries N] ...
//
// N threads, each appends 1 KiB entries at `full`, one call per entry: all to one segment, or each to a segment
// of its own. Against them, among others, the same threads over one SQLite connection behind a mutex:
// BEGIN IMMEDIATE, INSERT, COMMIT.
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/files.hpp"
#include "support/question.hpp"
#include "support/sqlite.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace bench;

namespace {

struct Load {
  std::size_t threads;
  std::size_t entries;  // of each
  double limit_s;
};

// us per entry of all threads together. `append` gets the thread and an ordinal that is never used twice.
template <class Append>
double measure(const Load& load, std::size_t round, const Append& append) {
  std::atomic<std::size_t> done{0};
  const Stopwatch watch;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < load.threads; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < load.entries && watch.seconds() < load.limit_s; ++i) {
        append(t, round * load.entries + i);
        ++done;
      }
    });
  for (std::thread& thread : threads)
    thread.join();
  return watch.us_each(done);
}

template <class Append>
Body body_of(const Load& load, Append append) {
  return [=, round = std::size_t{0}]() mutable -> std::vector<double> {
    return {measure(load, round++, append)};
  };
}

Prepare holdfast_threads(const Load& load, bool one_segment) {
  return [=](const Place& place) {
    const auto db = open_holdfast(place, open_options());
    return body_of(load, [=, entry = make_entry()](std::size_t thread, std::size_t) {
      const std::string segment = "segment-" + std::to_string(one_segment ? 0 : thread);
      db->sessions().append("session", segment, entry);
    });
  };
}

Prepare sqlite_mutex(const Load& load) {
  return [=](const Place& place) {
    const auto log = std::make_shared<SqliteLog>(place.folder / "floor.sqlite", true);
    const auto mutex = std::make_shared<std::mutex>();
    return body_of(load, [=, entry = make_entry()](std::size_t thread, std::size_t ordinal) {
      const std::scoped_lock lock(*mutex);
      log->database().begin();
      log->append(static_cast<std::int64_t>(thread), static_cast<std::int64_t>(ordinal), entry);
      log->database().commit();
    });
  };
}

Prepare sqlite_connections(const Load& load) {
  return [=](const Place& place) {
    std::vector<std::shared_ptr<SqliteLog>> logs;
    for (std::size_t i = 0; i < load.threads; ++i)
      logs.push_back(std::make_shared<SqliteLog>(place.folder / "floor.sqlite", true));
    return body_of(load, [=, entry = make_entry()](std::size_t thread, std::size_t ordinal) {
      logs[thread]->append(
          static_cast<std::int64_t>(thread), static_cast<std::int64_t>(ordinal), entry);
    });
  };
}

Prepare line_mutex(const Load& load) {
  return [=](const Place& place) {
    const auto file = std::make_shared<LineFile>(place.folder / "log.jsonl");
    const auto mutex = std::make_shared<std::mutex>();
    return body_of(load, [=, line = make_entry() + "\n"](std::size_t, std::size_t) {
      const std::scoped_lock lock(*mutex);
      file->append(line);
      file->sync();
    });
  };
}

}  // namespace

int main(int argc, char** argv) {
  Question question(argc,
                    argv,
                    "append_threads",
                    "How much does group commit save when many threads append durably?",
                    {{"--threads", 16}, {"--entries", 0}});
  Load load{question.number("--threads"), question.number("--entries"), question.limit_s()};
  if (load.entries == 0) load.entries = question.size(60, 250);
  const std::string title = "1 KiB, full, " + std::to_string(load.threads) + " threads";
  const char* mutex = "SQLite, one connection and a mutex";
  const char* lines = "JSONL + fdatasync and a mutex";

  Table table(title, {{"append", "us per entry"}});
  table.contender("holdfast, one segment", holdfast_threads(load, true));
  table.contender("holdfast, a segment per thread", holdfast_threads(load, false));
  table.contender(mutex, sqlite_mutex(load));
  if (question.settings().full)
    table.contender("SQLite, a connection per thread", sqlite_connections(load));
  add_rivals(table,
             [=](const std::shared_ptr<Store>& store) {
               return body_of(load,
                              [=, entry = make_entry()](std::size_t thread, std::size_t ordinal) {
                                store->put(log_key(thread, ordinal), entry);
                              });
             },
             {"SQLite"});
  table.contender(lines, line_mutex(load));
  for (const char* ours : {"holdfast, one segment", "holdfast, a segment per thread"}) {
    table.target(at_most(0.15, ours, lines, 0.12));
    table.target(at_most(0.5, ours, "LevelDB"));
    table.target(at_most(0.5, ours, "RocksDB"));
    table.target(only_told(ours, mutex));
    table.target(only_told(ours, "LMDB"));
  }
  question.run(table);
  return question.finish();
}
