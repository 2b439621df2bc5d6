// Creation and migration, interrupted at every step: the file is of its old version or of the new one.
#include "crash/old_file.hpp"
#include "crash/power_loss.hpp"
#include "harness/fault.hpp"
#include "harness/recovered.hpp"
#include "harness/scale.hpp"
#include "harness/workload.hpp"
#include "holdfast/maintain.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"
#include "support/source_files.hpp"

#include <algorithm>
#include <iostream>
#include <set>
#include <stdexcept>

using namespace holdfast;
using test::DiskSqlite;
using test::kDiskPath;
using test::Loss;
using test::old_file;
using test::open_on;
using vfs::MemoryDisk;

namespace {

constexpr const char* kObjects = "SELECT type || ' ' || name || sql FROM sqlite_schema ORDER BY 1";

void expect(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error("does not hold: " + what);
}

// Opening makes the newest version of it whatever happened before, and nothing of before is gone.
void check_opens(MemoryDisk& disk, const test::Workload& workload, int from) {
  auto db = open_on(disk, workload.options());
  const auto report = verify(db);
  if (!report.sound())
    throw std::runtime_error(report.findings.front().place + ": " + report.findings.front().what);
  if (from > 0) {
    expect(db.store_id() == test::kOldStore, "the store's id stays");
    const auto lease = db.leases().find("old lease");
    expect(lease.has_value() && lease->token == 7, "an old lease stays");
  }
  for (std::uint64_t i = 0; i < 3; ++i)
    workload.step(db, i);
  db.close();
  if (!test::has_foreign_table(from)) return;
  DiskSqlite sqlite(disk);
  expect(sqlite.text("SELECT a FROM mine_too") == "of a person\n", "a person's rows stay");
}

// Version and objects, as another program sees them.
std::string schema_of(const MemoryDisk::Image& image) {
  MemoryDisk disk;
  disk.restore(image);
  DiskSqlite sqlite(disk);
  return sqlite.text("PRAGMA user_version") + sqlite.text(kObjects);
}

// What an interrupted opening may leave.
class Expectation {
 public:
  Expectation(const test::Workload& workload, int from) : workload_(workload), from_(from) {
    MemoryDisk disk;
    disk.restore(old_file(from));
    allowed_.insert(schema_of(disk.snapshot()));
    open_on(disk, workload.options()).close();
    allowed_.insert(schema_of(disk.snapshot()));
  }
  // Contents that were looked at before need no second look, but for some.
  void check(const MemoryDisk::Image& image, test::Random& random) {
    const bool known = !checked_.insert(test::digest_of(test::recovered(image))).second;
    if (known && !random.one_in(64)) return;
    expect(allowed_.contains(schema_of(image)), "it is of the old version or of the new one");
    MemoryDisk disk;
    disk.restore(image);
    check_opens(disk, workload_, from_);
  }

 private:
  const test::Workload& workload_;
  int from_;
  std::set<std::string> allowed_;
  std::set<std::uint64_t> checked_;
};

// Every image that a loss of power may leave of an opening of `before`; each is opened.
std::uint64_t lose_power(const MemoryDisk::Image& before,
                         Expectation& expectation,
                         const test::Workload& workload,
                         test::Random& random,
                         bool again) {
  MemoryDisk disk;
  disk.restore(before);
  test::Recorder recorder(before);
  open_on(disk, workload.options(), &recorder).close();
  std::set<MemoryDisk::Image> images;
  test::PowerLoss power(before);
  for (const auto& event : recorder.events()) {
    power.apply(event);
    for (std::size_t loss = 0; loss < test::kLosses; ++loss) {
      if (random.below(1000) >= test::scaled(1000)) continue;
      const auto image = power.image(static_cast<Loss>(loss), random);
      if (!images.insert(image).second) continue;
      CAPTURE(loss, images.size());
      try {
        expectation.check(image, random);
      } catch (const std::exception& error) {
        FAIL(error.what());
      }
    }
  }
  const std::uint64_t count = images.size();
  if (!again || images.empty()) return count;
  auto image = images.begin();
  std::advance(image, random.below(images.size()));
  return count + lose_power(*image, expectation, workload, random, false);
}

// Opens `before` with a fault at the nth call. False: there were fewer calls.
bool open_with_fault(const MemoryDisk::Image& before,
                     Expectation& expectation,
                     const test::Workload& workload,
                     test::Random& random,
                     test::FaultKind kind,
                     std::uint64_t nth,
                     bool sticky) {
  MemoryDisk disk;
  disk.restore(before);
  test::Fault fault;
  fault.arm(kind, nth, sticky);
  bool opened = false;
  try {
    auto db = open_on(disk, workload.options({.busy_timeout_ms = 0}), &fault);
    opened = true;
    db.close();
  } catch (const Error& error) {
    INFO(error.what());
    const auto code = error.code();
    REQUIRE((code == ErrorCode::io || code == ErrorCode::full || code == ErrorCode::busy));
  }
  const bool fired = fault.disarm();
  REQUIRE((fired || opened));
  try {
    expectation.check(disk.snapshot(), random);
  } catch (const std::exception& error) {
    FAIL(error.what());
  }
  return fired;
}

}  // namespace

TEST_CASE("a loss of power during creation or migration leaves the old version or the new one") {
  test::Random random;
  INFO(random);
  std::uint64_t images = 0;
  for (int from = 0; from < engine::current_schema_version(); ++from) {
    CAPTURE(from);
    const test::Workload workload(random.next());
    Expectation expectation(workload, from);
    images += lose_power(old_file(from), expectation, workload, random, true);
  }
  std::cout << images << " power-loss images of creation and migration: 0 violations\n";
}

TEST_CASE("a fault during creation or migration leaves the old version or the new one") {
  test::Random random;
  INFO(random);
  std::uint64_t cases = 0;
  // At short, every so manyeth.
  const auto step = static_cast<std::uint64_t>(std::max(1.0, 1 / test::scale()));
  for (int from = 0; from < engine::current_schema_version(); ++from) {
    const test::Workload workload(random.next());
    Expectation expectation(workload, from);
    const auto before = old_file(from);
    for (const auto kind : test::kFaultKinds) {
      for (const bool sticky : {false, true}) {
        bool fired = true;
        for (std::uint64_t nth = 1 + random.below(step); fired; nth += step) {
          CAPTURE(from, test::to_string(kind), sticky, nth);
          fired = open_with_fault(before, expectation, workload, random, kind, nth, sticky);
          ++cases;
        }
      }
    }
  }
  std::cout << cases << " faults during creation and migration: 0 violations\n";
}

TEST_CASE("a file of a newer version is refused, and left as it was, byte for byte") {
  const test::Workload workload(1);
  const bool log_beside = GENERATE(false, true);
  CAPTURE(log_beside);
  MemoryDisk disk;
  disk.restore({{kDiskPath, {}}});
  {
    auto db = open_on(disk, workload.options());
    for (std::uint64_t i = 0; i < 20; ++i)
      workload.step(db, i);
    db.close();
    DiskSqlite sqlite(disk);
    const auto newer = std::to_string(engine::current_schema_version() + 1);
    sqlite.run("CREATE TABLE newer (a); PRAGMA user_version = " + newer);
    if (log_beside) sqlite.leave_log();
  }
  // On a real file, since it is the file that is looked at.
  const test::TemporaryFolder folder;
  test::Files before;
  for (const auto& [name, bytes] : disk.snapshot())
    before[name.substr(1)] = as_text(bytes);
  REQUIRE(before.size() == (log_beside ? 2 : 1));
  test::write_files(folder.path(), before);
  test::require_error(ErrorCode::schema_too_new,
                      [&] { Database::open(folder.path() + kDiskPath, workload.options()); });
  REQUIRE((test::read_files(folder.path()) == before));
}
