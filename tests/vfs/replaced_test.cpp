#include "connection.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

using holdfast::vfs::FileKind;
using holdfast::vfs::test::Base;
using holdfast::vfs::test::Connection;
using holdfast::vfs::test::Ground;

namespace {

std::string path_of(const Ground& ground, FileKind kind) {
  switch (kind) {
    case FileKind::wal:
      return ground.path + "-wal";
    case FileKind::shm:
      return ground.path + "-shm";
    default:
      return ground.path;
  }
}

// Another file under this name, as an editor or a restoring backup program leaves it.
void replace(const std::string& path) {
  std::ofstream(path + ".new") << "something else";
  std::filesystem::rename(path + ".new", path);
}

}  // namespace

TEST_CASE("nothing counts as replaced while files are only used") {
  Ground ground(GENERATE(Base::platform, Base::memory));
  CHECK_FALSE(ground.shim.replaced());
  ground.create();  // its connection closes, and the WAL goes
  CHECK_FALSE(ground.shim.replaced());
  for (int round = 0; round < 3; ++round) {
    Connection one = ground.open();
    one.must("INSERT INTO t(b) VALUES(1)");
    CHECK_FALSE(ground.shim.replaced());
    Connection two = ground.open();
    two.must("INSERT INTO t(b) VALUES(2)");
    CHECK(two.checkpoint(SQLITE_CHECKPOINT_TRUNCATE) == SQLITE_OK);
    CHECK_FALSE(ground.shim.replaced());
  }
  Connection db = ground.open();
  db.must("PRAGMA journal_mode=DELETE");
  CHECK_FALSE(ground.shim.replaced());
  db.must("PRAGMA journal_mode=WAL");
  db.must("INSERT INTO t(b) VALUES(3)");
  CHECK_FALSE(ground.shim.replaced());
}

TEST_CASE("a database, WAL or wal-index that is removed is noticed and named") {
  const FileKind kind = GENERATE(FileKind::database, FileKind::wal, FileKind::shm);
  Ground ground(Base::platform);
  ground.create();
  Connection db = ground.open();
  db.must("INSERT INTO t(b) VALUES(1)");
  REQUIRE_FALSE(ground.shim.replaced());
  SECTION("unlinked") {
    std::filesystem::remove(path_of(ground, kind));
  }
  SECTION("renamed") {
    std::filesystem::rename(path_of(ground, kind), ground.folder.file("elsewhere"));
  }
  const auto replaced = ground.shim.replaced();
  REQUIRE(replaced);
  CHECK(replaced->file == kind);
  CHECK(replaced->missing);
}

TEST_CASE("a database, WAL or wal-index that is replaced is noticed and named") {
  const FileKind kind = GENERATE(FileKind::database, FileKind::wal, FileKind::shm);
  Ground ground(Base::platform);
  ground.create();
  Connection db = ground.open();
  db.must("INSERT INTO t(b) VALUES(1)");
  SECTION("by another file") {
    replace(path_of(ground, kind));
  }
  SECTION("by a link to itself") {
    const std::string moved = ground.folder.file("moved");
    std::filesystem::rename(path_of(ground, kind), moved);
    std::filesystem::create_symlink(moved, path_of(ground, kind));
  }
  const auto replaced = ground.shim.replaced();
  REQUIRE(replaced);
  CHECK(replaced->file == kind);
  CHECK_FALSE(replaced->missing);
}

TEST_CASE("a connection that meets another file is refused, and the shim remembers it") {
  const FileKind kind = GENERATE(FileKind::database, FileKind::wal, FileKind::shm);
  Ground ground(Base::platform);
  ground.create();
  Connection db = ground.open();
  db.must("INSERT INTO t(b) VALUES(1)");
  const std::string path = path_of(ground, kind);
  const std::string aside = ground.folder.file("aside");
  std::filesystem::rename(path, aside);
  if (kind == FileKind::shm) replace(path);  // the others are made anew by the opening
  {
    Connection late = ground.open();
    for (int attempt = 0; attempt < 2; ++attempt) {
      const int opened = late.open_result();
      const int result = opened == SQLITE_OK ? late.ask("SELECT count(*) FROM t").second : opened;
      CHECK((result & 0xff) == SQLITE_CANTOPEN);
    }
  }
  std::filesystem::rename(aside, path);
  const auto replaced = ground.shim.replaced();
  REQUIRE(replaced);
  CHECK(replaced->file == kind);
}

TEST_CASE("a database that was replaced while no connection was open is refused") {
  Ground ground(Base::platform);
  ground.create();
  std::filesystem::copy_file(ground.path, ground.path + ".copy");
  std::filesystem::rename(ground.path + ".copy", ground.path);
  Connection db = ground.open();
  CHECK((db.open_result() & 0xff) == SQLITE_CANTOPEN);
  const auto replaced = ground.shim.replaced();
  REQUIRE(replaced);
  CHECK(replaced->file == FileKind::database);
}

TEST_CASE("the last connection may delete the WAL while another thread asks what was replaced") {
  Ground ground(Base::platform);
  ground.create();
  std::atomic<bool> stop = false;
  std::atomic<int> alarms = 0;
  std::thread watcher([&] {
    while (!stop) {
      if (ground.shim.replaced()) ++alarms;
      std::this_thread::yield();
    }
  });
  for (int round = 0; round < 20; ++round) {
    Connection db = ground.open();
    db.must("INSERT INTO t(b) VALUES(1)");
  }
  stop = true;
  watcher.join();
  CHECK(alarms == 0);
}
