#include "holdfast/database.hpp"
#include "manifests.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <string>
#include <utility>
#include <vector>

namespace holdfast {
namespace {

using test::Ground;
using test::manifest;
using test::require_error;
using test::text_of;
using Ids = std::vector<std::uint64_t>;
using Entries = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

TEST_CASE("import keeps what it finds: undecodable, id or epoch 0, another id inside") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests();
  const std::string torn = "{\"version\":1,\"checkpoi";
  const std::string binary("\0\xff\n", 3);
  CHECK(store.import(0, test::manifest_json(0, 0), std::nullopt) == SaveOutcome::saved);
  CHECK(store.import(1, torn, BytesView("state")) == SaveOutcome::saved);
  CHECK(store.import(2, binary, std::nullopt) == SaveOutcome::saved);
  CHECK(store.import(3, "", std::nullopt) == SaveOutcome::saved);
  CHECK(store.import(4, test::manifest_json(7, 1), std::nullopt) == SaveOutcome::saved);
  CHECK(store.list_ids() == Ids{0, 1, 2, 3, 4});
  CHECK(store.list() == Entries{{0, 0}, {4, 1}});
  CHECK(store.export_json(0) == test::manifest_json(0, 0));
  CHECK(store.export_json(1) == torn);
  CHECK(store.export_json(2) == binary);
  CHECK(store.export_json(3) == "");
  CHECK(text_of(store.load_state_data(1).value()) == "state");
  CHECK(require_error(ErrorCode::corrupt, [&] { store.load_by_id(1); }).id == "1");
  for (std::uint64_t id = 0; id <= 4; ++id) {
    CAPTURE(id);
    CHECK_FALSE(store.validate_checkpoint(id).valid);
  }
  CHECK(store.load_by_id(0)->epoch() == 0);
}

TEST_CASE("importing again is a success where it is the same, else a conflict") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests();
  const std::string json = test::manifest_json(1, 1);
  store.import(1, json, BytesView("state"));
  store.import(2, "torn", std::nullopt);
  CHECK(store.import(1, json, BytesView("state")) == SaveOutcome::already_there);
  CHECK(store.import(2, "torn", std::nullopt) == SaveOutcome::already_there);
  CHECK(store.save_with_state(Manifest::from_json(json), "state") == SaveOutcome::already_there);
  require_error(ErrorCode::conflict, [&] { store.import(1, json, BytesView("other")); });
  require_error(ErrorCode::conflict, [&] { store.import(2, "torn!", std::nullopt); });
  require_error(ErrorCode::conflict, [&] { store.save(manifest(2)); });
  // A good one can take the place of what could not be decoded.
  store.update_manifest(manifest(2));
  CHECK(store.load_latest() == manifest(2));
}

TEST_CASE("import never prunes") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests("", {.max_retained = 1});
  for (std::uint64_t id = 1; id <= 3; ++id) {
    store.import(id, test::manifest_json(id, 1), std::nullopt);
  }
  CHECK(store.list_ids() == Ids{1, 2, 3});
}

}  // namespace
}  // namespace holdfast
