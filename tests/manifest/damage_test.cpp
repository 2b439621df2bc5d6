#include "damage.hpp"

#include "holdfast/database.hpp"
#include "manifests.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <fstream>
#include <string>
#include <vector>

namespace holdfast {
namespace {

using test::manifest;
using test::require_error;
using test::text_of;
using Ids = std::vector<std::uint64_t>;
using Entries = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

// Three checkpoints, the newest of which is going to be damaged.
void save_three(test::TemporaryDatabase& db) {
  for (std::uint64_t id = 1; id <= 3; ++id) {
    db->manifests().save_with_state(manifest(id), "state of " + std::to_string(id));
  }
}

TEST_CASE("a damaged newest manifest is corrupt and named, never silently an older one") {
  const std::string column = GENERATE("checkpoint_id = 7",
                                      "decoded = 0",
                                      "epoch = 2",
                                      "timestamp_ms = 1",
                                      "committed = 0",
                                      "state_checksum = NULL",
                                      "checksum_matches = 0",
                                      "state_sha256 = NULL",
                                      "state_sha256 = zeroblob(32)",
                                      "saved_at_us = 1",
                                      "raw_bytes = raw_bytes + 1",
                                      "payload = CAST(payload AS BLOB)",
                                      "payload = '{}'",
                                      "joint_digest = zeroblob(32)",
                                      "digest = digest + 1");
  CAPTURE(column);
  test::TemporaryDatabase db;
  save_three(db);
  db.damage("UPDATE manifest SET " + column + test::where_id(3));
  auto store = db->manifests();
  CHECK(require_error(ErrorCode::corrupt, [&] { store.load_latest(); }).id == "3");
  if (column != "checkpoint_id = 7") {
    CHECK(require_error(ErrorCode::corrupt, [&] { store.load_by_id(3); }).id == "3");
    CHECK(store.list_ids() == Ids{1, 2, 3});
    CHECK(store.list() == Entries{{1, 1}, {2, 1}});
    require_error(ErrorCode::corrupt, [&] { store.save(manifest(3)); });
    require_error(ErrorCode::corrupt, [&] { store.update_manifest(manifest(3)); });
    require_error(ErrorCode::conflict, [&] { store.save_state_data(3, {"s"}); });
  }
  const auto recovery = store.recover_latest_validated();
  CHECK(recovery.chosen_id == 2U);
  CHECK(recovery.skipped.size() >= 1);
  CHECK(store.load_by_id(2) == manifest(2));
  // The stream goes on.
  CHECK(store.save(manifest(8)) == SaveOutcome::saved);
  CHECK(store.load_latest() == manifest(8));
}

TEST_CASE("a manifest whose state is gone or another's is corrupt") {
  const std::string sql =
      GENERATE(test::delete_state(3),
               "UPDATE manifest_state SET checkpoint_id = 9" + test::where_id(3),
               "UPDATE manifest_state SET sha256 = zeroblob(32)" + test::where_id(3),
               "UPDATE manifest_state SET saved_at_us = 1" + test::where_id(3),
               "UPDATE manifest_state SET payload = 'state of 2'" + test::where_id(3),
               "UPDATE manifest_state SET digest = 0" + test::where_id(3));
  CAPTURE(sql);
  test::TemporaryDatabase db;
  save_three(db);
  db.damage(sql);
  auto store = db->manifests();
  CHECK(require_error(ErrorCode::corrupt, [&] { store.load_latest(); }).id == "3");
  CHECK(require_error(ErrorCode::corrupt, [&] { store.load_state_data(3); }).id == "3");
  require_error(ErrorCode::corrupt, [&] { store.save(manifest(3)); });
  require_error(ErrorCode::corrupt, [&] { store.save_with_state(manifest(3), "state of 3"); });
  CHECK(store.list() == Entries{{1, 1}, {2, 1}});
  CHECK(store.export_json(3) == manifest(3).json());
  CHECK(store.recover_latest_validated().chosen_id == 2U);
  // Replacing the manifest does not launder the loss.
  store.update_manifest(manifest(3, 2));
  CHECK_FALSE(store.validate_checkpoint(3).valid);
  require_error(ErrorCode::corrupt, [&] { store.load_latest(); });
}

TEST_CASE("a large state that was altered is corrupt when it is read") {
  const std::string large(200'000, 'x');
  test::TemporaryDatabase db;
  db->manifests().save_with_state(manifest(1), large);
  db.damage(test::damage_content("manifest_state", 1));
  auto store = db->manifests();
  require_error(ErrorCode::corrupt, [&] { store.load_state_data(1); });
  require_error(ErrorCode::corrupt, [&] { store.save_with_state(manifest(1), large); });
  CHECK_FALSE(store.validate_checkpoint(1).valid);
}

TEST_CASE("a damaged orphan is not taken over") {
  test::TemporaryDatabase db;
  db->manifests().save_state_data(1, {"state"});
  db.damage(test::damage_state(1));
  auto store = db->manifests();
  require_error(ErrorCode::corrupt, [&] { store.save(manifest(1)); });
  CHECK(store.list_ids().empty());
  store.save_state_data(1, {"state"});
  CHECK(store.save(manifest(1)) == SaveOutcome::saved);
}

TEST_CASE("a manifest that vanished is told from one that never was") {
  test::TemporaryDatabase db;
  save_three(db);
  db.damage(test::delete_manifest(2));
  {
    auto store = db->manifests();
    require_error(ErrorCode::corrupt, [&] { store.load_by_id(2); });
    require_error(ErrorCode::corrupt, [&] { store.load_state_data(2); });
    require_error(ErrorCode::corrupt, [&] { store.export_json(2); });
    require_error(ErrorCode::corrupt, [&] { store.state_checksum(2); });
    require_error(ErrorCode::corrupt, [&] { store.update_manifest(manifest(2)); });
    require_error(ErrorCode::corrupt, [&] { store.save(manifest(2)); });
    require_error(ErrorCode::corrupt, [&] { store.save_state_data(2, {"s"}); });
    require_error(ErrorCode::corrupt, [&] { store.list_ids(); });
    require_error(ErrorCode::corrupt, [&] { store.list(); });
    // Its state is no orphan.
    require_error(ErrorCode::corrupt, [&] { store.cleanup_orphans(); });
    CHECK(store.load_latest() == manifest(3));
    CHECK(store.load_by_id(4) == std::nullopt);
    CHECK_FALSE(store.validate_checkpoint(2).valid);
  }
  db.damage(test::delete_manifest(3));
  auto store = db->manifests();
  require_error(ErrorCode::corrupt, [&] { store.load_latest(); });
  CHECK(store.prune(0) == 0);
  require_error(ErrorCode::corrupt, [&] { store.load_latest(); });
  const auto recovery = store.recover_latest_validated();
  CHECK(recovery.chosen_id == 1U);
  REQUIRE(recovery.skipped.size() == 1);
  CHECK(recovery.skipped[0].id == 3);
  CHECK(recovery.skipped[0].reasons == "the manifest is missing");
  CHECK(store.remove_all() == 1);
  CHECK(store.load_latest() == std::nullopt);
}

TEST_CASE("a damaged stream row is corrupt, and recovery works without it") {
  const std::string column = GENERATE("created_at_us = 1",
                                      "latest_id = 2",
                                      "latest_id = NULL",
                                      "latest_id = 9",
                                      "id_digest = 0",
                                      "digest = 0");
  CAPTURE(column);
  test::TemporaryDatabase db;
  save_three(db);
  db.damage("UPDATE stream SET " + column);
  auto store = db->manifests();
  require_error(ErrorCode::corrupt, [&] { store.load_latest(); });
  require_error(ErrorCode::corrupt, [&] { store.load_by_id(1); });
  require_error(ErrorCode::corrupt, [&] { store.list_ids(); });
  require_error(ErrorCode::corrupt, [&] { store.save(manifest(4)); });
  require_error(ErrorCode::corrupt, [&] { store.prune(0); });
  require_error(ErrorCode::corrupt, [&] { store.remove_all(); });
  CHECK(store.recover_latest_validated().chosen_id == 3U);
  CHECK(store.validate_checkpoint(1).valid);
}

// What a reader gets of what save_three saved; throws Error where damage is reported.
bool reads_right(const std::string& path) {
  Database db = Database::open(path, {.read_only = true});
  auto store = db.manifests();
  const auto refused_or = [](auto&& is_right) {
    try {
      return is_right();
    } catch (const Error&) {
      return true;
    }
  };
  bool right = refused_or([&] { return store.load_latest() == manifest(3); });
  right &= refused_or([&] { return store.list_ids() == Ids{1, 2, 3}; });
  right &= refused_or([&] { return store.load_by_id(4) == std::nullopt; });
  for (std::uint64_t id = 1; id <= 3; ++id) {
    right &= refused_or([&] { return store.load_by_id(id) == manifest(id); });
    right &= refused_or([&] {
      const auto state = store.load_state_data(id);
      return state && text_of(*state) == "state of " + std::to_string(id);
    });
    right &= refused_or([&] { return store.export_json(id) == manifest(id).json(); });
  }
  db.close();
  return right;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

TEST_CASE("a flipped bit is reported or changes nothing: no wrong content, no wrong absence") {
  test::TemporaryDatabase db;
  save_three(db);
  db.close();
  db.skip_final_check();
  const std::string whole = read_file(db.file());
  // Bytes of empty pages hold nothing: flips go where something stands.
  std::vector<std::size_t> used;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (whole[i] != 0) used.push_back(i);
  }
  test::Random random;
  INFO(random);
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    const std::size_t offset = random.pick(used);
    const auto bit = static_cast<unsigned char>(1U << random.below(8));
    CAPTURE(offset, static_cast<int>(bit));
    std::string flipped = whole;
    flipped[offset] = static_cast<char>(static_cast<unsigned char>(flipped[offset]) ^ bit);
    write_file(db.file(), flipped);
    bool right = false;
    try {
      right = reads_right(db.file());
    } catch (const Error&) {
      right = true;  // not even opened
    }
    CHECK(right);
  }
}

}  // namespace
}  // namespace holdfast
