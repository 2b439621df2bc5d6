// A large prune is done at once for everybody who looks, and frees what it removed in slices.
#include "access.hpp"
#include "checkpoint/checkpoint_cases.hpp"
#include "checkpoint/checkpoint_table.hpp"
#include "content/removal.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"
#include "holdfast/maintain.hpp"
#include "support/catch.hpp"
#include "support/content_chunks.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <atomic>
#include <thread>

namespace holdfast {

namespace {

using test::blob;
using test::data_of;
using test::require_error;
using Names = std::vector<std::string>;

constexpr std::size_t kMany = 3 * content::kSliceRows + 10;
constexpr std::size_t kKept = 5;

std::string id_of(std::size_t number) {
  return "id-" + std::to_string(number);
}

// Trace "t" with so many, a few of them large and alike; another trace beside it.
void fill(Database& db, std::size_t count = kMany) {
  db.transact([&] {
    for (std::size_t i = 0; i < count; ++i) {
      const bool large = i % 100 == 7;
      db.checkpoints().save("t", blob(id_of(i), std::string(large ? 80'000 : 20, 'x') + id_of(i)));
    }
    db.checkpoints().save("other", blob("beside", "1"));
  });
}

Names newest(std::size_t kept) {
  Names names;
  for (std::size_t i = 0; i < kept; ++i)
    names.push_back(id_of(kMany - 1 - i));
  return names;
}

std::int64_t count(const Database& db, const std::string& sql) {
  return engine::Access::link(db).read(
      [&](engine::Connection& c) { return c.integer(("SELECT count(*) FROM " + sql).c_str()); });
}

// The first transaction of a prune, as a crash right behind it leaves the file.
std::size_t begin_prune(Database& db, const std::string& name, std::size_t keep) {
  return engine::Access::link(db).write([&](engine::Connection& c) {
    auto trace = *checkpoint::find_trace(c, name);
    const auto gone =
        keep == 0 ? checkpoint::remove_rows(c, trace) : checkpoint::prune_rows(c, trace, keep);
    REQUIRE(gone.more);
    checkpoint::write_trace(c, trace);
    return gone.count;
  });
}

bool free_slice(Database& db) {
  return engine::Access::link(db).write(
      [](engine::Connection& c) { return checkpoint::free_slice(c); });
}

void require_sound(const Database& db) {
  const VerifyReport report = verify(db);
  for (const Finding& finding : report.findings)
    UNSCOPED_INFO(finding.place << ": " << finding.what);
  REQUIRE(report.findings.empty());
}

// What everybody sees of "t" when all but the newest `kept` were pruned.
void require_pruned(const Database& db, std::size_t kept) {
  const auto store = db.checkpoints();
  CHECK(store.list("t") == newest(kept));
  CHECK(store.size("t") == kept);
  CHECK(store.size() == kept + 1);
  CHECK(store.list_traces() == (kept > 0 ? Names{"other", "t"} : Names{"other"}));
  CHECK(data_of(store.recover_latest("t").chosen).empty() == false);
  for (const std::size_t gone : {std::size_t{0}, std::size_t{7}, kMany - kept - 1}) {
    CHECK_FALSE(store.load(id_of(gone)));
    CHECK_FALSE(store.info(id_of(gone)));
    require_error(ErrorCode::not_found, [&] { (void)store.list("t", {.before = id_of(gone)}); });
  }
  CHECK(count(db, "checkpoints WHERE trace = 't'") == static_cast<std::int64_t>(kept));
  CHECK(count(db, "checkpoints") == static_cast<std::int64_t>(kept) + 1);
  CHECK(info(db).checkpoints == kept + 1);
  require_sound(db);
}

void require_freed(const Database& db, std::size_t kept) {
  CHECK(count(db, "checkpoint") == static_cast<std::int64_t>(kept) + 1);
  CHECK(count(db, "removal") == 0);
}

}  // namespace

TEST_CASE("a prune of more than can be followed while others wait keeps the newest",
          "[checkpoint]") {
  test::TemporaryDatabase db(test::any_ground());
  constexpr std::size_t kMore = checkpoint::kFollowRows + 100;
  fill(*db, kMore);
  const auto names = db->checkpoints().list("t", {.limit = kKept});
  REQUIRE(db->checkpoints().prune("t", kKept) == kMore - kKept);
  REQUIRE(db->checkpoints().list("t") == names);
  require_freed(*db, kKept);
  require_sound(*db);
}

TEST_CASE("a large prune frees all that it removed before it returns", "[checkpoint]") {
  test::TemporaryDatabase db(test::any_ground());
  fill(*db);
  const std::size_t keep = GENERATE(std::size_t{0}, kKept);
  REQUIRE(db->checkpoints().prune("t", keep) == kMany - keep);
  require_pruned(*db, keep);
  require_freed(*db, keep);
  REQUIRE(count(*db, "content") == 0);
  REQUIRE(count(*db, "chunk_data") == 0);
}

TEST_CASE("between the slices of a prune everybody sees it done, and verify nothing wrong",
          "[checkpoint]") {
  test::TemporaryDatabase db(test::any_ground());
  fill(*db);
  const std::size_t keep = GENERATE(std::size_t{0}, kKept);
  REQUIRE(begin_prune(*db, "t", keep) == kMany - keep);
  std::size_t slices = 0;
  for (bool more = true; more; ++slices) {
    CAPTURE(slices);
    require_pruned(*db, keep);
    CHECK(count(*db, "storage_by_owner WHERE kind = 'removed' AND rows > 0") == 1);
    CHECK_FALSE(db->checkpoints().remove(id_of(3)));
    more = free_slice(*db);
  }
  REQUIRE(slices == 3);
  require_pruned(*db, keep);
  require_freed(*db, keep);
  CHECK(count(*db, "storage_by_owner WHERE kind = 'removed'") == 0);
}

TEST_CASE(
    "a prune that was interrupted is seen as done by others, and finished by the next opening",
    "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(*db);
  const std::size_t keep = GENERATE(std::size_t{0}, kKept);
  begin_prune(*db, "t", keep);
  db.close();
  {
    test::PlainSqlite shell(db.file());
    CHECK(shell.integer("SELECT count(*) FROM checkpoints") == static_cast<long long>(keep) + 1);
    CHECK(shell.integer("SELECT count(*) FROM checkpoint") ==
          static_cast<long long>(kMany + 1 - content::kSliceRows));
  }
  {
    const auto reader = Database::open(db.file(), {.read_only = true});
    require_pruned(reader, keep);
    CHECK(count(reader, "removal") == 1);
  }
  db.reopen();
  require_pruned(*db, keep);
  require_freed(*db, keep);
}

TEST_CASE("an id that was pruned can be saved again before it is freed", "[checkpoint]") {
  test::TemporaryDatabase db(test::any_ground());
  fill(*db);
  const std::size_t keep = GENERATE(std::size_t{0}, kKept);
  begin_prune(*db, "t", keep);
  auto store = db->checkpoints();
  const std::string large(90'000, 'y');
  const std::string last = id_of(kMany - keep - 1);
  store.save("t", blob(last, large));
  store.save("other", blob(id_of(kMany / 2), "2"));
  store.save("third", blob("id-707", "3"));  // large before
  for (int slice = 0; slice < 4; ++slice) {
    CAPTURE(slice);
    CHECK(data_of(store.load(last)) == large);
    CHECK(store.list("t").front() == last);
    CHECK(store.size("t") == keep + 1);
    CHECK(data_of(store.load_latest("other")) == "2");
    CHECK(data_of(store.load("id-707")) == "3");
    require_sound(*db);
    free_slice(*db);
  }
  CHECK(count(*db, "checkpoint") == static_cast<std::int64_t>(keep) + 4);
  CHECK(count(*db, "content") == 1);
}

TEST_CASE("a trace goes on, is pruned again and removed while its older checkpoints are freed",
          "[checkpoint]") {
  test::TemporaryDatabase db(test::any_ground());
  fill(*db);
  begin_prune(*db, "t", kKept);
  auto store = db->checkpoints();
  for (std::size_t i = 0; i < 4; ++i)
    store.save("t", blob("later-" + std::to_string(i), "1"));
  // What is small is freed at once.
  REQUIRE(store.prune("t", 2) == kKept + 2);
  CHECK(store.list("t") == Names{"later-3", "later-2"});
  require_sound(*db);
  REQUIRE(store.remove("later-2"));
  REQUIRE(store.remove("later-3"));
  CHECK(store.list_traces() == Names{"other"});
  require_sound(*db);
  store.save("t", blob("anew", "1"));
  require_sound(*db);
  CHECK(store.list("t") == Names{"anew"});
  while (free_slice(*db)) {
  }
  CHECK(count(*db, "checkpoint") == 2);
  require_sound(*db);
}

TEST_CASE("a cut that was found ahead holds after saves, and not after removals", "[checkpoint]") {
  test::TemporaryDatabase db(test::any_ground());
  fill(*db);
  const auto find = [&](engine::Connection& c) { return *checkpoint::find_trace(c, "t"); };
  const auto& link = engine::Access::link(*db);
  const auto cut =
      link.read([&](engine::Connection& c) { return checkpoint::find_cut(c, find(c), kKept); });
  CHECK(cut.rows == kMany - kKept);
  auto store = db->checkpoints();
  const std::string change =
      GENERATE(as<std::string>(), "saved", "removed", "saved again", "pruned");
  CAPTURE(change);
  if (change == "saved") store.save("t", blob("new", "1"));
  if (change == "removed") store.remove(id_of(8));
  if (change == "saved again") store.save("t", blob(id_of(8), "1"));
  if (change == "pruned") store.prune("t", kMany - 1);
  const auto names = store.list("t", {.limit = kKept});
  const auto count_before = store.size("t");
  link.write([&](engine::Connection& c) {
    auto trace = find(c);
    CHECK(cut.fits(trace) == (change == "saved"));
    CHECK(checkpoint::prune_rows(c, trace, kKept, cut).count == count_before - kKept);
    checkpoint::write_trace(c, trace);
  });
  CHECK(store.list("t") == names);
  require_sound(*db);
}

TEST_CASE("removing the rest of a trace takes over what a prune had left", "[checkpoint]") {
  test::TemporaryDatabase db(test::any_ground());
  fill(*db);
  begin_prune(*db, "t", kKept);
  REQUIRE(db->checkpoints().remove_trace("t") == kKept);
  require_pruned(*db, 0);
  require_freed(*db, 0);
}

TEST_CASE("a prune inside a transaction frees once that is committed, and not otherwise",
          "[checkpoint]") {
  test::TemporaryDatabase db(test::any_ground());
  fill(*db);
  struct GivenUp {};
  try {
    db->transact([&] {
      db->checkpoints().prune("t", kKept);
      throw GivenUp();
    });
  } catch (const GivenUp&) {
  }
  CHECK(db->checkpoints().size("t") == kMany);
  CHECK(count(*db, "removal") == 0);
  db->transact([&] {
    db->transact([&] { CHECK(db->checkpoints().prune("t", kKept) == kMany - kKept); });
    // It is seen as done in here, and what a slice takes has gone.
    CHECK(db->checkpoints().size("t") == kKept);
    CHECK(count(*db, "checkpoint") == static_cast<std::int64_t>(kMany + 1 - content::kSliceRows));
  });
  require_pruned(*db, kKept);
  require_freed(*db, kKept);
}

TEST_CASE("whoever reads while a prune is freed sees all of it or nothing", "[checkpoint]") {
  test::TemporaryDatabase db(test::Ground::file, {.durability = Durability::normal});
  fill(*db);
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> torn{0};
  const auto watch = [&] {
    while (!done) {
      db->read([&] {
        const auto store = db->checkpoints();
        const auto size = store.size("t");
        const bool first = store.load(id_of(0)).has_value();
        const bool large = store.load(id_of(407)).has_value();
        const auto rows = count(*db, "checkpoints WHERE trace = 't'");
        const bool whole = size == kMany && first && large;
        const bool gone = size == kKept && !first && !large;
        if ((!whole && !gone) || rows != static_cast<std::int64_t>(size)) ++torn;
      });
    }
  };
  std::thread reader(watch);
  db->checkpoints().prune("t", kKept);
  done = true;
  reader.join();
  CHECK(torn == 0);
  require_freed(*db, kKept);
}

TEST_CASE("salvage brings nothing back that was pruned and not yet freed", "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(*db);
  const std::size_t keep = GENERATE(std::size_t{0}, kKept);
  begin_prune(*db, "t", keep);
  const bool noted = GENERATE(true, false);
  if (!noted) {
    engine::Access::link(*db).write(
        [](engine::Connection& c) { c.execute("UPDATE removal SET digest = digest + 1"); });
  }
  db.close();
  const test::TemporaryFolder folder;
  const std::string path = folder.file("salvaged.holdfast");
  const SalvageReport report = salvage(db.file(), path);
  for (const Finding& finding : report.findings)
    UNSCOPED_INFO(finding.place << ": " << finding.what);
  CHECK(report.whole() == noted);
  auto salvaged = Database::open(path);
  require_pruned(salvaged, keep);
  require_freed(salvaged, keep);
  CHECK(count(salvaged, "content") == 0);
}

TEST_CASE("verify finds rows that no prune has removed, and a prune of what is there",
          "[checkpoint]") {
  test::TemporaryDatabase db;
  fill(*db);
  begin_prune(*db, "t", kKept);
  const auto damage = [&](const char* sql) {
    engine::Access::link(*db).write([&](engine::Connection& c) { c.execute(sql); });
    CHECK_FALSE(verify(*db).sound());
  };
  SECTION("the removal is lost") {
    damage("DELETE FROM removal");
  }
  SECTION("it is damaged") {
    damage("UPDATE removal SET first_key = first_key - 1");
  }
  SECTION("it names what is there") {
    damage("UPDATE removal SET last_key = last_key + 1");
  }
  SECTION("the trace is lost") {
    damage("DELETE FROM trace WHERE name = 't'");
  }
}

}  // namespace holdfast
