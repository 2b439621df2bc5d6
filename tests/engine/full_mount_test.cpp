// A disk that is full for real: a small file system of the kernel's, in a mount namespace of a child process.
#include "engine/folder.hpp"
#include "holdfast/database.hpp"

#include <sched.h>

#include <cstdio>
#include <sys/mount.h>

using namespace holdfast;

namespace {

constexpr int kNoMount = 50;

// 0, or the number of the step that was not as it must be.
int fill_and_free(const std::string& folder) {
  const std::string path = folder + "/app.holdfast";
  const std::string filler = folder + "/filler";
  const std::string payload = "\"" + std::string(20'000, 'x') + "\"";
  test::write_bytes(filler, std::string(1 << 20, 'f'));
  auto db = Database::open(path, {.wal_checkpoint_bytes = 256 << 10});
  auto store = db.sessions();
  std::uint64_t acknowledged = 0;
  std::string outcome = "ok";
  while (outcome == "ok") {
    outcome = test::outcome_of([&] { store.append("session", "segment", payload); });
    if (outcome == "ok") ++acknowledged;
    if (acknowledged > 1000) return 1;
  }
  if (outcome != "full" || acknowledged == 0) return 2;
  // Reads go on, and find what was acknowledged and nothing else.
  if (store.read_entry_count("session", "segment") != acknowledged) return 3;
  if (test::outcome_of([&] { store.append("session", "other", payload); }) != "full") return 4;
  if (std::remove(filler.c_str()) != 0) return 5;
  store.append("session", "segment", payload);
  ++acknowledged;
  db.close();
  db = Database::open(path);
  if (db.sessions().read_entry_count("session", "segment") != acknowledged) return 6;
  return db.statistics().log_recovery.finding == LogRecovery::Finding::clean ? 0 : 7;
}

int on_small_mount(const std::string& folder) {
  const bool apart = unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
  if (!apart || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kNoMount;
  if (mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=4m") != 0) return kNoMount;
  return fill_and_free(folder);
}

}  // namespace

TEST_CASE(
    "a small file system that is full refuses what does not fit, and works on once there is room") {
  const test::TemporaryFolder folder;
  test::ChildProcess child([&] { return on_small_mount(folder.path()); });
  const int result = child.run_to_end();
  if (result == kNoMount) {
    WARN("skipped: no file system can be mounted here (unshare and mount are refused)");
    return;
  }
  REQUIRE(result == 0);
}
