// A copy in the making meets a loss of power and every fault: it appears whole under its name, or not at all.
#include "crash/recorder.hpp"
#include "harness/dump.hpp"
#include "harness/fault.hpp"
#include "harness/scale.hpp"
#include "harness/workload.hpp"
#include "holdfast/maintain.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "vfs/shim.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace holdfast;
namespace fs = std::filesystem;
using Kind = test::DiskEvent::Kind;

namespace {

// The platform's disk with an interceptor above it, for whoever asks for the default.
class DefaultDisk {
 public:
  explicit DefaultDisk(vfs::Interceptor& interceptor) : shim_({.interceptor = &interceptor}) {
    sqlite3_vfs_register(sqlite3_vfs_find(shim_.name().c_str()), 1);
  }

 private:
  vfs::Shim shim_;  // its end makes the platform's the default again
};

// What a folder had in it when it was synced last.
std::set<std::string> names_when_synced;

Database source(const test::Workload& workload) {
  auto db = Database::in_memory(workload.options({.page_bytes = 1024}));
  for (std::uint64_t i = 0; i < 100; ++i)
    workload.step(db, i);
  return db;
}

}  // namespace

// Before the C library's: each sync of a folder comes by here.
extern "C" int fsync(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    names_when_synced.clear();
    for (const auto& entry : fs::directory_iterator("/proc/self/fd/" + std::to_string(descriptor)))
      names_when_synced.insert(entry.path().filename());
  }
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

TEST_CASE("all of a backup is synced before it has its name") {
  const test::Workload workload(1);
  const auto db = source(workload);
  const test::TemporaryFolder folder;
  const auto target = folder.file("copy.holdfast");
  test::Recorder recorder({});
  {
    const DefaultDisk disk(recorder);
    REQUIRE(backup(db, target, {.pages_per_step = 16}));
  }
  std::map<std::size_t, bool> at_risk;  // by file
  std::size_t syncs = 0;
  for (const auto& event : recorder.events()) {
    if (event.kind == Kind::create) REQUIRE(event.data.rfind(target + ".partial-", 0) == 0);
    if (event.kind == Kind::write || event.kind == Kind::truncate) at_risk[event.file] = true;
    if (event.kind == Kind::sync || event.kind == Kind::remove) at_risk[event.file] = false;
    if (event.kind == Kind::sync) ++syncs;
  }
  REQUIRE(syncs > 0);
  for (const auto& [file, unsafe] : at_risk) {
    CAPTURE(file);
    CHECK_FALSE(unsafe);
  }
  auto copy = Database::open(target, workload.options({.page_bytes = 1024}));
  REQUIRE(test::dump(copy) == test::dump(db));
}

TEST_CASE("the names of a backup, and of what was restored and salvaged, are synced") {
  const auto db = source(test::Workload(1));
  const test::TemporaryFolder folder;
  const auto original = folder.file("original.holdfast");
  names_when_synced.clear();
  REQUIRE(backup(db, original));
  CHECK(names_when_synced.count("original.holdfast") == 1);
  REQUIRE(restore(original, folder.file("restored.holdfast")));
  CHECK(names_when_synced.count("restored.holdfast") == 1);
  salvage(original, folder.file("salvaged.holdfast"));
  CHECK(names_when_synced.count("salvaged.holdfast") == 1);
}

TEST_CASE("a backup that meets a fault leaves nothing, or is whole") {
  test::Random random;
  INFO(random);
  const test::Workload workload(random.next());
  const auto db = source(workload);
  const auto expected = test::dump(db);
  const auto stride = static_cast<std::uint64_t>(std::max(1.0, 1 / test::scale()));
  std::uint64_t cases = 0;
  for (const auto kind : test::kFaultKinds) {
    for (const bool sticky : {false, true}) {
      bool fired = true;
      for (std::uint64_t nth = 1 + random.below(stride); fired; nth += stride) {
        CAPTURE(test::to_string(kind), nth, sticky);
        const test::TemporaryFolder folder;
        const auto target = folder.file("copy.holdfast");
        test::Fault fault;
        bool done = false;
        {
          const DefaultDisk disk(fault);
          fault.arm(kind, nth, sticky);
          try {
            done = backup(db, target, {.pages_per_step = 64});
          } catch (const Error& error) {
            INFO(error.what());
            const auto code = error.code();
            REQUIRE((code == ErrorCode::io || code == ErrorCode::full || code == ErrorCode::busy));
          }
          fired = fault.disarm();
        }
        ++cases;
        REQUIRE(fs::exists(target) == done);
        if (!done) REQUIRE(fs::is_empty(folder.path()));
        if (!done) continue;
        auto copy = Database::open(target, workload.options({.page_bytes = 1024}));
        REQUIRE(test::dump(copy) == expected);
        REQUIRE(verify(copy).sound());
      }
    }
  }
  std::cout << cases << " faults during a backup: 0 violations\n";
}
