// What does it cost to save, and to load, a payload of 4 to 64 KiB durably?
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/files.hpp"
#include "support/question.hpp"
#include "support/sqlite.hpp"

#include <memory>
#include <string>
#include <vector>

using namespace bench;

namespace {

struct Load {
  std::size_t bytes;
  std::size_t count;  // in a round
  double limit_s;
};

std::string name_of(std::size_t number) {
  return "blob-" + std::to_string(number);
}

// Saves new ones, loads what was saved. The payload differs in each, so that nothing is stored twice.
template <class Save, class LoadOne>
Body body_of(const Load& load, Save save, LoadOne load_one) {
  return [=, next = std::size_t{0}]() mutable -> std::vector<double> {
    std::vector<std::string> payloads;
    for (std::size_t i = 0; i < load.count; ++i)
      payloads.push_back(noise(load.bytes / 2, next + i) + prose(load.bytes / 2, next + i));
    std::size_t saved = 0;
    const double save_us = us_per_call(load.count, load.limit_s, [&](std::size_t i) {
      save(name_of(next + i), payloads[i]);
      ++saved;
    });
    std::size_t loaded = 0;
    const double load_us = us_per_call(
        saved, load.limit_s, [&](std::size_t i) { loaded += load_one(name_of(next + i)); });
    if (loaded == 0 || loaded % load.bytes != 0) fail("wrong payloads");
    next += saved;
    return {save_us, load_us};
  };
}

Prepare holdfast_blobs(const Load& load) {
  return [=](const Place& place) {
    const auto db = open_holdfast(place, open_options());
    const auto save = [db](const std::string& name, const std::string& payload) {
      db->checkpoints().save("trace", {.id = name, .data = holdfast::to_bytes(payload)});
    };
    const auto load_one = [db](const std::string& name) {
      return db->checkpoints().load(name)->data.size();
    };
    return body_of(load, save, load_one);
  };
}

Prepare file_blobs(const Load& load) {
  return [=](const Place& place) {
    const auto save = [place](const std::string& name, const std::string& payload) {
      save_file(place.file(name), payload);
    };
    const auto load_one = [place](const std::string& name) {
      return load_file(place.file(name)).size();
    };
    return body_of(load, save, load_one);
  };
}

Prepare sqlite_blobs(const Load& load) {
  return [=](const Place& place) {
    const auto blobs = std::make_shared<SqliteBlobs>(place.folder / "floor.sqlite", true);
    const auto save = [blobs](const std::string& name, const std::string& payload) {
      blobs->save(name, payload);
    };
    const auto load_one = [blobs](const std::string& name) { return blobs->load(name).size(); };
    return body_of(load, save, load_one);
  };
}

void ask(Question& question, std::size_t kib) {
  const Load load{kib << 10, question.size(100, 200), question.limit_s()};
  Table table(std::to_string(kib) + " KiB, full",
              {{"save", "us"}, {"load", "us"}},
              "half noise, half text; the file: create, fsync, rename, fsync of the folder");
  table.pause(std::chrono::milliseconds(100));
  table.contender("holdfast", holdfast_blobs(load));
  table.contender("file", file_blobs(load));
  table.contender("SQLite, a row", sqlite_blobs(load));
  add_rivals(table,
             [=](const std::shared_ptr<Store>& store) {
               const auto save = [store](const std::string& name, const std::string& payload) {
                 store->put(name, payload);
               };
               const auto load_one = [store](const std::string& name) {
                 return store->get(name)->size();
               };
               return body_of(load, save, load_one);
             },
             {"SQLite"});
  table.target(at_most(0.5, "holdfast", "file"));
  table.target(only_told("holdfast", "SQLite, a row"));
  table.target(of_measure(1, only_told("holdfast", "file")));
  table.target(of_measure(1, only_told("holdfast", "SQLite, a row")));
  question.run(table);
}

}  // namespace

int main(int argc, char** argv) {
  Question question(argc, argv, "blobs", "What does it cost to save a payload durably?");
  for (const std::size_t kib : {4, 16, 64})
    ask(question, kib);
  return question.finish();
}
