#include "holdfast/maintain.hpp"
#include "maintain/everything.hpp"
#include "support/catch.hpp"
#include "support/full_database.hpp"
#include "support/plain_sqlite.hpp"
#include "support/require_error.hpp"
#include "support/source_files.hpp"
#include "support/temporary_database.hpp"
#include "support/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>

using namespace holdfast;
namespace fs = std::filesystem;

namespace {

std::ptrdiff_t files_in(const std::string& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

}  // namespace

TEST_CASE("a restored backup holds the same, under a new incarnation, and can be written") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const test::TemporaryFolder folder;
  const std::string copy = folder.file("backup");
  REQUIRE(backup(*db, copy));
  const std::string bytes = test::read_file(copy);
  const std::string incarnation = Database::open(copy, {.create = false}).incarnation();
  REQUIRE(restore(copy, folder.file("file")));

  struct stat status {};
  REQUIRE(stat(folder.file("file").c_str(), &status) == 0);
  REQUIRE((status.st_mode & 0777) == 0600);
  REQUIRE(test::read_file(copy) == bytes);
  REQUIRE(files_in(folder.path()) == 2);
  const Database restored = Database::open(folder.file("file"), {.create = false});
  REQUIRE(restored.store_id() == db->store_id());
  REQUIRE(restored.incarnation() != db->incarnation());
  REQUIRE(restored.incarnation() != incarnation);
  REQUIRE(verify(restored).findings.empty());
  REQUIRE(test::everything_in(restored) == test::everything_in(*db));
  restored.runs().append("run-1", {"{}"});
}

TEST_CASE("restore reads a backup where nothing can be written") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const test::TemporaryFolder folder;
  const std::string shelf = folder.file("shelf");
  fs::create_directory(shelf);
  REQUIRE(backup(*db, shelf + "/backup"));
  fs::permissions(shelf + "/backup", fs::perms::owner_read);
  fs::permissions(shelf, fs::perms::owner_read | fs::perms::owner_exec);
  REQUIRE(restore(shelf + "/backup", folder.file("file")));
  fs::permissions(shelf, fs::perms::owner_all);
  REQUIRE(files_in(shelf) == 1);
}

TEST_CASE("restore refuses to overwrite, also what came meanwhile") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const test::TemporaryFolder folder;
  REQUIRE(backup(*db, folder.file("backup")));
  const std::string target = folder.file("file");
  test::require_error(ErrorCode::already_exists,
                      [&] { restore(folder.file("backup"), folder.file("backup")); });
  SECTION("a file") {
    std::ofstream(target) << "mine";
    test::require_error(ErrorCode::already_exists, [&] { restore(folder.file("backup"), target); });
  }
  SECTION("one that came while it was copied") {
    test::require_error(ErrorCode::already_exists, [&] {
      restore(folder.file("backup"), target, {.progress = [&](auto, auto) {
                std::ofstream(target) << "mine";
                return true;
              }});
    });
  }
  REQUIRE(test::read_file(target) == "mine");
  REQUIRE(files_in(folder.path()) == 2);
}

TEST_CASE("a backup that is damaged is not put in place") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const test::TemporaryFolder folder;
  const std::string copy = folder.file("backup");
  REQUIRE(backup(*db, copy));
  SECTION("a value") {
    test::PlainSqlite(copy).run("UPDATE checkpoint SET graph_hash = 8 WHERE name = 'c1'");
    test::require_error(ErrorCode::corrupt, [&] { restore(copy, folder.file("file")); });
  }
  SECTION("cut off") {
    fs::resize_file(copy, fs::file_size(copy) / 2);
    test::require_error(ErrorCode::corrupt, [&] { restore(copy, folder.file("file")); });
  }
  SECTION("nothing in it") {
    fs::resize_file(copy, 0);
    test::require_error(ErrorCode::not_a_database, [&] { restore(copy, folder.file("file")); });
  }
  SECTION("not there") {
    test::require_error(ErrorCode::not_found,
                        [&] { restore(folder.file("nothing"), folder.file("file")); });
  }
  fs::remove(copy);
  REQUIRE(files_in(folder.path()) == 0);
}

TEST_CASE("the progress of a restore rises to its total, and can stop it") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const test::TemporaryFolder folder;
  REQUIRE(backup(*db, folder.file("backup")));
  std::uint64_t last = 0;
  std::uint64_t calls = 0;
  REQUIRE(restore(folder.file("backup"),
                  folder.file("file"),
                  {.progress = [&](std::uint64_t done, std::uint64_t total) {
                    CHECK(done >= last);
                    CHECK(done <= total);
                    last = done;
                    ++calls;
                    return true;
                  }}));
  REQUIRE(calls > 5);
  for (std::uint64_t stop = 1; stop <= calls; ++stop) {
    std::uint64_t left = stop;
    REQUIRE_FALSE(restore(folder.file("backup"),
                          folder.file("second"),
                          {.progress = [&](auto, auto) { return --left > 0; }}));
    REQUIRE(files_in(folder.path()) == 2);
  }
}
