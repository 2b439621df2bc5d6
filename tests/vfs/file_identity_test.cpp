#include "vfs/file_identity.hpp"

#include "connection.hpp"
#include "support/child_process.hpp"
#include "vfs/platform.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <fcntl.h>
#include <unistd.h>

using holdfast::test::ChildProcess;
using holdfast::test::TemporaryFolder;
using holdfast::vfs::FileIdentity;
using holdfast::vfs::find_descriptors;
using holdfast::vfs::identity_of;
using holdfast::vfs::Shim;
using holdfast::vfs::test::Connection;

TEST_CASE("two names of one file have one identity, a link to it has its own") {
  const TemporaryFolder folder;
  std::ofstream(folder.file("one")) << "x";
  std::filesystem::create_hard_link(folder.file("one"), folder.file("two"));
  std::filesystem::create_symlink(folder.file("one"), folder.file("link"));
  std::ofstream(folder.file("other")) << "x";
  const auto one = identity_of(folder.file("one"));
  REQUIRE(one);
  CHECK(one == identity_of(folder.file("two")));
  CHECK(one != identity_of(folder.file("other")));
  REQUIRE(identity_of(folder.file("link")));
  CHECK(one != identity_of(folder.file("link")));
  CHECK_FALSE(identity_of(folder.file("missing")));
}

TEST_CASE("descriptors on a file are found, also when its name is gone") {
  const TemporaryFolder folder;
  std::ofstream(folder.file("one")) << "x";
  const auto identity = identity_of(folder.file("one"));
  REQUIRE(identity);
  if (!find_descriptors(*identity).possible) return;  // no /proc
  CHECK(find_descriptors(*identity).descriptors.empty());
  const int descriptor = open(folder.file("one").c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(descriptor >= 0);
  std::filesystem::remove(folder.file("one"));
  CHECK(find_descriptors(*identity).descriptors == std::vector<int>{descriptor});
  close(descriptor);
  CHECK(find_descriptors(*identity).descriptors.empty());
}

namespace {

std::size_t descriptors_on(const std::string& path) {
  const auto identity = identity_of(path);
  return identity ? find_descriptors(*identity).descriptors.size() : 0;
}

}  // namespace

TEST_CASE("a shim keeps exactly the descriptors that SQLite keeps without it") {
  const TemporaryFolder folder;
  const Shim shim;
  const auto count = [&](const std::string& vfs, const std::string& path) {
    Connection one(vfs, path);
    one.must("PRAGMA journal_mode=WAL");
    one.must("CREATE TABLE t(a)");
    Connection two(vfs, path);
    CHECK(two.number("SELECT count(*) FROM t") == 0);
    return std::vector<std::size_t>{
        descriptors_on(path), descriptors_on(path + "-wal"), descriptors_on(path + "-shm")};
  };
  const auto plain = count("", folder.file("plain"));
  const auto through_shim = count(shim.name(), folder.file("shim"));
  CHECK(plain == through_shim);
}

TEST_CASE("asking about a database that is open gives none of its locks away") {
  const TemporaryFolder folder;
  const std::string path = folder.file("app.holdfast");
  ChildProcess other([&] {
    Connection db("", path);
    return db.run("INSERT INTO t(b) VALUES(1)") == SQLITE_BUSY ? 1 : 2;
  });
  const Shim shim;
  Connection db(shim.name(), path);
  // Locks of the wal-index in the one mode, of the database file in the other.
  const bool wal = GENERATE(true, false);
  db.must(wal ? "PRAGMA journal_mode=WAL" : "PRAGMA journal_mode=DELETE");
  db.must("CREATE TABLE t(b)");
  db.must("BEGIN IMMEDIATE");
  db.must("INSERT INTO t(b) VALUES(2)");

  Connection second(shim.name(), path);
  CHECK(second.number("SELECT count(*) FROM t") == 0);
  CHECK_FALSE(shim.replaced());
  CHECK(shim.wal_index_position().has_value() == wal);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const std::string name = path + suffix;
    if (const auto identity = identity_of(name)) find_descriptors(*identity);
    holdfast::vfs::resolve(name);
    holdfast::vfs::create_database_file(path);
    holdfast::vfs::file_system_of(folder.path());
  }

  CHECK(other.run_to_end() == 1);
  db.must("COMMIT");
  CHECK(db.number("SELECT count(*) FROM t") == 1);
}
