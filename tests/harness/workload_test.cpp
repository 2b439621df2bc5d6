// The workload itself: a harness is worth no more than what it runs.
#include "harness/workload.hpp"

#include "harness/ledger.hpp"
#include "holdfast/maintain.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <set>

using namespace holdfast;
using test::dump;
using test::Workload;

TEST_CASE("a workload is the same on any ground, and after a reopen") {
  test::Random random;
  INFO(random);
  const Workload workload(random.next());
  const test::Ledger ledger(workload, 300);
  const test::TemporaryFolder folder;
  const auto path = folder.file("app.holdfast");
  auto db = Database::open(path, workload.options({.durability = Durability::normal}));
  for (std::uint64_t i = 0; i < ledger.steps(); ++i) {
    CAPTURE(i, workload.name_of(i));
    workload.step(db, i);
    if (random.one_in(20)) {
      db.close();
      db = Database::open(path, workload.options({.durability = Durability::normal}));
    }
    const auto found = dump(db);
    if (test::digest_of(found) != ledger.after(i + 1)) FAIL(ledger.difference(i + 1, found));
  }
  REQUIRE(verify(db).sound());
}

TEST_CASE("every step of a workload changes something before long") {
  const Workload workload(1);
  auto db = Database::in_memory(workload.options());
  std::set<std::string> changing;
  std::set<std::string> all;
  auto before = dump(db);
  for (std::uint64_t i = 0; i < 600; ++i) {
    workload.step(db, i);
    all.insert(workload.name_of(i));
    auto after = dump(db);
    if (after != before) changing.insert(workload.name_of(i));
    before = std::move(after);
  }
  REQUIRE(all.size() == 34);
  REQUIRE(changing == all);
}

TEST_CASE("a dump shows every kind of row") {
  const Workload workload(1);
  auto db = Database::in_memory(workload.options());
  std::string text;
  for (std::uint64_t i = 0; i < 300; ++i) {
    workload.step(db, i);
    if (i % 50 == 49) text += dump(db);
  }
  for (const char* kind : {"\ncheckpoint ",
                           "\nentry",
                           "\ntrace entry",
                           "\npod ",
                           "\nevent",
                           "\nsnapshot",
                           "\nmanifest",
                           "\nstate of it ",
                           "\nflat ",
                           "\nits ",
                           "\nflat then ",
                           "\npartition then ",
                           "\nlease ",
                           "\nrows "}) {
    CAPTURE(kind);
    CHECK(text.find(kind) != std::string::npos);
  }
}
