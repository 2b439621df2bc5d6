// Files that were left with their write-ahead log, and who else may have them open.

#include "holdfast/maintain.hpp"
#include "maintain/everything.hpp"
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/full_database.hpp"
#include "support/plain_sqlite.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/source_files.hpp"
#include "support/temporary_database.hpp"
#include "support/temporary_folder.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

using namespace holdfast;
namespace fs = std::filesystem;

namespace {

struct Files {
  std::string database = {};
  std::string log = {};
};

Files read_files(const std::string& path) {
  return {test::read_file(path), fs::exists(path + "-wal") ? test::read_file(path + "-wal") : ""};
}

void write_files(const std::string& path, const Files& files) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << files.database;
  std::ofstream(path + "-wal", std::ios::binary | std::ios::trunc) << files.log;
}

// What a process leaves behind that ends without closing its database.
Files files_of_a_dead_process(const std::string& path, std::uint64_t wal_checkpoint_bytes) {
  test::ChildProcess child([&] {
    auto* db = new Database(
        Database::open(path, {.page_bytes = 1024, .wal_checkpoint_bytes = wal_checkpoint_bytes}));
    test::fill(*db);
    for (int i = 0; i < 20; ++i)
      db->sessions().append("late", "segment", "{\"n\":" + std::to_string(i) + "}");
    return 0;
  });
  REQUIRE(child.run_to_end() == 0);
  return read_files(path);
}

test::Everything everything_of(const Files& files) {
  const test::TemporaryFolder folder;
  write_files(folder.file("copy"), files);
  return test::everything_in(Database::open(folder.file("copy"), {.create = false}));
}

struct Outcome {
  SalvageReport report = {};
  test::Everything everything = {};
};

Outcome salvage_files(const Files& files) {
  const test::TemporaryFolder folder;
  write_files(folder.file("damaged"), files);
  Outcome outcome;
  outcome.report = salvage(folder.file("damaged"), folder.file("new"));
  const Files after = read_files(folder.file("damaged"));
  REQUIRE(after.database == files.database);
  REQUIRE(after.log == files.log);
  REQUIRE_FALSE(fs::exists(folder.file("damaged-shm")));
  const Database db = Database::open(folder.file("new"), {.create = false});
  REQUIRE(verify(db).sound());
  outcome.everything = test::everything_in(db);
  return outcome;
}

bool tells_of_log(const SalvageReport& report) {
  return std::ranges::any_of(report.findings, [](const Finding& finding) {
    return finding.place == "write-ahead log" && finding.severity != Severity::info;
  });
}

}  // namespace

TEST_CASE("what is only in the log is salvaged, and the log stays as it is") {
  const test::TemporaryFolder folder;
  const Files files = files_of_a_dead_process(folder.file("file"), 1ULL << 30);
  REQUIRE(files.log.size() > 100'000);
  const Outcome outcome = salvage_files(files);
  REQUIRE(outcome.report.whole());
  REQUIRE(outcome.everything == everything_of(files));
}

TEST_CASE("a damaged frame of the log costs its page, not the commits behind it") {
  test::Random random;
  INFO(random);
  const test::TemporaryFolder folder;
  const Files files = files_of_a_dead_process(folder.file("file"), 1ULL << 30);
  const test::Everything original = everything_of(files);
  std::size_t with_newest = 0;
  constexpr std::size_t kCases = 100;
  for (std::size_t round = 0; round < kCases; ++round) {
    Files damaged = files;
    const std::size_t at = random.below(files.log.size());
    damaged.log[at] ^= static_cast<char>(1U << random.below(8));
    INFO("round " << round << ", byte " << at);
    const Outcome outcome = salvage_files(damaged);
    with_newest += outcome.everything.contains("segment late/segment/19") ? 1U : 0U;
    const bool same = outcome.everything == original;
    REQUIRE((same || !outcome.report.whole() || tells_of_log(outcome.report)));
    for (const auto& [place, value] : outcome.everything) {
      INFO(place);
      REQUIRE(original.contains(place));
      REQUIRE(original.at(place) == value);
    }
  }
  // SQLite's own recovery would have dropped all that came after the damage.
  REQUIRE(with_newest > kCases * 9 / 10);
}

TEST_CASE("a log that was moved into the file already costs nothing, however damaged") {
  const test::TemporaryFolder folder;
  const Files files = files_of_a_dead_process(folder.file("file"), 1);
  REQUIRE_FALSE(files.log.empty());
  const test::Everything original = everything_of(files);
  for (std::size_t at = 40; at < files.log.size(); at += 999) {
    Files damaged = files;
    damaged.log[at] ^= 0x10;
    INFO("byte " << at);
    REQUIRE(salvage_files(damaged).everything == original);
  }
}

TEST_CASE("a commit that was interrupted at the end of the log is left out as a whole") {
  const test::TemporaryFolder folder;
  const Files files = files_of_a_dead_process(folder.file("file"), 1ULL << 30);
  // The log has grown ahead; the last page ends with its seal.
  const std::size_t end = files.log.find_last_not_of('\0') + 1;
  REQUIRE(end < files.log.size());
  Files torn = files;
  torn.log.resize(end - 500);
  if (GENERATE(false, true)) torn.log.resize(files.log.size());
  const Outcome outcome = salvage_files(torn);
  REQUIRE(tells_of_log(outcome.report));
  REQUIRE_FALSE(outcome.everything.contains("segment late/segment/19"));
  REQUIRE(outcome.everything.contains("segment late/segment/18"));
  REQUIRE(outcome.everything == everything_of(torn));
}

TEST_CASE("salvage and restore refuse a file that somebody has open, and leave it alone") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const test::TemporaryFolder folder;
  const std::string target = folder.file("new");
  SECTION("this process") {
    test::require_error(ErrorCode::conflict, [&] { salvage(db.file(), target); });
    test::require_error(ErrorCode::conflict, [&] { restore(db.file(), target); });
    db->runs().append("run-1", {"{}"});
  }
  SECTION("another process") {
    db.close();
    const std::string ready = folder.file("ready");
    test::ChildProcess child([&] {
      auto* other = new Database(Database::open(db.file()));
      other->runs().append("run-1", {"{}"});
      std::ofstream(ready) << "ready";
      for (;;)
        std::this_thread::sleep_for(std::chrono::seconds(1));
      return 0;
    });
    child.start();
    while (!fs::exists(ready))
      std::this_thread::yield();
    test::require_error(ErrorCode::busy, [&] { salvage(db.file(), target); });
    test::require_error(ErrorCode::busy, [&] { restore(db.file(), target); });
    db.skip_final_check();
  }
  REQUIRE_FALSE(fs::exists(target));
}

TEST_CASE("while a file is salvaged nobody of this process can open it") {
  const test::TemporaryFolder folder;
  {
    auto db = Database::open(folder.file("file"));
    test::fill(db);
  }
  bool tried = false;
  const auto report = salvage(
      folder.file("file"), folder.file("new"), {.progress = [&](auto, auto) {
        test::require_error(ErrorCode::conflict, [&] { Database::open(folder.file("file")); });
        tried = true;
        return true;
      }});
  REQUIRE(tried);
  REQUIRE(report.whole());
}

TEST_CASE("salvage refuses what it cannot make anything of, and makes no file then") {
  const test::TemporaryFolder folder;
  const std::string file = folder.file("file");
  const std::string target = folder.file("new");
  SECTION("nothing there") {
    test::require_error(ErrorCode::not_found, [&] { salvage(file, target); });
  }
  SECTION("other bytes") {
    test::Random random;
    std::ofstream(file) << random.bytes(50'000);
    test::require_error(ErrorCode::not_a_database, [&] { salvage(file, target); });
  }
  SECTION("an empty file") {
    std::ofstream(file).close();
    test::require_error(ErrorCode::not_a_database, [&] { salvage(file, target); });
  }
  SECTION("another program's database") {
    test::PlainSqlite(file, test::PlainSqlite::kCreate)
        .run(
            "PRAGMA auto_vacuum = INCREMENTAL; CREATE TABLE t (a); INSERT INTO t VALUES (1);"
            "CREATE TABLE u (a); CREATE TABLE v (a); CREATE TABLE w (a); CREATE TABLE x (a);"
            "CREATE TABLE y (a); CREATE TABLE z (a); CREATE TABLE s (a)");
    test::require_error(ErrorCode::not_a_database, [&] { salvage(file, target); });
  }
  SECTION("a target that is there") {
    Database::open(file).close();
    std::ofstream(target) << "mine";
    test::require_error(ErrorCode::already_exists, [&] { salvage(file, target); });
    REQUIRE(test::read_file(target) == "mine");
    fs::remove(target);
  }
  SECTION("a progress function that stops it") {
    Database::open(file).close();
    REQUIRE(salvage(file, target, {.progress = [](auto, auto) { return false; }}).stopped);
  }
  REQUIRE_FALSE(fs::exists(target));
  const auto left = std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator());
  REQUIRE(left <= 1);
}

TEST_CASE("tokens of leases and keys that were given never go back") {
  const test::TemporaryFolder folder;
  const std::string file = folder.file("file");
  std::uint64_t token = 0;
  {
    auto db = Database::open(file);
    for (int i = 0; i < 5; ++i)
      token = db.leases().acquire("leader", "holder " + std::to_string(i), 1).value().token +
              (std::this_thread::sleep_for(std::chrono::milliseconds(5)), 0U);
    db.checkpoints().save("gone", {"c", to_bytes("x"), 1, 1});
    db.checkpoints().remove_trace("gone");
    db.checkpoints().save("trace", {"d", to_bytes("x"), 1, 1});
  }
  const auto trace_key = [](const std::string& path) {
    return test::PlainSqlite(path).integer("SELECT seq FROM sqlite_sequence WHERE name = 'trace'");
  };
  SECTION("a sound file") {
    REQUIRE(salvage(file, folder.file("new")).whole());
    REQUIRE(Database::open(folder.file("new")).leases().find("leader").value().token == token);
  }
  SECTION("a lost lease") {
    // Only its name is left, in the index.
    const auto page =
        test::PlainSqlite(file).integer("SELECT rootpage FROM sqlite_schema WHERE name = 'lease'");
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp((page - 1) * 4096)
        << std::string(4096, '\0');
    REQUIRE_FALSE(salvage(file, folder.file("new")).whole());
    auto db = Database::open(folder.file("new"));
    REQUIRE(db.leases().acquire("leader", "next", 1000).value().token > token);
  }
  REQUIRE(trace_key(folder.file("new")) == 2);
}
