#include "damage.hpp"
#include "holdfast/database.hpp"
#include "manifest/pruning.hpp"
#include "manifests.hpp"
#include "support/catch.hpp"
#include "support/full_database.hpp"
#include "support/plain_sqlite.hpp"
#include "support/temporary_database.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace holdfast {
namespace {

using manifest::Standing;
using test::Ground;
using test::manifest;
using Ids = std::vector<std::uint64_t>;

// The rule in its own words, over ids 1..n with the standing of each.
std::set<std::int64_t> survivors(const std::vector<Standing>& standings, std::size_t keep) {
  std::set<std::int64_t> all;
  std::set<std::int64_t> valid;
  std::set<std::int64_t> committed;
  std::set<std::int64_t> good;
  for (std::size_t i = 0; i < standings.size(); ++i) {
    const auto id = static_cast<std::int64_t>(i + 1);
    all.insert(id);
    if (standings[i].valid) valid.insert(id);
    if (standings[i].committed) committed.insert(id);
    if (standings[i].valid && standings[i].committed) good.insert(id);
  }
  std::set<std::int64_t> stay;
  if (keep == 0) {
    if (!valid.empty()) stay.insert(*valid.rbegin());
    if (!committed.empty()) stay.insert(*committed.rbegin());
    return stay;
  }
  if (good.empty()) return all;
  while (good.size() > keep)
    good.erase(good.begin());
  stay.insert(all.lower_bound(*good.begin()), all.end());
  return stay;
}

TEST_CASE("which manifests go: every standing of up to six manifests, every keep") {
  for (std::size_t count = 0; count <= 6; ++count) {
    for (std::size_t code = 0; code < (std::size_t{1} << (2 * count)); ++code) {
      std::vector<Standing> standings(count);
      std::vector<std::int64_t> descending;
      for (std::size_t i = 0; i < count; ++i) {
        standings[i] = {(code >> (2 * i) & 1) != 0, (code >> (2 * i + 1) & 1) != 0};
        descending.insert(descending.begin(), static_cast<std::int64_t>(i + 1));
      }
      const auto judge = [&](std::int64_t id) {
        return standings[static_cast<std::size_t>(id - 1)];
      };
      for (std::size_t keep = 0; keep <= count + 1; ++keep) {
        auto left = survivors(standings, keep);
        for (const std::int64_t id : manifest::choose_pruned(descending, keep, judge)) {
          if (left.contains(id)) FAIL("pruned " << id << " of " << code << ", keep " << keep);
          left.insert(id);
        }
        if (left.size() != count) FAIL("did not prune all of " << code << ", keep " << keep);
      }
    }
  }
}

TEST_CASE("no more manifests are judged than the rule needs") {
  std::vector<std::int64_t> judged;
  const auto good = [&](std::int64_t id) {
    judged.push_back(id);
    return Standing{true, true};
  };
  CHECK(manifest::choose_pruned({9, 8, 7, 6, 5}, 2, good) == std::vector<std::int64_t>{7, 6, 5});
  CHECK(judged == std::vector<std::int64_t>{9, 8});
  judged.clear();
  CHECK(manifest::choose_pruned({9, 8, 7}, 0, good) == std::vector<std::int64_t>{8, 7});
  CHECK(judged == std::vector<std::int64_t>{9});
}

// One character per manifest, from id 1 on:
//   c committed   p pending   f failed   t torn (not decodable)   x committed, with a wrong checksum
void save_all(ManifestStore& store, const std::string& kinds) {
  std::uint64_t id = 0;
  for (const char kind : kinds) {
    ++id;
    if (kind == 't') {
      store.import(id, "{\"version\":1,", BytesView("state"));
      continue;
    }
    std::string more = kind == 'p' ? test::kPending : kind == 'f' ? test::kFailed : "";
    if (kind == 'x') more = R"(,"state_checksum":"00")";
    store.save_with_state(manifest(id, 1, more), "state");
  }
}

struct Case {
  std::string kinds;
  std::size_t keep;
  Ids left;
};

TEST_CASE(
    "prune keeps the newest valid and committed ones, and what is newer than the oldest of these") {
  const Case tried = GENERATE(Case{"", 2, {}},
                              Case{"ccccc", 2, {4, 5}},
                              Case{"ccccc", 5, {1, 2, 3, 4, 5}},
                              Case{"ccccc", 9, {1, 2, 3, 4, 5}},
                              Case{"ccccc", 0, {5}},
                              Case{"cpcfc", 2, {3, 4, 5}},
                              Case{"cpcfc", 3, {1, 2, 3, 4, 5}},
                              Case{"tpcxf", 1, {3, 4, 5}},
                              Case{"tpcxf", 7, {3, 4, 5}},
                              Case{"cccpt", 1, {3, 4, 5}},
                              Case{"cccpt", 0, {3, 4}},
                              Case{"ccxpt", 0, {3, 4}},
                              Case{"ccxtt", 0, {2, 3}},
                              Case{"ppppp", 1, {1, 2, 3, 4, 5}},
                              Case{"ppppp", 0, {5}},
                              Case{"ptptf", 2, {1, 2, 3, 4, 5}},
                              Case{"ttttt", 3, {1, 2, 3, 4, 5}},
                              Case{"ttttt", 0, {}},
                              Case{"xxxxx", 0, {5}},
                              Case{"xxxxx", 1, {1, 2, 3, 4, 5}},
                              Case{"pxpxp", 0, {4, 5}});
  CAPTURE(tried.kinds, tried.keep);
  test::TemporaryDatabase db(Ground::memory);
  auto store = db->manifests();
  save_all(store, tried.kinds);
  CHECK(store.prune(tried.keep) == tried.kinds.size() - tried.left.size());
  CHECK(store.list_ids() == tried.left);
  for (const std::uint64_t id : tried.left) {
    CHECK(store.load_state_data(id).has_value());
  }
  CHECK(store.prune(tried.keep) == 0);
}

TEST_CASE("a manifest whose state is damaged does not stand in for a good one") {
  for (const bool is_large : {false, true}) {
    test::TemporaryDatabase db;
    for (std::uint64_t id = 1; id <= 4; ++id) {
      db->manifests().save_with_state(manifest(id), is_large ? test::large_payload(id) : "state");
    }
    db.damage(is_large ? test::damage_content("manifest_state", 4) : test::damage_state(4));
    CHECK(db->manifests().prune(2) == 1);
    CHECK(db->manifests().list_ids() == Ids{2, 3, 4});
    db.damage(is_large ? test::damage_content("manifest_state", 3) : test::delete_state(3));
    CHECK(db->manifests().prune(1) == 0);
    // The newest valid one is 2; the newest committed one is 4, since its manifest can be read.
    CHECK(db->manifests().prune(0) == 1);
    CHECK(db->manifests().list_ids() == Ids{2, 4});
  }
}

TEST_CASE("a damaged manifest is not known to be committed") {
  test::TemporaryDatabase db;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    db->manifests().save(manifest(id));
  }
  db.damage(test::damage_json(3));
  CHECK(db->manifests().prune(0) == 2);
  CHECK(db->manifests().list_ids() == Ids{2});
}

TEST_CASE("max_retained prunes after each save") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests("", {.max_retained = 2});
  for (std::uint64_t id = 1; id <= 5; ++id) {
    store.save_with_state(manifest(id), "state");
  }
  CHECK(store.list_ids() == Ids{4, 5});
  CHECK(store.save_with_state(manifest(5), "state") == SaveOutcome::already_there);
  // Nothing is lost while those that follow are under way.
  store.save(manifest(6, 1, test::kPending));
  store.save(manifest(7, 1, test::kPending));
  CHECK(store.list_ids() == Ids{4, 5, 6, 7});
  store.update_manifest(manifest(6));
  store.update_manifest(manifest(7));
  CHECK(store.list_ids() == Ids{4, 5, 6, 7});
  store.save(manifest(8, 1, test::kPending));
  CHECK(store.list_ids() == Ids{6, 7, 8});
}

TEST_CASE("max_retained keeps a stream of which nothing is committed yet") {
  test::TemporaryDatabase db;
  auto store = db->manifests("", {.max_retained = 1});
  for (std::uint64_t id = 1; id <= 3; ++id) {
    store.save(manifest(id, 1, test::kPending));
  }
  CHECK(store.list_ids() == Ids{1, 2, 3});
  store.update_manifest(manifest(1));
  store.save(manifest(4, 1, test::kPending));
  CHECK(store.list_ids() == Ids{1, 2, 3, 4});
  store.save(manifest(5));
  CHECK(store.list_ids() == Ids{5});
}

TEST_CASE("a late writer of a lower id is pruned at once where newer ones suffice") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests("", {.max_retained = 2});
  store.save(manifest(10));
  store.save(manifest(20));
  CHECK(store.save_with_state(manifest(5), "late") == SaveOutcome::saved);
  CHECK(store.list_ids() == Ids{10, 20});
  CHECK(store.load_latest()->checkpoint_id() == 20);
  CHECK(store.load_by_id(5) == std::nullopt);
  CHECK(store.cleanup_orphans() == 0);
}

TEST_CASE("what a save prunes comes back if its transaction is undone") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests("", {.max_retained = 1});
  store.save_with_state(manifest(1), std::string(300'000, 'x'));
  CHECK_THROWS_AS(db->transact([&] {
    store.save(manifest(2));
    CHECK(store.list_ids() == Ids{2});
    throw std::runtime_error("undo");
  }),
                  std::runtime_error);
  CHECK(store.list_ids() == Ids{1});
  CHECK(store.load_state_data(1)->size() == 300'000);
  CHECK(store.load_latest() == manifest(1));
}

TEST_CASE("a save does not prune the last good state on the word of a damaged one") {
  using test::large_payload;
  test::TemporaryDatabase db;
  const ManifestOptions options{.max_retained = 1};
  db->manifests("", options).save_with_state(manifest(1), large_payload(1));
  db->manifests().save_with_state(manifest(2), large_payload(2));
  db.damage(test::damage_content("manifest_state", 2));
  // 2 looks committed, and its row is in order: only reading its state tells.
  db->manifests("", options).save_with_state(manifest(3, 1, test::kPending), large_payload(3));
  CHECK(db->manifests().list_ids() == Ids{1, 2, 3});
  CHECK(db->manifests().recover_latest_validated({.committed_only = true}).chosen_id == 1U);
  db->manifests("", options).save_with_state(manifest(4), large_payload(4));
  CHECK(db->manifests().list_ids() == Ids{4});
}

TEST_CASE("prune frees the content of what goes") {
  test::TemporaryDatabase db;
  const std::string large(200'000, 'x');
  for (std::uint64_t id = 1; id <= 4; ++id) {
    db->manifests().save_with_state(manifest(id, 1, ",\"x\":\"" + large + "\""), large);
  }
  CHECK(db->manifests().prune(1) == 3);
  db.close();
  test::PlainSqlite sqlite(db.file());
  CHECK(sqlite.integer("SELECT count(*) FROM content") == 2);
  CHECK(sqlite.integer("SELECT count(*) FROM manifest_state") == 1);
}

TEST_CASE("a damaged row's content key is not believed when the row is pruned") {
  test::TemporaryDatabase db;
  const std::string large(200'000, 'x');
  db->manifests().save_with_state(manifest(1), large);
  db->manifests().save_with_state(manifest(2), large);
  db.damage(
      "UPDATE manifest_state SET content_key = (SELECT content_key FROM manifest_state"
      " WHERE checkpoint_id = 2) WHERE checkpoint_id = 1");
  CHECK(db->manifests().prune(1) == 1);
  CHECK(test::text_of(db->manifests().load_state_data(2).value()) == large);
}

}  // namespace
}  // namespace holdfast
