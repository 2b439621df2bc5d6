// Memory runs out at any allocation of any public operation: it is done or refused, nothing is lost, nothing leaks,
// nobody hangs, and the next call works.
#include "fault/operations.hpp"
#include "harness/dump.hpp"
#include "harness/ground.hpp"
#include "harness/memory_faults.hpp"
#include "harness/recovered.hpp"
#include "harness/scale.hpp"
#include "harness/workload.hpp"
#include "holdfast/maintain.hpp"
#include "support/catch.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <string>

using namespace holdfast;
using test::Exhaustion;
using test::MemoryFault;
using test::Nature;
using test::Operation;

namespace {

// The first so many allocations of an operation fail one by one; of the later ones ever fewer.
constexpr double kTryAll = 60;
constexpr int kDumpReadsEvery = 16;

enum class Outcome : std::uint8_t { done, refused, unknown };

class Sweep {
 public:
  Sweep(const Operation& operation, test::Beside& beside) : operation_(operation), beside_(beside) {
    open_filled();
    before_ = test::digest_of(test::dump(*db_));
    operation_.run(*db_, beside_);
    beside_.clear_fresh();
    after_ = test::digest_of(test::dump(*db_));
    REQUIRE((operation_.nature != Nature::reads || before_ == after_));
    db_.reset();
  }

  std::uint64_t run(Exhaustion exhaustion) {
    const int try_all = std::max(1, static_cast<int>(kTryAll * test::scale()));
    std::uint64_t cases = 0;
    bool fired = true;
    restore();
    for (int nth = 1; fired; nth += 1 + nth / try_all) {
      CAPTURE(operation_.name, static_cast<int>(exhaustion), nth);
      fired = run_once(nth, exhaustion);
      ++cases;
    }
    db_.reset();
    return cases;
  }

 private:
  // Bytes of a filled database are the same for all.
  void open_filled() {
    static const vfs::MemoryDisk::Image image = [] {
      vfs::MemoryDisk disk;
      auto db = test::open_on(disk, options());
      test::fill_for_operations(db);
      db.close();
      return disk.snapshot();
    }();
    db_.reset();
    disk_.restore(image);
    db_ = std::make_unique<Database>(test::open_on(disk_, options()));
  }
  static OpenOptions options() {
    static const test::Workload time(1);
    return time.options({.durability = Durability::normal, .committer_thread = true});
  }
  void restore() { open_filled(); }

  bool run_once(int nth, Exhaustion exhaustion) {
    MemoryFault fault(nth, exhaustion);
    const Outcome outcome = attempt();
    const bool fired = fault.disarm();
    if (!fired) REQUIRE(outcome == Outcome::done);
    if (outcome != Outcome::done) REQUIRE_FALSE(beside_.has_leftovers());
    beside_.clear_fresh();
    check(outcome, nth);
    return fired;
  }

  Outcome attempt() {
    try {
      operation_.run(*db_, beside_);
      return Outcome::done;
    } catch (const std::bad_alloc&) {
      return Outcome::refused;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::outcome_unknown) return Outcome::unknown;
      throw;
    }
  }

  void check(Outcome outcome, int nth) {
    if (operation_.nature == Nature::reads) {
      if (nth % kDumpReadsEvery == 0) REQUIRE(test::digest_of(test::dump(*db_)) == before_);
      return;
    }
    // What a prune had no memory to free.
    if (outcome == Outcome::done) engine::Access::free_removed(*db_);
    if (operation_.nature == Nature::slices && outcome != Outcome::done) {
      REQUIRE(verify(*db_).sound());
      operation_.run(*db_, beside_);  // the rest
      outcome = Outcome::done;
    }
    for (const auto found : {test::digest_of(test::dump(*db_)), found_after_a_kill()}) {
      if (outcome == Outcome::done) REQUIRE(found == after_);
      if (outcome == Outcome::refused) REQUIRE(found == before_);
      if (outcome == Outcome::unknown) REQUIRE((found == before_ || found == after_));
    }
    if (outcome != Outcome::refused) restore();
  }

  // What is on the disk now, opened anew.
  std::uint64_t found_after_a_kill() {
    const auto image = test::recovered(disk_.snapshot());
    const auto [known, is_new] = dumped_of_.try_emplace(test::digest_of(image));
    if (is_new) {
      vfs::MemoryDisk disk;
      disk.restore(image);
      known->second = test::digest_of(test::dump(test::open_on(disk, options())));
    }
    return known->second;
  }

  const Operation& operation_;
  test::Beside& beside_;
  vfs::MemoryDisk disk_;
  std::unique_ptr<Database> db_;
  std::uint64_t before_ = 0;
  std::uint64_t after_ = 0;
  std::map<std::uint64_t, std::uint64_t> dumped_of_;  // contents of the file: digest of its dump
};

// What is held when nothing of ours is open.
struct Held {
  std::int64_t blocks = test::live_allocations();
  std::int64_t sqlite_bytes = sqlite3_memory_used();
};

void sweep_all(const std::vector<Operation>& operations, const char* name) {
  static test::Beside beside;
  // So that what is made once is there.
  Sweep(operations.front(), beside).run(Exhaustion::once);
  std::uint64_t cases = 0;
  for (const auto& operation : operations) {
    CAPTURE(operation.name);
    { const Sweep first(operation, beside); }
    const Held before;
    for (const auto exhaustion : {Exhaustion::once, Exhaustion::stays})
      cases += Sweep(operation, beside).run(exhaustion);
    const Held after;
    CHECK(after.blocks == before.blocks);
    CHECK(after.sqlite_bytes == before.sqlite_bytes);
  }
  std::cout << cases << " allocations failed in " << operations.size() << " operations " << name
            << ": 0 violations\n";
}

}  // namespace

TEST_CASE("operations of the database without memory are done or refused, and leak nothing") {
  sweep_all(test::kDatabaseOperations, "of the database");
}
TEST_CASE("operations on logs without memory are done or refused, and leak nothing") {
  sweep_all(test::kLogOperations, "on checkpoints, sessions and runs");
}
TEST_CASE("operations on state without memory are done or refused, and leak nothing") {
  sweep_all(test::kStateOperations, "on manifests, state and leases");
}
TEST_CASE("values without memory are made or refused, and leak nothing") {
  sweep_all(test::kValueOperations, "on values");
}
TEST_CASE("maintenance without memory is done or refused, and leak nothing") {
  sweep_all(test::kCareOperations, "of maintenance");
}
