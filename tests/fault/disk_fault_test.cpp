// Every call to the disk goes wrong once, and from then on: what was acknowledged is there, what was refused is
// not, and the file can be written to when the fault is over.
#include "content/removal.hpp"
#include "harness/fault.hpp"
#include "harness/ground.hpp"
#include "harness/ledger.hpp"
#include "harness/recovered.hpp"
#include "harness/scale.hpp"
#include "holdfast/maintain.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <iostream>
#include <map>
#include <optional>
#include <utility>
#include <vector>

using namespace holdfast;
using test::dump;
using test::Fault;
using test::FaultKind;
using test::Workload;
using vfs::MemoryDisk;

namespace {

constexpr std::uint64_t kBefore = 60;  // steps that are there when the faults begin
constexpr std::uint64_t kSteps = 5;    // steps that meet them
// Of what is seen for the first time all is looked at; of the rest, one in so many.
constexpr std::size_t kLookEvery = 16;

using Steps = std::vector<std::uint64_t>;

// What was said of each step that was tried.
struct Attempt {
  std::uint64_t step = 0;
  bool acknowledged = false;
  bool unknown = false;  // neither acknowledged nor refused
};

class Round {
 public:
  Round(test::Random& random, std::uint32_t page_bytes)
      : random_(random), workload_(random.next()), page_bytes_(page_bytes) {
    MemoryDisk disk;
    auto db = test::open_on(disk, options());
    for (std::uint64_t i = 0; i < kBefore; ++i)
      workload_.step(db, i);
    db.close();
    image_ = disk.snapshot();
  }

  // False: there are fewer calls than that.
  bool run(FaultKind kind, std::uint64_t nth, bool sticky) {
    MemoryDisk disk;
    disk.restore(image_);
    Fault fault;
    fault.arm(kind, nth, sticky);
    attempts_.clear();
    auto db = open(disk, fault);
    for (std::uint64_t i = kBefore; db && i < kBefore + kSteps; ++i)
      attempt(*db, i);
    const bool fired = fault.disarm();
    if (db) {
      check_while_open(*db, fault.failed_sync());
      fault.arm(kind, 1 + random_.below(30), sticky);  // closing meets faults, too
      db->close();
      fault.disarm();
    }
    check_reopened(disk);
    return fired;
  }

 private:
  OpenOptions options() const {
    return workload_.options(
        {.busy_timeout_ms = 0, .page_bytes = page_bytes_, .wal_checkpoint_bytes = 24ULL << 10});
  }

  std::optional<Database> open(MemoryDisk& disk, Fault& fault) const {
    try {
      return test::open_on(disk, options(), &fault);
    } catch (const Error& error) {
      require_fault_code(error);
      return std::nullopt;
    }
  }

  static void require_fault_code(const Error& error) {
    INFO(error.what());
    const auto code = error.code();
    REQUIRE((code == ErrorCode::io || code == ErrorCode::full || code == ErrorCode::busy ||
             code == ErrorCode::poisoned || code == ErrorCode::outcome_unknown));
  }

  void attempt(Database& db, std::uint64_t step) {
    const bool poisoned = db.statistics().poisoned;
    Attempt said{.step = step};
    try {
      workload_.step(db, step);
      said.acknowledged = true;
    } catch (const Error& error) {
      require_fault_code(error);
      said.unknown = error.code() == ErrorCode::outcome_unknown;
      // Who is poisoned does not try.
      if (poisoned) REQUIRE_FALSE(said.unknown);
    }
    attempts_.push_back(said);
  }

  void check_while_open(Database& db, bool failed_sync) {
    REQUIRE(db.statistics().poisoned == failed_sync);
    if (random_.one_in(4) && free_removed(db)) require_expected(test::digest_of(dump(db)), &db);
    Attempt said{.step = kBefore + kSteps};
    try {
      db.state("after").put("key", "value");
      db.state("after").remove_all();
      workload_.step(db, said.step);
      said.acknowledged = true;
    } catch (const Error& error) {
      INFO(error.what());
      REQUIRE(failed_sync);
      REQUIRE(error.code() == ErrorCode::poisoned);
    }
    REQUIRE(said.acknowledged != failed_sync);
    attempts_.push_back(said);
  }

  // What a prune could not free. False: nor can it now.
  static bool free_removed(const Database& db) {
    engine::Access::free_removed(db);
    return !engine::Access::link(db).read(content::has_removals);
  }

  void check_reopened(MemoryDisk& disk) {
    const auto contents = test::digest_of(test::recovered(disk.snapshot()));
    const auto [known, is_new] = dumped_of_.try_emplace(contents);
    if (!is_new && !random_.one_in(kLookEvery)) return require_expected(known->second, nullptr);
    auto db = test::open_on(disk, options());
    known->second = test::digest_of(dump(db));
    require_expected(known->second, &db);
    REQUIRE(verify(db).sound());
    db.state("after").put("key", "value");
    REQUIRE(db.state("after").get("key").has_value());
  }

  // `db`: what was found, for a message.
  void require_expected(std::uint64_t found, const Database* db) {
    std::vector<Steps> expected = {{}};
    for (const auto& said : attempts_) {
      const auto count = expected.size();
      for (std::size_t i = 0; i < count; ++i) {
        if (said.unknown) expected.push_back(expected[i]);
        if (said.unknown || said.acknowledged) expected[i].push_back(said.step);
      }
    }
    for (const auto& steps : expected) {
      if (after(steps) == found) return;
    }
    Steps all;
    for (std::uint64_t i = 0; i < kBefore; ++i)
      all.push_back(i);
    all.insert(all.end(), expected.front().begin(), expected.front().end());
    FAIL(expected.size() << " would be right, of which this is all acknowledged and unknown\n"
                         << test::first_difference(test::replay(workload_, all),
                                                   db != nullptr ? dump(*db) : ""));
  }

  // The dump after these steps, on a disk without faults.
  std::uint64_t after(const Steps& steps) {
    const auto [known, is_new] = after_.try_emplace(steps);
    if (is_new) {
      MemoryDisk disk;
      disk.restore(image_);
      auto db = test::open_on(disk, options());
      for (const auto i : steps)
        workload_.step(db, i);
      known->second = test::digest_of(dump(db));
    }
    return known->second;
  }

  test::Random& random_;
  const Workload workload_;
  const std::uint32_t page_bytes_;
  MemoryDisk::Image image_;
  std::map<Steps, std::uint64_t> after_;
  std::map<std::uint64_t, std::uint64_t> dumped_of_;  // contents of the file: digest of its dump
  std::vector<Attempt> attempts_;
};

}  // namespace

TEST_CASE("a fault at any call to the disk loses nothing and leaves nothing that was refused") {
  test::Random random;
  INFO(random);
  // At short, one in ten calls of each workload.
  const auto stride = static_cast<std::uint64_t>(std::max(1.0, 1 / test::scale()));
  const std::uint64_t wanted = test::scaled(15'000);
  std::map<FaultKind, std::uint64_t> cases;
  std::uint64_t total = 0;
  for (std::uint64_t number = 0; total < wanted; ++number) {
    Round round(random, number % 2 == 0 ? 1024 : 4096);
    for (const auto kind : test::kFaultKinds) {
      for (const bool sticky : {false, true}) {
        bool fired = true;
        for (std::uint64_t nth = 1 + random.below(stride); fired; nth += stride) {
          CAPTURE(number, test::to_string(kind), nth, sticky);
          fired = round.run(kind, nth, sticky);
          ++cases[kind];
          ++total;
        }
      }
    }
  }
  std::cout << total << " faults at calls to the disk (";
  for (const auto& [kind, count] : cases)
    std::cout << test::to_string(kind) << " " << count
              << (kind == FaultKind::lock_error ? "" : ", ");
  std::cout << "): 0 violations\n";
}
