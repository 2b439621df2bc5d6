// A write-ahead log that was damaged while nobody had the file open: told by verify() and info().
#include "holdfast/maintain.hpp"
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/source_files.hpp"
#include "support/temporary_folder.hpp"

#include <algorithm>
#include <fstream>

using namespace holdfast;

namespace {

// A process appends, and dies; then a bit of the log is another one, with many commits behind it.
std::string crash_and_damage(const test::TemporaryFolder& folder) {
  std::string path = folder.file("app.holdfast");
  test::ChildProcess child([&] {
    const auto db = Database::open(path);
    for (int i = 0; i < 20; ++i)
      db.sessions().append("session", "segment", "{}");
    _exit(0);
    return 0;
  });
  REQUIRE(child.run_to_end() == 0);
  std::string log = test::read_file(path + "-wal");
  REQUIRE(log.size() > 40'000);
  log[20'000] ^= 1;
  std::ofstream(path + "-wal", std::ios::binary | std::ios::trunc) << log;
  return path;
}

std::vector<Severity> told_of_log(const VerifyReport& report) {
  std::vector<Severity> told;
  for (const auto& finding : report.findings) {
    if (finding.place == "log") told.push_back(finding.severity);
  }
  return told;
}

}  // namespace

TEST_CASE(
    "a damaged log is an error of the opening that found it, and a warning while its copy is "
    "kept") {
  const test::TemporaryFolder folder;
  const std::string path = crash_and_damage(folder);
  std::vector<std::string> copies;
  {
    const auto db = Database::open(path);
    const VerifyReport report = verify(db);
    REQUIRE(told_of_log(report) == std::vector{Severity::error, Severity::warning});
    REQUIRE_FALSE(report.sound());
    copies = info(db).damaged_logs;
    REQUIRE(copies.size() == 1);
    REQUIRE(copies.front() == db.statistics().log_recovery.copy);
  }
  {
    const auto db = Database::open(path);
    REQUIRE(told_of_log(verify(db)) == std::vector{Severity::warning});
    REQUIRE(verify(db).sound());
  }
  std::remove(copies.front().c_str());
  const auto db = Database::open(path);
  REQUIRE(told_of_log(verify(db)).empty());
  REQUIRE(info(db).damaged_logs.empty());
}
