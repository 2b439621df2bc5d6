#include "support/successive.hpp"

#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/files.hpp"
#include "support/sqlite.hpp"

#include <filesystem>
#include <memory>
#include <vector>

namespace bench {

namespace {

struct Way {
  std::function<void(const std::string& name, const std::string& state)> save;
  std::function<std::size_t(const std::string& name)> load;  // bytes
};

Way holdfast_way(const Place& place) {
  const auto db = open_holdfast(place, open_options());
  return {[=](const std::string& name, const std::string& state) {
            db->checkpoints().save("trace", {.id = name, .data = holdfast::to_bytes(state)});
          },
          [=](const std::string& name) { return db->checkpoints().load(name)->data.size(); }};
}

Way sqlite_way(const Place& place) {
  const auto blobs = std::make_shared<SqliteBlobs>(place.folder / "floor.sqlite", true);
  return {[=](const std::string& name, const std::string& state) { blobs->save(name, state); },
          [=](const std::string& name) { return blobs->load(name).size(); }};
}

Way file_way(const Place& place) {
  return {[=](const std::string& name, const std::string& state) {
            save_file(place.file(name), state);
          },
          [=](const std::string& name) { return load_file(place.file(name)).size(); }};
}

std::vector<double> store_all(const Way& way, std::size_t count, const States& next) {
  std::vector<std::size_t> sizes;
  double save_ms = 0;
  std::size_t raw = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& state = next();
    sizes.push_back(state.size());
    raw += state.size();
    const Stopwatch watch;
    way.save(std::to_string(i), state);
    save_ms += watch.ms();
  }
  double load_ms = 0;
  std::size_t loads = 0;
  for (std::size_t i = 0; i < count; i += 10, ++loads) {
    const Stopwatch watch;
    if (way.load(std::to_string(i)) != sizes[i]) fail("a wrong state");
    load_ms += watch.ms();
  }
  return {save_ms / static_cast<double>(count),
          load_ms / static_cast<double>(loads),
          1000.0 / static_cast<double>(raw)};
}

}  // namespace

const std::vector<Measure> kStateMeasures{
    {"save", "ms"}, {"load", "ms"}, {"stored", "per mille of the raw bytes"}};

void add_states(Table& table, std::size_t count, const std::function<States()>& make_states) {
  const std::vector<std::pair<std::string, std::function<Way(const Place&)>>> ways{
      {"holdfast", holdfast_way}, {"file", file_way}, {"SQLite, a row", sqlite_way}};
  for (const auto& [name, open] : ways) {
    table.contender(name, [=, open = open](const Place& place) -> Body {
      return [=]() -> std::vector<double> {
        std::filesystem::remove_all(place.folder);
        std::filesystem::create_directories(place.folder);
        std::vector<double> figures = store_all(open(place), count, make_states());
        // Here the way is closed, and its log is gone.
        figures[2] *= static_cast<double>(bytes_on_disk(place.folder));
        return figures;
      };
    });
  }
}

}  // namespace bench
