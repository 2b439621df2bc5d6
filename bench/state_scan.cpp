// What does it cost to read the 1,000 entries that begin with a prefix?
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/question.hpp"

#include <memory>
#include <string>
#include <vector>

using namespace bench;

namespace {

constexpr std::size_t kScans = 20;

// "entry-0000042": what stands before the last three digits.
std::string prefix_of(std::size_t thousand) {
  return state_key(thousand * 1000 * kPartitions)
      .key.substr(0, std::string("entry-0000000").size());
}

struct Place1000 {
  std::size_t partition;
  std::string prefix;
};

std::vector<Place1000> asked(std::size_t entries) {
  Random random(5);
  std::vector<Place1000> places;
  for (std::size_t i = 0; i < kScans; ++i)
    places.push_back(
        {random.below(kPartitions), prefix_of(random.below(entries / kPartitions / 1000))});
  return places;
}

Body store_scans(std::size_t entries, const std::shared_ptr<Store>& store, std::size_t scans) {
  fill(*store, entries);
  std::vector<std::string> prefixes;
  for (const Place1000& place : asked(entries))
    prefixes.push_back(flat_prefix(place.partition, place.prefix));
  prefixes.resize(scans);
  return [=]() -> std::vector<double> {
    std::size_t found = 0;
    const Stopwatch watch;
    for (const std::string& prefix : prefixes)
      found += store->scan(prefix).size();
    const double time = watch.us_each(prefixes.size());
    if (found != prefixes.size() * 1000) fail("a scan found other than 1,000 entries");
    return {time};
  };
}

}  // namespace

int main(int argc, char** argv) {
  Question question(
      argc, argv, "state_scan", "What does it cost to read 1,000 entries by their prefix?");
  const std::size_t entries = question.size(100'000, 1'000'000);
  Table table(std::to_string(entries) + " keys, a prefix of 1,000",
              {{"scan", "us"}},
              "keys and values are returned as owned copies, in key order");
  table.contender("holdfast", [=](const Place& place) -> Body {
    const auto db = open_holdfast(place, open_options());
    const auto state = db->state("state");
    fill(*db, state, entries);
    return
        [=, partitions = partitions_of(state), places = asked(entries)]() -> std::vector<double> {
          std::size_t found = 0;
          const Stopwatch watch;
          for (const Place1000& one : places)
            found += partitions[one.partition].range_scan(one.prefix).size();
          const double time = watch.us_each(places.size());
          if (found != places.size() * 1000) fail("a scan found other than 1,000 entries");
          return {time};
        };
  });
  add_rivals(table, [=](const std::shared_ptr<Store>& store) {
    return store_scans(entries, store, kScans);
  });
  table.contender("map under a shared lock", [=](const Place&) {
    return store_scans(entries, open_map(), 2);  // all of the map each time
  });
  table.target(at_most(1.25, "holdfast", "SQLite"));
  table.target(at_most(1.5, "holdfast", "LMDB"));
  table.target(at_least_times(40, "holdfast", "map under a shared lock"));
  table.target(only_told("holdfast", "LevelDB"));
  table.target(only_told("holdfast", "RocksDB"));
  question.run(table);
  return question.finish();
}
