// The power goes at every moment of an upload: its payload is there whole or not at all, and what it had staged goes
// without a trace.
#include "crash/power_loss.hpp"
#include "engine/connection.hpp"
#include "harness/ground.hpp"
#include "harness/scale.hpp"
#include "holdfast/maintain.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <iostream>

using namespace holdfast;
using test::DiskEvent;
using test::Loss;
using test::Recorder;

namespace {

// What a process that is gone has staged may be removed at once.
constexpr UploadOptions kUpload = {.stage_bytes = 64 << 10, .lease_ms = 0};

std::string numbered_lines(test::Random& random, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes)
    text += "line " + std::to_string(random.below(1'000'000)) + " of a state that compresses\n";
  return text;
}

struct Sample {
  std::string old_state;
  std::string new_state;
};

// Saves the old state, then streams the new one in its place.
void run(const Sample& sample,
         const OpenOptions& options,
         Recorder& recorder,
         vfs::MemoryDisk& disk) {
  auto db = test::open_on(disk, options, &recorder);
  db.checkpoints().save("trace", {.id = "id", .data = to_bytes(sample.old_state)});
  recorder.acknowledge(1);
  auto writer = db.checkpoints().begin_save("trace", {.id = "id"}, kUpload);
  for (std::size_t at = 0; at < sample.new_state.size(); at += 50'000)
    writer.write(std::string_view(sample.new_state).substr(at, 50'000));
  writer.commit();
  recorder.acknowledge(2);
  db.close();
}

std::int64_t count(const Database& db, const char* sql) {
  return engine::Access::link(db).read(
      [&](engine::Connection& connection) { return connection.integer(sql); });
}

constexpr const char* kRowsLeft =
    "SELECT (SELECT count(*) FROM content_upload) + (SELECT count(*) FROM content)"
    " + (SELECT count(*) FROM chunk) + (SELECT count(*) FROM chunk_data)";

// `acknowledged`: 1 the old state, 2 the new one. Returns whether something was staged.
bool check(const Sample& sample,
           const OpenOptions& options,
           const vfs::MemoryDisk::Image& image,
           std::uint64_t acknowledged) {
  vfs::MemoryDisk disk;
  disk.restore(image);
  auto db = test::open_on(disk, options);
  const auto found = db.checkpoints().load("id");
  if (found) {
    const bool is_new = as_text(found->data) == sample.new_state;
    const bool is_old = as_text(found->data) == sample.old_state;
    REQUIRE((is_new || is_old));
    REQUIRE((is_new || acknowledged < 2));
  } else {
    REQUIRE(acknowledged < 1);
  }
  const bool staged = count(db, "SELECT count(*) FROM content_upload") > 0;
  REQUIRE(verify(db).sound());
  shrink(db);
  db.checkpoints().remove_trace("trace");
  REQUIRE(count(db, kRowsLeft) == 0);
  return staged;
}

}  // namespace

TEST_CASE(
    "the loss of power during an upload leaves the old payload or the new one, and no piece") {
  test::Random random;
  INFO(random);
  const std::uint64_t wanted = test::scaled(1'000);
  std::uint64_t images = 0;
  std::uint64_t staged = 0;
  while (images < wanted) {
    const Sample sample{numbered_lines(random, 200'000), numbered_lines(random, 2'000'000)};
    const OpenOptions options{
        .durability = random.one_in(2) ? Durability::full : Durability::normal,
        .wal_checkpoint_bytes = 256ULL << 10};
    const vfs::MemoryDisk::Image empty{{test::kDiskPath, {}}};
    vfs::MemoryDisk disk;
    disk.restore(empty);
    Recorder recorder(empty);
    run(sample, options, recorder, disk);
    test::PowerLoss power(empty);
    std::uint64_t acknowledged = 0;
    const auto& events = recorder.events();
    // Some of the moments of each run.
    const std::uint64_t stride = 1 + events.size() / 40;
    const std::uint64_t first = random.below(stride);
    for (std::size_t i = 0; i < events.size() && images < wanted; ++i) {
      power.apply(events[i]);
      // At normal, what is acknowledged is safe once nothing is at risk.
      const bool counts = options.durability == Durability::full || !power.at_risk();
      if (events[i].kind == DiskEvent::Kind::acknowledge && counts) acknowledged = events[i].offset;
      if (i % stride != first) continue;
      const auto loss = random.below(test::kLosses);
      CAPTURE(i, loss, acknowledged);
      const auto image = power.image(static_cast<Loss>(loss), random);
      if (check(sample, options, image, acknowledged)) ++staged;
      ++images;
    }
  }
  std::cout << images << " power-loss images of uploads, " << staged
            << " with something staged: 0 violations\n";
}
