// Damage in a WAL is told from what a crash leaves: for every flip and every torn end of small logs.
#include "vfs/wal_scrub.hpp"

#include "connection.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <optional>

using holdfast::test::Random;
using holdfast::vfs::MemoryDisk;
using holdfast::vfs::Shim;
using holdfast::vfs::WalRecovery;
using holdfast::vfs::WalTail;
using holdfast::vfs::test::Connection;

namespace {

constexpr std::size_t kPageBytes = 512;
constexpr std::size_t kFrameBytes = kPageBytes + 24;
constexpr std::size_t kHeaderBytes = 32;
const std::string kPath = "/app.holdfast";
const std::string kWal = kPath + "-wal";

using Bytes = std::vector<std::byte>;

// A file with a row per transaction, and the image of its disk after each.
class Log {
 public:
  Log() : shim_({.base = disk_.vfs()}), db_(shim_.name(), kPath) {
    db_.must("PRAGMA page_size=512");
    db_.must("PRAGMA journal_mode=WAL");
    db_.must("PRAGMA wal_autocheckpoint=0");
    db_.must("CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
  }
  // So many frames, or a few more.
  void commit(int frames) {
    db_.must("INSERT INTO t(b) VALUES(randomblob(" + std::to_string(frames * 500 - 450) + "))");
    images.push_back(disk_.snapshot());
  }
  // From now on the log is used again from its beginning, and the old frames lie behind.
  void restart() {
    REQUIRE(db_.checkpoint(SQLITE_CHECKPOINT_RESTART) == SQLITE_OK);
    base_rows = db_.number("SELECT count(*) FROM t");
    images.assign(1, disk_.snapshot());
  }
  const MemoryDisk::Image& last() const { return images.back(); }

  std::vector<MemoryDisk::Image> images;  // after so many transactions since the (re)start
  std::int64_t base_rows = 0;

 private:
  MemoryDisk disk_;
  Shim shim_;
  Connection db_;
};

struct Opened {
  std::int64_t rows = -1;
  WalRecovery recovery;
  MemoryDisk::Image after;
};

Opened open_image(const MemoryDisk::Image& image) {
  MemoryDisk disk;
  disk.restore(image);
  const Shim shim({.base = disk.vfs()});
  Opened opened;
  {
    Connection db(shim.name(), kPath);
    const auto [rows, result] = db.ask("SELECT count(*) FROM t");
    if (result == SQLITE_ROW) opened.rows = std::stoll(rows);
    opened.recovery = shim.recovery().value_or(WalRecovery{});
    opened.after = disk.snapshot();
  }
  return opened;
}

MemoryDisk::Image with_wal(MemoryDisk::Image image, Bytes wal) {
  image[kWal] = std::move(wal);
  return image;
}

// A log of a few transactions, with an earlier one behind it or not.
void fill(Log& log, bool used_before) {
  if (used_before) {
    for (const int frames : {3, 1, 4, 2, 1, 3, 5, 1, 1, 2, 3})
      log.commit(frames);
    log.restart();
  }
  for (const int frames : {1, 3, 1, 1, 2, 1})
    log.commit(frames);
}

}  // namespace

TEST_CASE("a log that is whole is clean, and so is one whose end was cut off between commits") {
  const bool used_before = GENERATE(false, true);
  Log log;
  fill(log, used_before);
  for (const auto& image : log.images) {
    const Opened opened = open_image(image);
    CHECK(opened.rows >= log.base_rows);
    CHECK(opened.recovery.found.tail == WalTail::clean);
    CHECK(opened.recovery.copy.empty());
  }
}

TEST_CASE("a log that ends at any byte is not taken for a damaged one") {
  const bool used_before = GENERATE(false, true);
  Log log;
  fill(log, used_before);
  const Bytes& wal = log.last().at(kWal);
  for (std::size_t length = 0; length < wal.size(); ++length) {
    const Opened opened = open_image(with_wal(
        log.last(), Bytes(wal.begin(), wal.begin() + static_cast<std::ptrdiff_t>(length))));
    CAPTURE(length);
    REQUIRE(opened.recovery.found.tail <= WalTail::unfinished);
  }
}

TEST_CASE("a last transaction of which any sectors or bytes are missing is not taken for damage") {
  const bool used_before = GENERATE(false, true);
  Random random;
  INFO(random);
  std::size_t unfinished = 0;
  for (int round = 0; round < 3000; ++round) {
    std::optional<Log> log;
    if (round % 300 == 0) {
      log.emplace();
      fill(*log, used_before);
    }
    static MemoryDisk::Image before;
    static MemoryDisk::Image after;
    if (log) {
      before = log->last();
      log->commit(static_cast<int>(1 + random.below(12)));
      after = log->last();
    }
    Bytes old = before.at(kWal);
    Bytes torn = after.at(kWal);
    old.resize(torn.size());
    // Sectors in any order, or each write up to some byte.
    const std::size_t unit = random.one_in(2) ? 512 : 1 + random.below(64);
    for (std::size_t at = 0; at < torn.size(); at += unit) {
      if (unit != 512 ? random.one_in(200) : random.one_in(3)) {
        const std::size_t bytes = std::min(unit, torn.size() - at);
        const bool to_the_end = unit != 512;
        std::copy_n(old.begin() + static_cast<std::ptrdiff_t>(at),
                    to_the_end ? torn.size() - at : bytes,
                    torn.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
    const Opened opened = open_image(with_wal(after, torn));
    REQUIRE(opened.recovery.found.tail <= WalTail::unfinished);
    unfinished += opened.recovery.found.tail == WalTail::unfinished ? 1 : 0;
  }
  CHECK(unfinished > 100);
}

TEST_CASE("no flipped bit in a log loses a commit in silence") {
  const bool used_before = GENERATE(false, true);
  Log log;
  fill(log, used_before);
  const Bytes wal = log.last().at(kWal);
  const std::int64_t all = open_image(log.last()).rows;
  const std::size_t last_transaction = open_image(log.last()).recovery.kept_frames - 1;
  const std::size_t end = kHeaderBytes + (last_transaction + 1) * kFrameBytes;
  std::size_t damaged = 0;
  std::size_t unfinished = 0;
  std::size_t uncertain = 0;
  Random random;
  INFO(random);
  for (std::size_t at = 0; at < end; ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const bool in_page = at >= kHeaderBytes && (at - kHeaderBytes) % kFrameBytes >= 24;
      if (in_page && !random.one_in(16)) continue;
      Bytes flipped = wal;
      flipped[at] ^= static_cast<std::byte>(1U << bit);
      const Opened opened = open_image(with_wal(log.last(), flipped));
      CAPTURE(at, bit, opened.rows);
      if (opened.rows == all) continue;  // harmless
      const WalTail tail = opened.recovery.found.tail;
      REQUIRE(tail != WalTail::clean);
      damaged += tail == WalTail::damaged ? 1 : 0;
      unfinished += tail == WalTail::unfinished ? 1 : 0;
      uncertain += tail == WalTail::uncertain ? 1 : 0;
      // Only the last transaction, of one frame here, may look like a crash; and the one before it, where
      // its header lies across two sectors or the flip unmade its commit.
      if (tail == WalTail::unfinished) REQUIRE(opened.rows >= all - 2);
      if (at < kHeaderBytes) REQUIRE(tail >= WalTail::uncertain);
      if (tail >= WalTail::uncertain) {
        REQUIRE(opened.recovery.copy.starts_with(kPath + "-wal_damaged_"));
        REQUIRE((opened.after.at(opened.recovery.copy) == flipped));
      }
    }
  }
  CAPTURE(damaged, unfinished, uncertain);
  CHECK(damaged > unfinished);
  CHECK(uncertain <= 8);
}

TEST_CASE("a log without its header and its first frames still tells that commits are missing") {
  const bool used_before = GENERATE(false, true);
  Log log;
  fill(log, used_before);
  const Bytes& wal = log.last().at(kWal);
  for (std::size_t zeroed = kHeaderBytes; zeroed <= kHeaderBytes + 3 * kFrameBytes; zeroed += 8) {
    CAPTURE(used_before, zeroed);
    Bytes damaged = wal;
    std::fill_n(damaged.begin(), zeroed, std::byte{0});
    const Opened opened = open_image(with_wal(log.last(), damaged));
    REQUIRE(opened.rows <= log.base_rows);  // nothing of it was recovered
    REQUIRE(opened.recovery.found.tail == WalTail::damaged);
  }
}

TEST_CASE("a header that a crash tore on the way to the next log is no damage") {
  Log log;
  fill(log, true);
  const Bytes old = log.last().at(kWal);
  const auto image = log.last();
  log.restart();
  log.commit(1);
  const Bytes next = log.last().at(kWal);
  const auto whole = log.images.front();  // all is in the file
  for (std::size_t bytes = 0; bytes <= kHeaderBytes; ++bytes) {
    Bytes torn = old;
    std::copy_n(next.begin(), bytes, torn.begin());
    const Opened opened = open_image(with_wal(whole, torn));
    CAPTURE(bytes);
    CHECK(opened.rows == log.base_rows);
    const WalTail tail = opened.recovery.found.tail;
    // Where only the sequence number is another one, it could be a flipped bit as well. (The first salt is
    // one up: mostly in its last byte.)
    const bool ambiguous = bytes >= 16 && bytes < 20;
    CHECK(tail <= (ambiguous ? WalTail::uncertain : WalTail::clean));
  }
}

TEST_CASE("what a transaction that was rolled back left in the log is no damage") {
  MemoryDisk disk;
  const Shim shim({.base = disk.vfs()});
  MemoryDisk::Image image;
  {
    Connection db(shim.name(), kPath);
    db.must("PRAGMA page_size=512");
    db.must("PRAGMA journal_mode=WAL");
    db.must("PRAGMA cache_size=2");
    db.must("CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
    db.must("BEGIN");
    db.must(
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<60) "
        "INSERT INTO t SELECT i, randomblob(300) FROM n");
    db.must("ROLLBACK");
    db.must("INSERT INTO t VALUES(1, 1)");
    db.must("INSERT INTO t VALUES(2, 2)");
    image = disk.snapshot();
  }
  const Opened opened = open_image(image);
  CHECK(opened.rows == 2);
  CHECK(opened.recovery.found.tail == WalTail::unfinished);
}

TEST_CASE("who opens a damaged log again finds its copy and makes no second one") {
  Log log;
  fill(log, false);
  Bytes wal = log.last().at(kWal);
  wal[kHeaderBytes + 100] ^= std::byte{1};
  const Opened first = open_image(with_wal(log.last(), wal));
  REQUIRE(first.recovery.found.tail == WalTail::damaged);
  REQUIRE_FALSE(first.recovery.copy.empty());
  auto image = with_wal(log.last(), wal);
  image[first.recovery.copy] = first.after.at(first.recovery.copy);
  const Opened second = open_image(image);
  CHECK(second.recovery.copy == first.recovery.copy);
  const auto copies = std::count_if(second.after.begin(), second.after.end(), [](const auto& file) {
    return file.first.find("-wal_damaged_") != std::string::npos;
  });
  CHECK(copies == 1);
}

TEST_CASE("a damaged log is recovered although there is no room for its copy") {
  Log log;
  fill(log, false);
  Bytes wal = log.last().at(kWal);
  wal[kHeaderBytes + 100] ^= std::byte{1};
  MemoryDisk disk;
  disk.restore(with_wal(log.last(), wal));
  disk.set_capacity_bytes(disk.used_bytes() + 100);
  const Shim shim({.base = disk.vfs()});
  Connection db(shim.name(), kPath);
  CHECK(db.ask("SELECT 1 FROM sqlite_schema").second != SQLITE_CORRUPT);
  REQUIRE(shim.recovery());
  CHECK(shim.recovery()->found.tail == WalTail::damaged);
  CHECK(shim.recovery()->copy.empty());
  CHECK(disk.snapshot().size() == 2);
}
