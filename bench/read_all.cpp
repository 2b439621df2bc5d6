// What does it cost to read a log of 100,000 entries?
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/files.hpp"
#include "support/question.hpp"
#include "support/sqlite.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

using namespace bench;

namespace {

constexpr std::size_t kEntries = 100'000;

// us per entry; `read` says how many it read.
template <class Read>
Body body_of(Read read) {
  return [=]() -> std::vector<double> {
    const Stopwatch watch;
    if (read() != kEntries) fail("a log was read with other than its entries");
    return {watch.us_each(kEntries)};
  };
}

Body holdfast_log(const Place& place) {
  const auto db = open_holdfast(place, open_options(holdfast::Durability::normal));
  const std::vector<std::string> batch(1000, make_entry());
  for (std::size_t i = 0; i < kEntries; i += batch.size())
    db->sessions().append_all("session", "segment", batch);
  return body_of([=] { return db->sessions().read_all("session", "segment").size(); });
}

Body sqlite_log(const Place& place) {
  const auto log = std::make_shared<SqliteLog>(place.folder / "floor.sqlite", false);
  log->database().begin();
  for (std::size_t i = 0; i < kEntries; ++i)
    log->append(1, static_cast<std::int64_t>(i), make_entry());
  log->database().commit();
  return body_of([=] { return log->read_all(1).size(); });
}

Body store_log(const std::shared_ptr<Store>& store) {
  const std::string entry = make_entry();
  store->set_sync(false);
  for (std::size_t i = 0; i < kEntries; ++i)
    store->put(log_key(1, i), entry);
  const std::string prefix = log_key(1, 0).substr(0, 8);
  return body_of([=] { return store->scan(prefix).size(); });
}

Body line_log(const Place& place) {
  const auto path = place.folder / "log.jsonl";
  {
    LineFile file(path);
    const std::string line = make_entry() + "\n";
    for (std::size_t i = 0; i < kEntries; ++i)
      file.append(line);
  }
  return body_of([=] {
    std::istringstream lines(load_file(path));
    std::vector<nlohmann::json> entries;
    for (std::string line; std::getline(lines, line);)
      entries.push_back(nlohmann::json::parse(line));
    return entries.size();
  });
}

}  // namespace

int main(int argc, char** argv) {
  Question question(argc, argv, "read_all", "What does it cost to read a log of 100,000 entries?");
  Table table("100,000 entries of 1 KiB",
              {{"read_all", "us per entry"}},
              "each returns the entries as owned copies, in order");
  table.rounds(3, 7);
  table.contender("holdfast", holdfast_log);
  table.contender("SQLite", sqlite_log);
  add_rivals(table, store_log, {"SQLite"}, false);
  table.contender("JSONL, parsed", line_log);
  table.target(at_most(1.3, "holdfast", "SQLite"));
  table.target(at_least_times(5, "holdfast", "JSONL, parsed"));
  question.run(table);
  return question.finish();
}
