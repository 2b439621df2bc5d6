// Pages are sealed without SQLite noticing, damage to what searches go by is refused, and what a plain SQLite
// writes is left alone.
#include "vfs/page_seal.hpp"

#include "connection.hpp"
#include "support/plain_sqlite.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

using holdfast::test::PlainSqlite;
using holdfast::vfs::examine_seal;
using holdfast::vfs::kSealBytes;
using holdfast::vfs::MemoryDisk;
using holdfast::vfs::ProtectedTrees;
using holdfast::vfs::Seal;
using holdfast::vfs::seal_page;
using holdfast::vfs::test::Base;
using holdfast::vfs::test::Connection;
using holdfast::vfs::test::Ground;

namespace {

constexpr std::size_t kPageBytes = 512;
constexpr std::byte kIndexLeaf{0x0a};
constexpr std::byte kTableLeaf{0x0d};

// Small pages, so that few rows make trees of several levels.
void make_room(Connection& db) {
  int reserved = kSealBytes;
  REQUIRE(sqlite3_file_control(db.handle(), "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved) ==
          SQLITE_OK);
  db.must("PRAGMA page_size=512");
  db.must("PRAGMA auto_vacuum=INCREMENTAL");
  db.must("PRAGMA journal_mode=WAL");
  db.must("PRAGMA wal_autocheckpoint=0");
}

// A table with an index, and one without rowids; 400 rows each.
void fill(Connection& db) {
  make_room(db);
  db.must("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)");
  db.must("CREATE UNIQUE INDEX t_b ON t(b)");
  db.must("CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID");
  db.must(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 400)"
      " INSERT INTO t SELECT i, printf('text %06d', i * 7919 % 1000) || i FROM n");
  db.must("INSERT INTO w SELECT b, a FROM t");
}

ProtectedTrees our_trees(Connection& db) {
  ProtectedTrees trees;
  trees.schema_cookie = static_cast<std::uint32_t>(db.number("PRAGMA schema_version"));
  for (const char* name : {"t", "t_b", "w"}) {
    const std::string sql = std::string("SELECT rootpage FROM sqlite_schema WHERE name='") + name;
    trees.roots.push_back(static_cast<std::uint32_t>(db.number(sql + "'")));
  }
  return trees;
}

// The pages of a database that was filled, closed, and so has no WAL.
std::vector<std::byte> filled_file(Ground& ground) {
  {
    Connection db = ground.open();
    fill(db);
  }
  return ground.disk.snapshot().at(ground.path);
}

const std::byte* page_of(const std::vector<std::byte>& file, std::size_t number) {
  return file.data() + (number - 1) * kPageBytes;
}

// Opens the file as it is given, with our trees protected; true if everything reads as it was filled.
struct Outcome {
  bool refused = false;
  bool as_filled = false;
};
Outcome read_all(const std::vector<std::byte>& file) {
  Ground ground(Base::memory);
  ground.disk.restore({{ground.path, file}});
  Connection db = ground.open();
  ground.shim.protect(our_trees(db));
  Outcome outcome{.as_filled = true};
  for (const char* sql : {"SELECT count(*) = 400 AND sum(a) = 80200 FROM t NOT INDEXED",
                          "SELECT count(*) = 400 FROM (SELECT a FROM t ORDER BY b)",
                          "SELECT count(v) = 400 AND sum(v) = 80200 FROM w",
                          "SELECT (SELECT a FROM t WHERE b = 'text 000719201') IS 201"}) {
    const auto [answer, result] = db.ask(sql);
    outcome.refused = outcome.refused || result == SQLITE_CORRUPT;
    outcome.as_filled = outcome.as_filled && result == SQLITE_ROW && answer == "1";
  }
  return outcome;
}

}  // namespace

TEST_CASE("every page that our connections write is sealed") {
  Ground ground(Base::memory);
  const auto file = filled_file(ground);
  REQUIRE(file.size() > 50 * kPageBytes);
  for (std::size_t number = 1; number <= file.size() / kPageBytes; ++number) {
    CAPTURE(number);
    REQUIRE(examine_seal(page_of(file, number), kPageBytes, static_cast<std::uint32_t>(number)) ==
            Seal::whole);
  }
}

TEST_CASE("a flipped byte breaks the seal, but for payloads in leaves") {
  Ground ground(Base::memory);
  auto file = filled_file(ground);
  for (std::size_t at = kPageBytes; at < file.size(); ++at) {
    const std::size_t number = at / kPageBytes + 1;
    const std::size_t in_page = at % kPageBytes;
    const std::byte* page = page_of(file, number);
    if (in_page >= kPageBytes - kSealBytes / 2) continue;  // what makes up for the seal
    const bool leaf = page[0] == kTableLeaf || page[0] == kIndexLeaf;
    file[at] ^= std::byte{0x10};
    const Seal seal = examine_seal(page, kPageBytes, static_cast<std::uint32_t>(number));
    file[at] ^= std::byte{0x10};
    CAPTURE(number, in_page);
    if (!leaf || in_page < 8) REQUIRE(seal == Seal::broken);
  }
}

TEST_CASE("in a leaf, keys and structure are covered, and values are not") {
  Ground ground(Base::memory);
  {
    Connection db = ground.open();
    make_room(db);
    db.must("CREATE TABLE e(p INTEGER, k BLOB, a, b, c, d, v, PRIMARY KEY (p, k)) WITHOUT ROWID");
    db.must("INSERT INTO e VALUES (1, 'the key', 1, 2, 3, 4, 'the value')");
    db.must("INSERT INTO e VALUES (1, 'the next', 1, 2, 3, 4, 'its value')");
    db.must("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)");
    db.must("INSERT INTO t VALUES (77, 'the row')");
  }
  auto file = ground.disk.snapshot().at(ground.path);
  const auto seal_with_flip_at = [&](const std::string& text) {
    const auto* bytes = reinterpret_cast<const char*>(file.data());
    const std::size_t at = std::string_view(bytes, file.size()).rfind(text);
    REQUIRE(at != std::string_view::npos);
    const std::size_t number = at / kPageBytes + 1;
    file[at] ^= std::byte{0x20};
    const Seal seal =
        examine_seal(page_of(file, number), kPageBytes, static_cast<std::uint32_t>(number));
    file[at] ^= std::byte{0x20};
    return seal;
  };
  REQUIRE(seal_with_flip_at("the key") == Seal::broken);
  REQUIRE(seal_with_flip_at("the next") == Seal::broken);
  REQUIRE(seal_with_flip_at("the value") == Seal::whole);
  REQUIRE(seal_with_flip_at("its value") == Seal::whole);
  REQUIRE(seal_with_flip_at("the row") == Seal::whole);
}

TEST_CASE("a page in another's place, and a page of zeros, are no sealed pages") {
  std::vector<std::byte> page(kPageBytes, std::byte{7});
  seal_page(page.data(), page.size(), 3);
  REQUIRE(examine_seal(page.data(), page.size(), 3) == Seal::whole);
  REQUIRE(examine_seal(page.data(), page.size(), 4) == Seal::broken);
  const std::vector<std::byte> zeros(kPageBytes);
  REQUIRE(examine_seal(zeros.data(), zeros.size(), 3) == Seal::absent);
}

TEST_CASE("damage to an interior page or an index is refused, never a row silently missing") {
  Ground ground(Base::memory);
  auto file = filled_file(ground);
  REQUIRE(read_all(file).as_filled);
  int refused = 0;
  for (std::size_t number = 3; number <= file.size() / kPageBytes; ++number) {
    if (page_of(file, number)[0] == kTableLeaf) continue;
    const std::size_t at = (number - 1) * kPageBytes + 13;  // in the cells' pointers, or an entry
    file[at] ^= std::byte{0x01};
    const Outcome outcome = read_all(file);
    file[at] ^= std::byte{0x01};
    CAPTURE(number);
    REQUIRE((outcome.refused || outcome.as_filled));
    refused += outcome.refused ? 1 : 0;
  }
  REQUIRE(refused > 20);
}

TEST_CASE("a plain SQLite recovers the log that our connections leave behind, seals and all") {
  Ground ground(Base::platform);
  holdfast::test::TemporaryFolder elsewhere;
  {
    Connection db = ground.open();
    fill(db);
    db.must("PRAGMA cache_size=4");  // pages go out, come back and go out again in one transaction
    db.must("BEGIN");
    for (int round = 0; round < 3; ++round)
      db.must("UPDATE w SET v = v + 1");
    db.must("COMMIT");
    for (const char* suffix : {"", "-wal"})
      std::filesystem::copy_file(ground.path + suffix, elsewhere.file("copy") + suffix);
  }
  PlainSqlite plain(elsewhere.file("copy"));
  REQUIRE(plain.text("PRAGMA integrity_check") == "ok");
  REQUIRE(plain.integer("SELECT sum(v) FROM w") == 80200 + 3 * 400);
  REQUIRE(plain.integer("SELECT count(*) FROM t") == 400);
}

TEST_CASE(
    "an older seal in a whole frame, as a torn write leaves it, is mended by the checkpoint") {
  Ground ground(Base::memory);
  MemoryDisk::Image image;
  {
    Connection db = ground.open();
    fill(db);
    db.checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
    db.must("UPDATE w SET v = v + 1 WHERE k = 'text 000719201'");
    image = ground.disk.snapshot();
  }
  // The first half of a seal, and what makes up for it: the frame's checksum stays the same.
  auto& wal = image.at(ground.path + "-wal");
  constexpr std::size_t kFrame = 24 + kPageBytes;
  for (std::size_t end = 32 + kFrame; end <= wal.size(); end += kFrame)
    std::fill_n(
        wal.begin() + static_cast<std::ptrdiff_t>(end - kSealBytes), kSealBytes, std::byte{0});

  Ground after(Base::memory);
  after.disk.restore(image);
  Connection db = after.open();
  after.shim.protect(our_trees(db));
  REQUIRE(db.number("SELECT v FROM w WHERE k = 'text 000719201'") == 202);
  REQUIRE(db.checkpoint(SQLITE_CHECKPOINT_TRUNCATE) == SQLITE_OK);
  db.must("PRAGMA cache_size=0");
  db.must("PRAGMA shrink_memory");
  REQUIRE(db.number("SELECT v FROM w WHERE k = 'text 000719201'") == 202);
  REQUIRE(after.shim.counters().damaged_pages == 0);
}

TEST_CASE("what another program adds to the file is not taken for damage") {
  Ground ground(Base::platform);
  {
    Connection db = ground.open();
    fill(db);
    ground.shim.protect(our_trees(db));
  }
  const auto read_ours = [&] {
    Connection db = ground.open();
    REQUIRE(db.text("PRAGMA integrity_check") == "ok");
    REQUIRE(db.number("SELECT count(*) FROM w") == 400);
    db.must("INSERT INTO w VALUES ('one more', 1)");
    db.must("DELETE FROM w WHERE k = 'one more'");
  };
  {
    PlainSqlite plain(ground.path);
    plain.run("CREATE VIEW v AS SELECT a, b FROM t WHERE a > 100 ORDER BY b");
    plain.run("CREATE TABLE theirs(x TEXT)");
    for (int i = 0; i < 100; ++i)
      plain.run("INSERT INTO theirs VALUES (hex(randomblob(50)))");
  }
  read_ours();
  {
    Connection db = ground.open();
    db.must("VACUUM");  // seals their pages too
  }
  {
    PlainSqlite plain(ground.path);
    plain.run("UPDATE theirs SET x = lower(x)");
    plain.run("DELETE FROM theirs WHERE rowid % 3 = 0");
    plain.run("DROP VIEW v");
    plain.run("ANALYZE");
  }
  read_ours();
}

TEST_CASE("a file that another program vacuumed has no seals, and is read") {
  Ground ground(Base::platform);
  ProtectedTrees before;
  {
    Connection db = ground.open();
    fill(db);
    before = our_trees(db);
  }
  PlainSqlite(ground.path).run("VACUUM");
  Connection db = ground.open();
  ground.shim.protect(
      before);  // by what the file says of itself; the vacuum has changed the schema's cookie
  REQUIRE(db.text("PRAGMA integrity_check") == "ok");
  REQUIRE(db.number("SELECT count(*) FROM w") == 400);
  REQUIRE(ground.shim.counters().damaged_pages == 0);
}

TEST_CASE("zeros at the end of a page take its seal away, and are refused") {
  Ground ground(Base::memory);
  auto file = filled_file(ground);
  int refused = 0;
  for (std::size_t number = 3; number <= file.size() / kPageBytes; ++number) {
    auto damaged = file;
    std::fill_n(&damaged[number * kPageBytes - 200], 200, std::byte{0});
    const Outcome outcome = read_all(damaged);
    CAPTURE(number);
    REQUIRE((outcome.refused || outcome.as_filled));
    refused += outcome.refused ? 1 : 0;
  }
  REQUIRE(refused > 40);
}
