#include "holdfast/database.hpp"
#include "manifests.hpp"
#include "support/catch.hpp"
#include "support/plain_sqlite.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace holdfast {
namespace {

using test::Ground;
using test::manifest;
using test::require_error;
using test::text_of;
using Ids = std::vector<std::uint64_t>;
using Entries = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

const std::string kLarge(300'000, 'x');  // beyond what stands in a row

#define BOTH_GROUNDS GENERATE(Ground::file, Ground::memory)

TEST_CASE("a manifest comes back byte for byte") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests();
  const Manifest small = manifest(1, 5, ",\n \"unknown\": [1e999, \"\\ud800\"]");
  const Manifest large = manifest(2, 6, R"(,"unknown":")" + kLarge + "\"");
  CHECK(store.save(small) == SaveOutcome::saved);
  CHECK(store.save(large) == SaveOutcome::saved);
  CHECK(store.load_by_id(1) == small);
  CHECK(store.load_by_id(2) == large);
  CHECK(store.load_latest() == large);
  CHECK(store.export_json(1) == small.json());
  CHECK(store.load_by_id(1)->epoch() == 5);
}

TEST_CASE("an empty or unknown stream has nothing") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests("nobody");
  CHECK(store.load_latest() == std::nullopt);
  CHECK(store.load_by_id(1) == std::nullopt);
  CHECK(store.load_state_data(1) == std::nullopt);
  CHECK(store.export_json(1) == std::nullopt);
  CHECK(store.list_ids().empty());
  CHECK(store.list().empty());
  CHECK(store.list_streams().empty());
  CHECK(store.prune(0) == 0);
  CHECK(store.cleanup_orphans() == 0);
  CHECK(store.remove_all() == 0);
}

TEST_CASE("save of an existing id with the same content is a success and says so") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests();
  CHECK(store.save(manifest(1)) == SaveOutcome::saved);
  CHECK(store.save(manifest(1)) == SaveOutcome::already_there);
  CHECK(store.save_with_state(manifest(2), "state") == SaveOutcome::saved);
  CHECK(store.save_with_state(manifest(2), "state") == SaveOutcome::already_there);
  CHECK(store.save_with_state(manifest(2), {"st", "", "ate"}) == SaveOutcome::already_there);
  // The manifest alone says nothing about the state.
  CHECK(store.save(manifest(2)) == SaveOutcome::already_there);
  CHECK(store.save_with_state(manifest(3), kLarge) == SaveOutcome::saved);
  CHECK(store.save_with_state(manifest(3), kLarge) == SaveOutcome::already_there);
  CHECK(store.list_ids() == Ids{1, 2, 3});
}

TEST_CASE("save of an existing id with other content is a conflict and changes nothing") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests();
  store.save_with_state(manifest(1, 1), "first");
  store.save(manifest(2, 1));
  const std::string other = kLarge + "y";
  CHECK(require_error(ErrorCode::conflict, [&] { store.save(manifest(1, 2)); }).id == "1");
  require_error(ErrorCode::conflict, [&] { store.save_with_state(manifest(1, 2), "first"); });
  require_error(ErrorCode::conflict, [&] { store.save_with_state(manifest(1, 1), "other"); });
  require_error(ErrorCode::conflict, [&] { store.save_with_state(manifest(1, 1), other); });
  require_error(ErrorCode::conflict, [&] { store.save_with_state(manifest(1, 1), ""); });
  require_error(ErrorCode::conflict, [&] { store.save_with_state(manifest(2, 1), "state"); });
  // Equal as JSON, other bytes.
  const Manifest spaced = Manifest::from_json(manifest(2, 1).json() + " ");
  require_error(ErrorCode::conflict, [&] { store.save(spaced); });
  CHECK(store.load_by_id(1) == manifest(1, 1));
  CHECK(text_of(store.load_state_data(1).value()) == "first");
  CHECK(store.load_by_id(2) == manifest(2, 1));
  CHECK(store.load_state_data(2) == std::nullopt);
  CHECK(store.validate_checkpoint(1).valid);
}

TEST_CASE("a conflict inside a transaction undoes only itself") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests();
  store.save(manifest(1, 1));
  db->transact([&] {
    store.save_with_state(manifest(2), "two");
    require_error(ErrorCode::conflict, [&] { store.save(manifest(1, 9)); });
    store.save(manifest(3));
  });
  CHECK(store.list_ids() == Ids{1, 2, 3});
  CHECK_THROWS_AS(db->transact([&] {
    store.save_with_state(manifest(4), "four");
    throw std::runtime_error("undo");
  }),
                  std::runtime_error);
  CHECK(store.list_ids() == Ids{1, 2, 3});
  CHECK(store.load_state_data(4) == std::nullopt);
  CHECK(store.save_with_state(manifest(4), "else") == SaveOutcome::saved);
}

TEST_CASE("a state is saved absent, in one piece, in several, empty, or as a stream") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests();
  store.save_with_state(manifest(1));
  store.save_with_state(manifest(2), to_bytes("one"));
  store.save_with_state(manifest(3), {"one", "", "two"});
  store.save_with_state(manifest(4), std::vector<std::string>{kLarge, "end"});
  store.save_with_state(manifest(5), "");
  store.save_with_state(manifest(6), std::string("{\"json\":1}"));
  CHECK(store.load_state_data(1) == std::nullopt);
  CHECK(text_of(store.load_state_data(2).value()) == "one");
  CHECK(text_of(store.load_state_data(3).value()) == "onetwo");
  CHECK(text_of(store.load_state_data(4).value()) == kLarge + "end");
  CHECK(store.load_state_data(5) == Bytes{});
  CHECK(text_of(store.load_state_data(6).value()) == "{\"json\":1}");
}

// Gives `text` in as many calls as its size takes, `step` bytes at most in each.
ManifestStore::StateReader reader_of(std::string text, std::size_t step) {
  return
      [text = std::move(text), step, offset = std::size_t{0}](std::span<std::byte> buffer) mutable {
        const std::size_t size = std::min({step, buffer.size(), text.size() - offset});
        const BytesView part = BytesView(text).subspan(offset, size);
        std::ranges::copy(part, buffer.begin());
        offset += size;
        return size;
      };
}

TEST_CASE("a state stream is read to its end, whatever the sizes of its parts") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests();
  test::Random random;
  INFO(random);
  const std::string state = random.bytes(2'500'000);
  CHECK(store.save_with_state(manifest(1), reader_of(state, state.size())) == SaveOutcome::saved);
  CHECK(text_of(store.load_state_data(1).value()) == state);
  CHECK(store.save_with_state(manifest(1), reader_of(state, 77'777)) == SaveOutcome::already_there);
  CHECK(store.save_with_state(manifest(2), reader_of("", 1)) == SaveOutcome::saved);
  CHECK(store.load_state_data(2) == Bytes{});
}

TEST_CASE("a state stream that fails, lies, or is none saves nothing") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests();
  const ManifestStore::StateReader failing = [](std::span<std::byte>) -> std::size_t {
    throw std::runtime_error("the disk is gone");
  };
  CHECK_THROWS_AS(store.save_with_state(manifest(1), failing), std::runtime_error);
  const ManifestStore::StateReader lying = [](std::span<std::byte> buffer) {
    return buffer.size() + 1;
  };
  require_error(ErrorCode::invalid_argument, [&] { store.save_with_state(manifest(1), lying); });
  require_error(ErrorCode::invalid_argument,
                [&] { store.save_with_state(manifest(1), ManifestStore::StateReader()); });
  CHECK(store.list_ids().empty());
}

TEST_CASE("a state is not streamed inside a transaction") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests();
  const std::string state = "state";
  db->transact([&] {
    require_error(ErrorCode::unsupported,
                  [&] { store.save_with_state(manifest(1), reader_of(state, 5)); });
  });
  CHECK(store.list_ids().empty());
}

TEST_CASE("more than the largest payload is too large, in every form") {
  OpenOptions options;
  options.max_payload_bytes = 1000;
  test::TemporaryDatabase db(BOTH_GROUNDS, options);
  auto store = db->manifests();
  const std::string most(1000, 's');
  const std::string more(1001, 's');
  const auto too_large = [&](auto&& call) {
    const ErrorDetail detail = require_error(ErrorCode::too_large, call);
    CHECK(detail.expected == 1000U);
    CHECK(detail.actual > 1000U);
  };
  too_large([&] { store.save_with_state(manifest(1), more); });
  too_large([&] { store.save_with_state(manifest(1), {most, "s"}); });
  too_large([&] { store.save_with_state(manifest(1), reader_of(more, 500)); });
  too_large([&] { store.save_state_data(1, {more}); });
  too_large([&] { store.save(manifest(1, 1, ",\"x\":\"" + most + "\"")); });
  too_large([&] { store.import(1, "{}", BytesView(more)); });
  too_large([&] { store.import(1, more, std::nullopt); });
  CHECK(store.list_ids().empty());
  CHECK(store.save_with_state(manifest(1), reader_of(most, 500)) == SaveOutcome::saved);
}

TEST_CASE("id or epoch 0, and ids above 2^63-1, are refused") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests();
  const auto refuses = [](auto&& call) { require_error(ErrorCode::invalid_argument, call); };
  refuses([&] { store.save(manifest(0, 1)); });
  refuses([&] { store.save(manifest(1, 0)); });
  refuses([&] { store.save_with_state(manifest(0, 1), "state"); });
  refuses([&] { store.update_manifest(manifest(1, 0)); });
  refuses([&] { store.save_state_data(0, {"state"}); });
  refuses([&] { store.save_state_data(1, {}); });
  for (const std::uint64_t id : {kMaxNumber + 1, ~std::uint64_t{0}}) {
    refuses([&] { store.save_state_data(id, {"state"}); });
    refuses([&] { store.load_by_id(id); });
    refuses([&] { store.load_state_data(id); });
    refuses([&] { store.validate_checkpoint(id); });
    refuses([&] { store.import(id, "{}", std::nullopt); });
    refuses([&] { store.export_json(id); });
    refuses([&] { store.state_checksum(id); });
  }
  CHECK(store.list_ids().empty());
  CHECK(store.save(manifest(kMaxNumber, kMaxNumber)) == SaveOutcome::saved);
  CHECK(store.list() == Entries{{kMaxNumber, kMaxNumber}});
  CHECK(store.load_latest() == manifest(kMaxNumber, kMaxNumber));
}

TEST_CASE("the latest is the highest id, whatever was saved last") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests();
  store.save(manifest(5, 1));
  store.save(manifest(3, 9));
  CHECK(store.load_latest()->checkpoint_id() == 5);
  store.save(manifest(1'000'000, 2));
  store.save(manifest(999'999, 3));
  CHECK(store.load_latest()->checkpoint_id() == 1'000'000);
  CHECK(store.list() == Entries{{3, 9}, {5, 1}, {999'999, 3}, {1'000'000, 2}});
}

TEST_CASE("a batch saves manifest and state with whatever else is in it, or nothing") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests("s", {.max_retained = 1});
  Batch batch;
  batch.save_with_state(store, manifest(1), {"one"})
      .save_with_state(store, manifest(2), {"t", "wo"});
  db->commit(batch);
  CHECK(store.list_ids() == Ids{2});
  CHECK(text_of(store.load_state_data(2).value()) == "two");
  Batch refused;
  const auto unlimited = db->manifests("s");
  refused.save_with_state(unlimited, manifest(3)).save_with_state(unlimited, manifest(2, 9));
  require_error(ErrorCode::conflict, [&] { db->commit(refused); });
  CHECK(store.list_ids() == Ids{2});
}

TEST_CASE("update replaces the manifest, and the state stays") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests();
  store.save_with_state(manifest(1, 1, test::kPending), kLarge);
  store.save(manifest(2, 1, ",\"x\":\"" + kLarge + "\""));
  const Manifest committed = manifest(1, 2, test::kCommitted);
  store.update_manifest(committed);
  store.update_manifest(manifest(2, 7));
  CHECK(store.load_by_id(1) == committed);
  CHECK(text_of(store.load_state_data(1).value()) == kLarge);
  CHECK(store.list() == Entries{{1, 2}, {2, 7}});
  CHECK(store.load_state_data(2) == std::nullopt);
  CHECK(store.validate_checkpoint(1).valid);
  CHECK(store.save(committed) == SaveOutcome::already_there);
  require_error(ErrorCode::conflict, [&] { store.save(manifest(1, 1, test::kPending)); });
}

TEST_CASE("update of an unknown id is not_found, an orphan's too") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests();
  CHECK(require_error(ErrorCode::not_found, [&] { store.update_manifest(manifest(7)); }).id == "7");
  store.save(manifest(8));
  store.save_state_data(7, {"state"});
  require_error(ErrorCode::not_found, [&] { store.update_manifest(manifest(7)); });
  CHECK(store.list_ids() == Ids{8});
}

TEST_CASE("lists page upwards by id") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto store = db->manifests();
  for (const std::uint64_t id : {40U, 10U, 30U, 20U}) {
    store.save(manifest(id, id + 1));
  }
  CHECK(store.list_ids() == Ids{10, 20, 30, 40});
  CHECK(store.list_ids({.limit = 2}) == Ids{10, 20});
  CHECK(store.list_ids({.limit = 2, .after = 20}) == Ids{30, 40});
  CHECK(store.list_ids({.after = 25}) == Ids{30, 40});
  CHECK(store.list_ids({.after = 40}).empty());
  CHECK(store.list_ids({.after = ~std::uint64_t{0}}).empty());
  CHECK(store.list_ids({.limit = 0}).empty());
  CHECK(store.list({.limit = 1, .after = 10}) == Entries{{20, 21}});
  CHECK(store.list({.limit = 0}).empty());
  CHECK(store.list({.after = 30}) == Entries{{40, 41}});
}

TEST_CASE("streams do not see each other") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto unnamed = db->manifests();
  auto named = db->manifests("b");
  auto other = db->manifests("a");
  unnamed.save_with_state(manifest(1, 1), "one");
  named.save_with_state(manifest(1, 2), "two");
  other.save_state_data(1, {"three"});
  CHECK(unnamed.load_latest()->epoch() == 1);
  CHECK(named.load_latest()->epoch() == 2);
  CHECK(text_of(named.load_state_data(1).value()) == "two");
  CHECK(db->manifests().list_streams() == std::vector<std::string>{"", "b"});
  other.save(manifest(1, 3));
  CHECK(db->manifests().list_streams() == std::vector<std::string>{"", "a", "b"});
  CHECK(named.remove_all() == 1);
  CHECK(named.load_latest() == std::nullopt);
  CHECK(unnamed.load_latest()->epoch() == 1);
  CHECK(db->manifests().list_streams() == std::vector<std::string>{"", "a"});
}

TEST_CASE("a stream's name is 0 to 1,024 bytes of UTF-8 without NUL") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  const std::string longest(1024, 'n');
  db->manifests(longest).save(manifest(1));
  CHECK(db->manifests(longest).load_latest() == manifest(1));
  require_error(ErrorCode::too_large, [&] { db->manifests(longest + "n"); });
  require_error(ErrorCode::invalid_argument, [&] { db->manifests("\xff"); });
  require_error(ErrorCode::invalid_argument, [&] { db->manifests(std::string("a\0b", 3)); });
}

TEST_CASE("remove_all removes manifests, states and orphans, and the ids can be used again") {
  test::TemporaryDatabase db;
  auto store = db->manifests("s");
  for (std::uint64_t id = 1; id <= 5; ++id) {
    store.save_with_state(manifest(id, 1, ",\"x\":\"" + kLarge + "\""), kLarge);
  }
  store.save_state_data(9, {kLarge});
  CHECK(store.remove_all() == 5);
  CHECK(store.remove_all() == 0);
  CHECK(store.save(manifest(1, 7)) == SaveOutcome::saved);
  CHECK(store.load_state_data(1) == std::nullopt);
  store.remove_all();
  db.close();
  test::PlainSqlite sqlite(db.file());
  CHECK(sqlite.integer("SELECT count(*) FROM manifest") == 0);
  CHECK(sqlite.integer("SELECT count(*) FROM manifest_state") == 0);
  CHECK(sqlite.integer("SELECT count(*) FROM content") == 0);
  CHECK(sqlite.integer("SELECT count(*) FROM chunk") == 0);
}

TEST_CASE("everything is there after closing and opening again") {
  test::TemporaryDatabase db;
  db->manifests("s").save_with_state(manifest(1, 2), kLarge);
  db.reopen();
  auto store = db->manifests("s");
  CHECK(store.load_latest() == manifest(1, 2));
  CHECK(text_of(store.load_state_data(1).value()) == kLarge);
  CHECK(store.save_with_state(manifest(1, 2), kLarge) == SaveOutcome::already_there);
}

TEST_CASE("a stale holder of a lease is fenced") {
  test::TemporaryDatabase db(BOTH_GROUNDS);
  auto leases = db->leases();
  const auto first = leases.acquire("coordinator", "one", 60'000);
  REQUIRE(first);
  auto stale = db->with_fence(first->fence()).manifests();
  stale.save(manifest(1));
  REQUIRE(leases.release(*first));
  const auto second = leases.acquire("coordinator", "two", 60'000);
  REQUIRE(second);
  require_error(ErrorCode::fenced, [&] { stale.save(manifest(2)); });
  require_error(ErrorCode::fenced, [&] { stale.update_manifest(manifest(1, 9)); });
  require_error(ErrorCode::fenced, [&] { stale.save_state_data(2, {"s"}); });
  require_error(ErrorCode::fenced, [&] { stale.prune(0); });
  require_error(ErrorCode::fenced, [&] { stale.cleanup_orphans(); });
  require_error(ErrorCode::fenced, [&] { stale.remove_all(); });
  require_error(ErrorCode::fenced, [&] { stale.import(2, "x", std::nullopt); });
  CHECK(db->with_fence(second->fence()).manifests().save(manifest(2)) == SaveOutcome::saved);
  CHECK(stale.list_ids() == Ids{1, 2});
}

}  // namespace
}  // namespace holdfast
