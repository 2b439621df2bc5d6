#include "log/log.hpp"

#include "access.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <string>
#include <vector>

namespace holdfast {

using engine::Connection;
using log::Cut;
using log::LogRef;

namespace {

// A log as a store would keep it.
class KeptLog {
 public:
  template <class Work>
  auto write(Work&& work) {
    return engine::Access::link(database_).write(work);
  }

  explicit KeptLog(Database& database) : database_(database) {
    ref.node_key = write([](Connection& db) { return log::create_node(db); });
  }

  void append(const PayloadList& payloads,
              const std::string& codec = "json",
              bool strict_json = true) {
    const auto entries = log::check_entries(payloads, codec, strict_json);
    const auto appended =
        write([&](Connection& db) { return log::append(db, ref, entries, codec, 1000); });
    ref.count = appended.count;
    raw_bytes += appended.raw_bytes;
  }

  std::vector<std::string> read(std::uint64_t first = 1, std::size_t limit = kNoLimit) const {
    const auto entries = engine::Access::link(database_).read(
        [&](Connection& db) { return log::read(db, ref, first, limit); });
    std::vector<std::string> texts;
    std::uint64_t ordinal = first;
    for (const LogEntry& entry : entries) {
      REQUIRE(entry.position == ordinal++);
      texts.emplace_back(entry.text());
    }
    return texts;
  }

  Cut truncate(std::uint64_t keep) {
    const Cut cut = write([&](Connection& db) { return log::truncate(db, ref, keep); });
    ref.count -= cut.entries;
    return cut;
  }

  std::uint64_t remove() {
    return write([&](Connection& db) {
      content::Freeing freeing(db);
      return log::remove(db, freeing, ref);
    });
  }

  LogRef ref;
  std::uint64_t raw_bytes = 0;

 private:
  Database& database_;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("entries are read in the order of their ordinals") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  KeptLog log(*db);
  REQUIRE(log.read().empty());
  log.append({"1", "2", "3"});
  log.append({});
  log.append({"4"});
  REQUIRE(log.ref.count == 4);
  REQUIRE(log.raw_bytes == 4);
  REQUIRE(log.read() == Texts{"1", "2", "3", "4"});
  REQUIRE(log.read(2, 2) == Texts{"2", "3"});
  REQUIRE(log.read(4, 9) == Texts{"4"});
  REQUIRE(log.read(5).empty());
  REQUIRE(log.read(kMaxNumber).empty());
  REQUIRE(log.read(2, 0).empty());
}

TEST_CASE("logs do not see each other's entries") {
  test::TemporaryDatabase db(test::Ground::memory);
  KeptLog first(*db);
  KeptLog second(*db);
  first.append({"1"});
  second.append({"2"});
  first.append({"3"});
  REQUIRE(first.read() == Texts{"1", "3"});
  REQUIRE(second.read() == Texts{"2"});
}

TEST_CASE("a page is of about a mebibyte, and has one entry at least") {
  test::TemporaryDatabase db(test::Ground::memory);
  KeptLog log(*db);
  const std::string large = "\"" + std::string(3 * log::kPageBytes, 'x') + "\"";
  const std::string small = "\"" + std::string(log::kPageBytes / 4, 'x') + "\"";
  log.append({large, large, small, small, small, small, small, small});
  Texts sizes;
  std::uint64_t first = 1;
  while (true) {
    const auto page = engine::Access::link(*db).read(
        [&](Connection& c) { return log::read_page(c, log.ref, first); });
    if (page.empty()) break;
    sizes.push_back(std::to_string(page.size()));
    first += page.size();
  }
  REQUIRE(sizes == Texts{"1", "1", "4", "2"});
}

TEST_CASE("an entry that is not JSON is refused before the transaction, by its index") {
  const auto detail = test::require_error(ErrorCode::invalid_argument, [] {
    log::check_entries({"{}", "{}", "{"}, "json");
  });
  REQUIRE(detail.actual == 2);
}

TEST_CASE("with another codec bytes are opaque") {
  test::TemporaryDatabase db;
  KeptLog log(*db);
  const std::string bytes("\0\xff\n{", 4);
  log.append({bytes, R"({"kind":"looks like JSON"})"}, "msgpack");
  REQUIRE(log.read() == Texts{bytes, R"({"kind":"looks like JSON"})"});
  db.close();
  test::PlainSqlite sqlite(db.file());
  REQUIRE(sqlite.integer("SELECT count(*) FROM log_entry WHERE codec = 'msgpack'"
                         " AND typeof(payload) = 'blob' AND kind IS NULL") == 2);
}

TEST_CASE("without strictness any bytes are taken, and what is JSON is text with its fields") {
  test::TemporaryDatabase db;
  KeptLog log(*db);
  log.append({"{\n\"kind\":\"pretty\"\n}", "plain words"}, "json", false);
  REQUIRE(log.read() == Texts{"{\n\"kind\":\"pretty\"\n}", "plain words"});
  db.close();
  const auto rows = test::PlainSqlite(db.file()).rows(
      "SELECT typeof(payload), kind FROM log_entry ORDER BY entry_key");
  REQUIRE(rows == std::vector<test::PlainSqlite::Row>{{"text", "pretty"}, {"blob", std::nullopt}});
}

TEST_CASE("truncate removes what is beyond, with its content") {
  test::TemporaryDatabase db(test::Ground::file);
  KeptLog log(*db);
  KeptLog neighbour(*db);
  const std::string large = "\"" + std::string(200'000, 'x') + "\"";
  log.append({"1", large, "3", large});
  neighbour.append({large});
  REQUIRE(log.truncate(9).entries == 0);
  REQUIRE(log.truncate(4).entries == 0);
  const Cut cut = log.truncate(1);
  REQUIRE(cut.entries == 3);
  REQUIRE(cut.raw_bytes == 1 + 2 * large.size());
  REQUIRE(log.read() == Texts{"1"});
  log.append({"\"again\""});
  REQUIRE(log.read() == Texts{"1", "\"again\""});
  REQUIRE(neighbour.read() == Texts{large});
  db.close();
  REQUIRE(test::PlainSqlite(db.file()).integer("SELECT count(*) FROM content") == 1);
}

TEST_CASE("a removed log leaves no row") {
  test::TemporaryDatabase db;
  KeptLog log(*db);
  log.append({"1", "\"" + std::string(200'000, 'x') + "\""});
  REQUIRE(log.remove() == 2);
  db.close();
  test::PlainSqlite sqlite(db.file());
  for (const std::string table : {"log_node", "log_entry", "content", "chunk", "chunk_data"}) {
    REQUIRE(sqlite.integer("SELECT count(*) FROM " + table) == 0);
  }
}

TEST_CASE("a log ends at 2^32 - 1 entries") {
  test::TemporaryDatabase db(test::Ground::memory);
  KeptLog log(*db);
  log.ref.count = log::kMaxEntries - 1;
  log.append({"1"});
  REQUIRE(log.ref.count == log::kMaxEntries);
  REQUIRE(log.read(log::kMaxEntries) == Texts{"1"});
  const auto detail = test::require_error(ErrorCode::too_large, [&] { log.append({"2"}); });
  REQUIRE(detail.expected == log::kMaxEntries);
  log.ref.count = log::kMaxEntries - 1;
  test::require_error(ErrorCode::too_large, [&] { log.append({"1", "2"}); });
}

TEST_CASE("a node or count that cannot be is corrupt, and touches no other log") {
  test::TemporaryDatabase db(test::Ground::memory);
  KeptLog log(*db);
  log.append({"1"});
  const LogRef good = log.ref;
  for (const LogRef& bad : {LogRef{0, 1},
                            LogRef{-1, 1},
                            LogRef{std::int64_t{1} << 31, 1},
                            LogRef{std::int64_t{1} << 40, 1},
                            LogRef{1, log::kMaxEntries + 1}}) {
    log.ref = bad;
    test::require_error(ErrorCode::corrupt, [&] { log.read(); });
    test::require_error(ErrorCode::corrupt, [&] { log.append({"2"}); });
    test::require_error(ErrorCode::corrupt, [&] { log.truncate(0); });
    test::require_error(ErrorCode::corrupt, [&] { log.remove(); });
  }
  log.ref = good;
  REQUIRE(log.read() == Texts{"1"});
}

TEST_CASE("when all node keys are used up, a new log is too_large") {
  test::TemporaryDatabase db;
  { KeptLog log(*db); }
  db.damage("UPDATE sqlite_sequence SET seq = 2147483646 WHERE name = 'log_node'");
  KeptLog last(*db);
  last.append({"1"});
  REQUIRE(last.read() == Texts{"1"});
  test::require_error(ErrorCode::too_large, [&] { KeptLog log(*db); });
}

}  // namespace holdfast
