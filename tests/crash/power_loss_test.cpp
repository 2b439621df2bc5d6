// The power goes at every moment of a workload over all stores.
#include "crash/power_loss.hpp"

#include "crash/recovery.hpp"
#include "harness/ground.hpp"
#include "harness/scale.hpp"
#include "holdfast/maintain.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <stdexcept>

using namespace holdfast;
using test::DiskEvent;
using test::Loss;
using test::Recorder;
using test::Recovery;

namespace {

constexpr std::uint64_t kSteps = 120;
constexpr std::array<std::uint32_t, 3> kPageBytes = {512, 1024, 4096};

OpenOptions options_of(const test::Workload& workload, Durability durability, std::uint32_t page) {
  // The log is moved into the file every few steps, and begins anew.
  return workload.options(
      {.durability = durability, .page_bytes = page, .wal_checkpoint_bytes = 48ULL << 10});
}

// Runs the steps on a new file, and now and then closes it or gives pages back.
void run(const test::Workload& workload,
         const OpenOptions& options,
         Recorder& recorder,
         vfs::MemoryDisk& disk) {
  auto db = test::open_on(disk, options, &recorder);
  for (std::uint64_t i = 0; i < kSteps; ++i) {
    workload.step(db, i);
    recorder.acknowledge(i + 1);
    if (i % 40 == 19) shrink(db);
    if (i % 40 != 39) continue;
    db.close();
    db = test::open_on(disk, options, &recorder);
  }
  db.close();
}

// After how many steps a file must be at least.
class Floor {
 public:
  Floor(const test::Workload& workload, Durability durability)
      : workload_(workload), durability_(durability) {}

  void apply(const DiskEvent& event, bool at_risk) {
    if (event.kind == DiskEvent::Kind::acknowledge) {
      acknowledged_ = event.offset;
      const bool full = durability_ == Durability::full || workload_.is_full(acknowledged_ - 1);
      if (full) floor_ = acknowledged_;
    }
    // What was acknowledged has been written; where nothing is at risk, it is safe.
    if (!at_risk) floor_ = acknowledged_;
  }
  // The step that is under way may be there or not.
  [[nodiscard]] Recovery::Window window() const {
    return {floor_, std::min(acknowledged_ + 1, kSteps)};
  }

 private:
  const test::Workload& workload_;
  Durability durability_;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t floor_ = 0;
};

struct Count {
  std::uint64_t images = 0;
  std::uint64_t opened = 0;
  std::uint64_t interrupted = 0;
};

// One workload, with so many losses of each kind after each event.
void lose_power_everywhere(Durability durability,
                           std::uint32_t page,
                           test::Random& random,
                           std::uint64_t most,
                           Count& count) {
  const test::Workload workload(random.next());
  const test::Ledger ledger(workload, kSteps + 2);
  const auto options = options_of(workload, durability, page);
  const vfs::MemoryDisk::Image empty{{test::kDiskPath, {}}};
  vfs::MemoryDisk disk;
  disk.restore(empty);
  Recorder recorder(empty);
  run(workload, options, recorder, disk);

  Recovery recovery(workload, ledger, options, random);
  test::PowerLoss power(empty);
  Floor floor(workload, durability);
  const auto& events = recorder.events();
  for (std::size_t i = 0; i < events.size(); ++i) {
    power.apply(events[i]);
    floor.apply(events[i], power.at_risk());
    // Spread over the whole workload.
    if (recovery.images() * events.size() > most * (i + 1)) continue;
    for (std::size_t loss = 0; loss < test::kLosses; ++loss) {
      CAPTURE(i, loss, static_cast<int>(durability), page, floor.window().last);
      INFO("step " << workload.name_of(floor.window().last - 1));
      try {
        recovery.check(power.image(static_cast<Loss>(loss), random), floor.window());
      } catch (const std::exception& error) {
        FAIL(error.what());
      }
      if (!power.at_risk()) break;
    }
  }
  count.images += recovery.images();
  count.opened += recovery.opened();
  count.interrupted += recovery.interrupted();
}

void lose_power(Durability durability, const char* name) {
  test::Random random;
  INFO(random);
  const std::uint64_t wanted = test::scaled(51'000);
  const std::uint64_t most = wanted / kPageBytes.size();
  Count count;
  for (std::size_t round = 0; count.images < wanted; ++round)
    lose_power_everywhere(durability, kPageBytes[round % kPageBytes.size()], random, most, count);
  std::cout << count.images << " power-loss images at " << name << ", of which " << count.opened
            << " opened, dumped, verified and written to, " << count.interrupted
            << " of a second loss during recovery: 0 violations\n";
}

}  // namespace

TEST_CASE("at full, the loss of power takes nothing that was acknowledged") {
  lose_power(Durability::full, "full");
}

TEST_CASE("at normal, the loss of power takes the newest at most, and tears nothing") {
  lose_power(Durability::normal, "normal");
}
