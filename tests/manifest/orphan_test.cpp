#include "holdfast/database.hpp"
#include "manifests.hpp"
#include "support/catch.hpp"
#include "support/plain_sqlite.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <string>
#include <thread>
#include <vector>

namespace holdfast {
namespace {

using test::Ground;
using test::manifest;
using test::require_error;
using test::text_of;

TEST_CASE("a state without a manifest is invisible") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests();
  store.save_state_data(7, {"orphan"});
  CHECK(store.load_latest() == std::nullopt);
  CHECK(store.load_by_id(7) == std::nullopt);
  CHECK(store.load_state_data(7) == std::nullopt);
  CHECK(store.list_ids().empty());
  CHECK(store.list().empty());
  CHECK(store.list_streams().empty());
  CHECK(store.validate_checkpoint(7).issues.at(0).reason == "the manifest is missing");
  CHECK(store.recover_latest_validated().examined == 0);
}

TEST_CASE("the manifest makes the state that was saved ahead of it visible") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests();
  const std::string large(300'000, 'x');
  store.save_state_data(1, {"sta", "te"});
  store.save_state_data(2, {large});
  CHECK(store.save(manifest(1)) == SaveOutcome::saved);
  CHECK(store.save_with_state(manifest(2)) == SaveOutcome::saved);
  CHECK(store.save_with_state(manifest(2), {}) == SaveOutcome::already_there);
  CHECK(text_of(store.load_state_data(1).value()) == "state");
  CHECK(text_of(store.load_state_data(2).value()) == large);
  CHECK(store.validate_checkpoint(1).valid);
  CHECK(store.cleanup_orphans() == 0);
  CHECK(store.save_with_state(manifest(1), "state") == SaveOutcome::already_there);
}

TEST_CASE("a state saved ahead is replaced by a later one, and by the state of the save") {
  test::TemporaryDatabase db;
  auto store = db->manifests();
  const std::string large(300'000, 'x');
  store.save_state_data(1, {large});
  CHECK(store.save_state_data(1, {"second"}) == SaveOutcome::saved);
  CHECK(store.save_state_data(1, {"sec", "ond"}) == SaveOutcome::already_there);
  store.save(manifest(1));
  CHECK(text_of(store.load_state_data(1).value()) == "second");
  store.save_state_data(2, {large});
  store.save_with_state(manifest(2), "third");
  CHECK(text_of(store.load_state_data(2).value()) == "third");
  db.close();
  CHECK(test::PlainSqlite(db.file()).integer("SELECT count(*) FROM content") == 0);
}

TEST_CASE("save_state_data for an id that has a manifest is a conflict") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests();
  store.save_with_state(manifest(1), "first");
  store.save(manifest(2));
  CHECK(require_error(ErrorCode::conflict, [&] { store.save_state_data(1, {"other"}); }).id == "1");
  require_error(ErrorCode::conflict, [&] { store.save_state_data(1, {"first"}); });
  require_error(ErrorCode::conflict, [&] { store.save_state_data(2, {"other"}); });
  CHECK(text_of(store.load_state_data(1).value()) == "first");
  CHECK(store.load_state_data(2) == std::nullopt);
}

TEST_CASE("cleanup_orphans removes states without manifests, and nothing else") {
  test::TemporaryDatabase db;
  auto store = db->manifests("s");
  const std::string large(300'000, 'x');
  store.save_with_state(manifest(2), large);
  store.save_state_data(1, {"early"});
  store.save_state_data(3, {large});
  db->manifests("other").save_state_data(1, {"of another stream"});
  CHECK(store.cleanup_orphans() == 2);
  CHECK(store.cleanup_orphans() == 0);
  CHECK(text_of(store.load_state_data(2).value()) == large);
  store.save(manifest(3));
  CHECK(store.load_state_data(3) == std::nullopt);
  auto other = db->manifests("other");
  other.save(manifest(1));
  CHECK(text_of(other.load_state_data(1).value()) == "of another stream");
  db.close();
  CHECK(test::PlainSqlite(db.file()).integer("SELECT count(*) FROM content") == 1);
}

TEST_CASE("another holder's lease protects orphans, its own and an ended one do not") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests();
  auto leases = db->leases();
  const OrphanOptions protecting{.protecting_lease = "coordinator"};
  store.save_state_data(1, {"under way"});
  const auto lease = leases.acquire("coordinator", "one", 60'000);
  REQUIRE(lease);
  CHECK(store.cleanup_orphans(protecting) == 0);
  // Another lease of the same process is not this one.
  const auto unrelated = leases.acquire("unrelated", "one", 60'000);
  CHECK(db->with_fence(unrelated->fence()).manifests().cleanup_orphans(protecting) == 0);
  CHECK(db->with_fence(lease->fence()).manifests().cleanup_orphans(protecting) == 1);

  store.save_state_data(2, {"left behind"});
  CHECK(store.cleanup_orphans(protecting) == 0);
  REQUIRE(leases.release(*lease));
  CHECK(store.cleanup_orphans(protecting) == 1);

  store.save_state_data(3, {"never protected"});
  CHECK(store.cleanup_orphans({.protecting_lease = "nobody ever took it"}) == 1);
  require_error(ErrorCode::invalid_argument,
                [&] { store.cleanup_orphans({.protecting_lease = ""}); });
}

TEST_CASE("a lease that has expired protects no orphan") {
  test::TemporaryDatabase db;
  db->manifests().save_state_data(1, {"left behind"});
  REQUIRE(db->leases().acquire("coordinator", "one", 1));
  while (db->leases().find("coordinator")->remaining_ms > 0)
    std::this_thread::yield();
  CHECK(db->manifests().cleanup_orphans({.protecting_lease = "coordinator"}) == 1);
}

TEST_CASE("pruning leaves orphans alone, and takes states with their manifests") {
  test::TemporaryDatabase db;
  auto store = db->manifests();
  store.save_state_data(1, {"orphan"});
  store.save_with_state(manifest(2), "two");
  store.save_with_state(manifest(3), "three");
  CHECK(store.prune(1) == 1);
  CHECK(store.cleanup_orphans() == 1);
  db.close();
  CHECK(test::PlainSqlite(db.file()).integer("SELECT count(*) FROM manifest_state") == 1);
}

}  // namespace
}  // namespace holdfast
