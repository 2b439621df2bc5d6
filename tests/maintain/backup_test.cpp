#include "holdfast/maintain.hpp"
#include "support/catch.hpp"
#include "support/full_database.hpp"
#include "support/plain_sqlite.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"
#include "support/temporary_folder.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <sys/stat.h>

using namespace holdfast;
namespace fs = std::filesystem;

namespace {

std::size_t files_in(const std::string& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder))
    ++count;
  return count;
}

// Accounts whose sum every transaction keeps.
constexpr int kAccounts = 20;
constexpr int kSum = kAccounts * 1000;

void open_accounts(const Database& db) {
  auto bank = db.state("bank");
  for (int i = 0; i < kAccounts; ++i)
    bank.put("account-" + std::to_string(i), "1000");
}

int sum_of(const Database& db) {
  int sum = 0;
  for (const auto& entry : db.state("bank").range_scan("account-")) {
    sum += std::stoi(std::string(as_text(entry.value)));
  }
  return sum;
}

void move_one(Database& db, int from, int to) {
  const auto add = [&](int account, int amount) {
    db.state("bank").update("account-" + std::to_string(account), [&](const auto& balance) {
      return to_bytes(std::to_string(std::stoi(std::string(as_text(*balance))) + amount));
    });
  };
  db.transact([&] {
    add(from, -1);
    add(to, 1);
    db.runs().append("transfers", {"{}"});
  });
}

}  // namespace

TEST_CASE("a backup holds the same, under the same store id and a new incarnation") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  test::fill(*db);
  test::TemporaryFolder folder;
  const std::string target = folder.file("copy.holdfast");
  REQUIRE(backup(*db, target));

  // One file, for its owner only.
  REQUIRE(files_in(folder.path()) == 1);
  struct stat status {};
  REQUIRE(stat(target.c_str(), &status) == 0);
  REQUIRE((status.st_mode & 0777) == 0600);

  const Database copy = Database::open(target, {.create = false});
  REQUIRE(copy.store_id() == db->store_id());
  REQUIRE(copy.incarnation() != db->incarnation());
  REQUIRE(verify(copy).findings.empty());
  const DatabaseInfo original = info(*db);
  const DatabaseInfo copied = info(copy);
  REQUIRE(copied.checkpoints == original.checkpoints);
  REQUIRE(copied.entries == original.entries);
  REQUIRE(copied.events == original.events);
  REQUIRE(copied.state_entries == original.state_entries);
  REQUIRE(copied.page_bytes == original.page_bytes);
  REQUIRE(copy.checkpoints().load("c2")->data == db->checkpoints().load("c2")->data);

  // Each copy is another life.
  const std::string second = folder.file("second.holdfast");
  REQUIRE(backup(copy, second));
  REQUIRE(Database::open(second).incarnation() != copy.incarnation());
}

TEST_CASE("a backup beside a writer is of one instant and can be written to") {
  test::TemporaryDatabase db;
  open_accounts(*db);
  std::atomic<std::uint64_t> moved{0};
  std::jthread writer([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      move_one(*db, i % kAccounts, (i * 7 + 1) % kAccounts);
      ++moved;
    }
  });
  test::TemporaryFolder folder;
  for (int round = 0; round < 5; ++round) {
    const std::string target = folder.file(std::to_string(round));
    std::uint64_t seen_from = 0;
    // One page at a time, and a transfer between each two: the copy takes its time on purpose.
    const bool complete =
        backup(*db, target, {.pages_per_step = 1, .progress = [&](std::uint64_t, std::uint64_t) {
                               if (seen_from == 0) seen_from = moved + 1;
                               const std::uint64_t before = moved;
                               while (moved == before)
                                 std::this_thread::yield();
                               return true;
                             }});
    REQUIRE(complete);
    REQUIRE(moved >= seen_from);
    Database copy = Database::open(target, {.create = false});
    REQUIRE(sum_of(copy) == kSum);
    move_one(copy, 0, 1);
    REQUIRE(sum_of(copy) == kSum);
    REQUIRE(verify(copy).sound());
  }
  writer.request_stop();
  writer.join();
  REQUIRE(sum_of(*db) == kSum);
}

TEST_CASE("a backup refuses a target that is there, and leaves it as it is") {
  test::TemporaryDatabase db;
  test::fill(*db);
  test::TemporaryFolder folder;
  const std::string target = folder.file("copy.holdfast");
  SECTION("a file") {
    std::ofstream(target) << "mine";
    test::require_error(ErrorCode::already_exists, [&] { backup(*db, target); });
    std::string content;
    std::ifstream(target) >> content;
    REQUIRE(content == "mine");
    REQUIRE(files_in(folder.path()) == 1);
  }
  SECTION("an empty file") {
    std::ofstream(target).close();
    test::require_error(ErrorCode::already_exists, [&] { backup(*db, target); });
    REQUIRE(fs::file_size(target) == 0);
  }
  SECTION("a link that leads nowhere") {
    fs::create_symlink(folder.file("nowhere"), target);
    test::require_error(ErrorCode::already_exists, [&] { backup(*db, target); });
    REQUIRE(files_in(folder.path()) == 1);
  }
  SECTION("the database itself") {
    test::require_error(ErrorCode::already_exists, [&] { backup(*db, db->path()); });
    REQUIRE(verify(*db).sound());
  }
  SECTION("a folder") {
    test::require_error(ErrorCode::already_exists, [&] { backup(*db, folder.path()); });
    test::require_error(ErrorCode::invalid_argument, [&] { backup(*db, folder.path() + "/"); });
  }
  SECTION("one that came while it was copied") {
    test::require_error(ErrorCode::already_exists, [&] {
      backup(*db, target, {.progress = [&](auto, auto) {
        std::ofstream(target) << "faster";
        return true;
      }});
    });
    REQUIRE(fs::file_size(target) == 6);
    REQUIRE(files_in(folder.path()) == 1);
  }
}

TEST_CASE("a backup that is stopped or fails leaves nothing behind") {
  test::TemporaryFolder folder;
  const std::string target = folder.file("copy.holdfast");
  SECTION("stopped at each step") {
    test::TemporaryDatabase db;
    test::fill(*db);
    std::uint64_t steps = 0;
    REQUIRE(backup(*db, folder.file("whole"), {.pages_per_step = 16, .progress = [&](auto, auto) {
                                                 ++steps;
                                                 return true;
                                               }}));
    REQUIRE(steps > 3);
    for (std::uint64_t last = 1; last <= steps; ++last) {
      std::uint64_t left = last;
      REQUIRE_FALSE(backup(
          *db, target, {.pages_per_step = 16, .progress = [&](auto, auto) { return --left > 0; }}));
      REQUIRE(files_in(folder.path()) == 1);
    }
  }
  SECTION("a progress function that throws") {
    test::TemporaryDatabase db;
    REQUIRE_THROWS_AS(backup(*db, target, {.progress = [](auto, auto) -> bool { throw 1; }}), int);
    REQUIRE(files_in(folder.path()) == 0);
    db->runs().append("run", {"{}"});
  }
  SECTION("the log reached its hard limit meanwhile") {
    test::TemporaryDatabase db(test::Ground::file, {.wal_hard_limit_bytes = 256 * 1024});
    test::fill(*db);
    const auto write_until_full = [&](std::uint64_t, std::uint64_t) {
      try {
        for (int i = 0; i < 1000; ++i)
          db->state("x").put("k", std::string(10'000, 'x'));
      } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::full);
      }
      return true;
    };
    test::require_error(ErrorCode::full, [&] {
      backup(*db, target, {.pages_per_step = 1, .progress = write_until_full});
    });
    REQUIRE(files_in(folder.path()) == 0);
    db->state("x").put("k", "the writer goes on");
  }
  SECTION("a folder that is not there") {
    test::TemporaryDatabase db;
    test::require_error(ErrorCode::not_found, [&] { backup(*db, folder.file("no/copy")); });
    test::require_error(ErrorCode::invalid_argument, [&] { backup(*db, ""); });
    test::require_error(ErrorCode::invalid_argument, [&] { backup(*db, std::string("a\0b", 3)); });
  }
  SECTION("a database that is not sound") {
    test::TemporaryDatabase db;
    test::fill(*db);
    db.close();
    db.skip_final_check();
    // The counts of a leaf's cells, in a page near the end: SQLite itself finds it.
    std::fstream file(db.file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(db.file()) - 4096));
    file << std::string(4096, '\x0d');
    file.close();
    db.reopen();
    test::require_error(ErrorCode::corrupt, [&] { backup(*db, target); });
    REQUIRE(files_in(folder.path()) == 0);
  }
}

TEST_CASE("a backup inside a transaction of its thread is refused") {
  test::TemporaryDatabase db;
  test::TemporaryFolder folder;
  const std::string target = folder.file("copy.holdfast");
  db->transact(
      [&] { test::require_error(ErrorCode::invalid_argument, [&] { backup(*db, target); }); });
  db->read([&] { test::require_error(ErrorCode::invalid_argument, [&] { backup(*db, target); }); });
  REQUIRE(files_in(folder.path()) == 0);
}

TEST_CASE("a backup of a file whose log was not moved into it has what is in the log") {
  test::TemporaryDatabase db;
  test::fill(*db);
  for (int i = 0; i < 50; ++i)
    db->runs().append("late", {"{}"});
  REQUIRE(db->statistics().wal_bytes > 0);
  test::TemporaryFolder folder;
  REQUIRE(backup(*db, folder.file("copy")));
  REQUIRE(test::PlainSqlite(folder.file("copy"))
              .integer("SELECT events FROM runs WHERE run = 'late'") == 50);
}
