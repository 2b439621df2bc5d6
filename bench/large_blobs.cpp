// What does it cost to save, and to load, an incompressible payload of 1 to 128 MiB?
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/files.hpp"
#include "support/question.hpp"
#include "support/sqlite.hpp"

#include <memory>
#include <string>

using namespace bench;

namespace {

constexpr double kMib = 1 << 20;

// One payload, as text and as what a checkpoint is made of.
struct Payload {
  std::string text;
  holdfast::CheckpointBlob blob;
};

// Times in ms; memory in MiB: the highest resident size above that before the call, for a load without the
// payload itself.
template <class Save, class LoadOne>
Body body_of(std::size_t bytes, Save save, LoadOne load_one) {
  return [=, next = std::uint64_t{0}]() mutable -> std::vector<double> {
    const std::string text = noise(bytes, ++next);
    const Payload payload{text, {.id = "large", .data = holdfast::to_bytes(text)}};
    const auto memory_since = [](std::size_t before) {
      const std::size_t peak = peak_resident_bytes();
      return peak > before ? static_cast<double>(peak - before) / kMib : 0.0;
    };
    forget_peak_memory();
    std::size_t before = resident_bytes();
    const Stopwatch saving;
    save(payload);
    const double save_ms = saving.ms();
    const double save_memory = memory_since(before);
    forget_peak_memory();
    before = resident_bytes() + bytes;
    const Stopwatch loading;
    if (load_one() != bytes) fail("a wrong payload");
    const double load_ms = loading.ms();
    return {save_ms, load_ms, save_memory, memory_since(before)};
  };
}

// Every contender replaces what it saved in the round before.
Body holdfast_blob(std::size_t bytes, const Place& place) {
  const auto db = open_holdfast(place, {});  // the cache counts as memory here: of the default size
  return body_of(
      bytes,
      [=](const Payload& payload) { db->checkpoints().save("trace", payload.blob); },
      [=] { return db->checkpoints().load("large")->data.size(); });
}

Body file_blob(std::size_t bytes, const Place& place) {
  return body_of(
      bytes,
      [=](const Payload& payload) { save_file(place.file("large"), payload.text); },
      [=] { return load_file(place.file("large")).size(); });
}

Body sqlite_blob(std::size_t bytes, const Place& place) {
  const auto blobs = std::make_shared<SqliteBlobs>(place.folder / "floor.sqlite", true);
  return body_of(
      bytes,
      [=](const Payload& payload) { blobs->save("large", payload.text); },
      [=] { return blobs->load("large").size(); });
}

void ask(Question& question, std::size_t mib) {
  const std::size_t bytes = mib << 20;
  Table table(std::to_string(mib) + " MiB of noise, full",
              {{"save", "ms"}, {"load", "ms"}, {"save, memory", "MiB"}, {"load, memory", "MiB"}},
              "the disk is idle before each; digests are checked where there are any");
  table.rounds(mib == 1 ? 9 : 5, mib == 128 ? 5 : 9);
  table.pause(std::chrono::milliseconds(200));
  table.contender("holdfast", [=](const Place& place) { return holdfast_blob(bytes, place); });
  table.contender("file", [=](const Place& place) { return file_blob(bytes, place); });
  table.contender("SQLite, a row", [=](const Place& place) { return sqlite_blob(bytes, place); });
  table.target(at_most(mib == 1 ? 1.25 : 1.0, "holdfast", "file"));
  table.target(only_told("holdfast", "SQLite, a row"));
  table.target(of_measure(1, at_most(3.0, "holdfast", "file", 1.5)));
  table.target(of_measure(1, only_told("holdfast", "SQLite, a row")));
  table.target(of_measure(2, figure_at_most(32, "holdfast")));
  table.target(of_measure(3, figure_at_most(32, "holdfast")));
  question.run(table);
}

}  // namespace

int main(int argc, char** argv) {
  Question question(
      argc, argv, "large_blobs", "What does it cost to save a large incompressible payload?");
  ask(question, 1);
  ask(question, 16);
  if (question.settings().full) ask(question, 128);
  return question.finish();
}
