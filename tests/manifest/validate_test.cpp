#include "damage.hpp"
#include "holdfast/database.hpp"
#include "manifests.hpp"
#include "support/catch.hpp"
#include "support/full_database.hpp"
#include "support/temporary_database.hpp"

#include <string>
#include <vector>

namespace holdfast {
namespace {

using test::Ground;
using test::manifest;
using test::manifest_json;

std::vector<std::string> reasons(const ManifestValidation& validation, bool fatal) {
  std::vector<std::string> found;
  for (const ManifestIssue& issue : validation.issues) {
    if (issue.fatal == fatal) found.push_back(issue.reason);
  }
  return found;
}

using Reasons = std::vector<std::string>;

TEST_CASE("a whole checkpoint is valid, without an issue") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests("", {.expected_vnode_count = 256});
  store.save_with_state(
      manifest(1,
               1,
               R"(,"vnode_count":256,"sink_epochs":{"s":1},"sink_commit_statuses":{"s":"Pending"},)"
               R"("source_names":["a","b"],"source_offsets":{"a":{"offsets":{},"epoch":1}},)"
               R"("operator_states":{"o":{"external":true}})"),
      "state");
  const auto validation = store.validate_checkpoint(1);
  CHECK(validation.id == 1);
  CHECK(validation.valid);
  CHECK(validation.issues.empty());
}

TEST_CASE("fatal: the manifest is missing") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests();
  CHECK(reasons(store.validate_checkpoint(1), true) == Reasons{"the manifest is missing"});
  store.save(manifest(2));
  CHECK(reasons(store.validate_checkpoint(1), true) == Reasons{"the manifest is missing"});
  CHECK_FALSE(store.validate_checkpoint(1).valid);
}

TEST_CASE("fatal: the manifest cannot be decoded") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests();
  store.import(1, "{}", BytesView("state"));
  CHECK(reasons(store.validate_checkpoint(1), true) == Reasons{"the manifest cannot be decoded"});
}

TEST_CASE("fatal: id or epoch 0, or another checkpoint's manifest") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests();
  store.import(0, manifest_json(0, 0), std::nullopt);
  store.import(1, manifest_json(1, 0), std::nullopt);
  store.import(2, manifest_json(3, 1), std::nullopt);
  CHECK(reasons(store.validate_checkpoint(0), true) ==
        Reasons{"the checkpoint id is 0", "the epoch is 0"});
  CHECK(reasons(store.validate_checkpoint(1), true) == Reasons{"the epoch is 0"});
  CHECK(reasons(store.validate_checkpoint(2), true) == Reasons{"the manifest is of checkpoint 3"});
}

TEST_CASE("fatal: a state that the manifest speaks of is absent") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests();
  const std::string checksum = R"(,"state_checksum":"00")";
  store.save(manifest(1, 1, checksum));
  store.save(manifest(2, 1, R"(,"operator_states":{"a":{"external":true}})"));
  store.save(manifest(3, 1, R"(,"operator_states":{"a":{"state_b64":""},"b":{"external":true}})"));
  store.save(manifest(4, 1, R"(,"operator_states":{"a":{"external":false}})"));
  for (const std::uint64_t id : {1U, 2U, 3U}) {
    CAPTURE(id);
    CHECK(reasons(store.validate_checkpoint(id), true) == Reasons{"the state is absent"});
  }
  CHECK(store.validate_checkpoint(4).valid);
}

TEST_CASE("fatal: what is stored fails its digest, or is gone") {
  test::TemporaryDatabase db;
  {
    auto store = db->manifests();
    for (const std::uint64_t id : {1U, 2U, 3U}) {
      store.save_with_state(manifest(id), "state");
    }
    for (const std::uint64_t id : {4U, 5U, 6U}) {
      const std::string large_field = ",\"x\":\"" + test::large_payload(10 + id) + "\"";
      store.save_with_state(manifest(id, 1, large_field), test::large_payload(id));
    }
  }
  db.damage(test::damage_json(1));
  db.damage(test::damage_state(2));
  db.damage(test::delete_state(3));
  db.damage(test::damage_content("manifest", 4));
  db.damage(test::damage_content("manifest_state", 5));
  db.damage(test::delete_state(6));
  const std::vector<std::string> expected = {"the manifest fails its digest",
                                             "the state fails its digest",
                                             "the state is absent",
                                             "the manifest fails its digest",
                                             "the state fails its digest",
                                             "the state is absent"};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i + 1);
    CHECK(reasons(db->manifests().validate_checkpoint(i + 1), true) == Reasons{expected[i]});
  }
}

TEST_CASE("fatal: a state of another save does not pass for its own") {
  test::TemporaryDatabase db;
  db->manifests().save_with_state(manifest(1), "state one");
  db->manifests().save_with_state(manifest(2), "state two");
  // Whole rows change places, digests and all.
  db.damage(
      "UPDATE manifest_state SET checkpoint_id = 3 WHERE checkpoint_id = 1;"
      "UPDATE manifest_state SET checkpoint_id = 1 WHERE checkpoint_id = 2;"
      "UPDATE manifest_state SET checkpoint_id = 2 WHERE checkpoint_id = 3");
  for (const std::uint64_t id : {1U, 2U}) {
    CHECK(reasons(db->manifests().validate_checkpoint(id), true) ==
          Reasons{"the state fails its digest"});
  }
}

TEST_CASE("warnings leave a checkpoint valid") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests("", {.expected_vnode_count = 256});
  store.save(Manifest::from_json(
      R"({"version":0,"checkpoint_id":1,"epoch":1,"timestamp_ms":0,"vnode_count":128,)"
      R"("sink_epochs":{"one":1,"two":2},"sink_commit_statuses":{"two":"Committed"},)"
      R"("source_names":["known"],"source_offsets":{"known":{},"lost":{}}})"));
  const auto validation = store.validate_checkpoint(1);
  CHECK(validation.valid);
  CHECK(reasons(validation, true).empty());
  CHECK(reasons(validation, false) == Reasons{"the version is 0",
                                              "the timestamp is 0",
                                              "sink \"one\" has an epoch and no commit status",
                                              "there are offsets of an unknown source \"lost\"",
                                              "the vnode count is 128, expected were 256"});
}

TEST_CASE("what a manifest does not say is no warning, unless it was expected") {
  test::TemporaryDatabase db;
  db->manifests().save(manifest(1, 1, R"(,"source_offsets":{"a":{}},"vnode_count":4)"));
  CHECK(db->manifests().validate_checkpoint(1).issues.empty());
  db->manifests().save(manifest(2));
  const auto store = db->manifests("", {.expected_vnode_count = 4});
  CHECK(store.validate_checkpoint(1).issues.empty());
  CHECK(reasons(store.validate_checkpoint(2), false) ==
        Reasons{"the vnode count is 0, expected were 4"});
}

TEST_CASE("recovery chooses the newest valid checkpoint and reports those it skipped") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests();
  store.save(manifest(1));
  store.save_with_state(manifest(2), "state");
  store.import(3, manifest_json(4, 0), std::nullopt);
  store.import(5, "torn", std::nullopt);
  const auto recovery = store.recover_latest_validated();
  CHECK(recovery.chosen_id == 2U);
  CHECK(recovery.examined == 3);
  CHECK(recovery.elapsed_us >= 0);
  REQUIRE(recovery.skipped.size() == 2);
  CHECK(recovery.skipped[0].id == 5);
  CHECK(recovery.skipped[0].reasons == "the manifest cannot be decoded");
  CHECK(recovery.skipped[1].id == 3);
  CHECK(recovery.skipped[1].reasons == "the epoch is 0; the manifest is of checkpoint 4");
}

TEST_CASE("recovery takes an uncommitted checkpoint unless told otherwise") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests();
  store.save(manifest(1, 1, test::kCommitted));
  store.save(manifest(2, 1, test::kFailed));
  store.save(manifest(3, 1, test::kPending));
  CHECK(store.recover_latest_validated().chosen_id == 3U);
  const auto recovery = store.recover_latest_validated({.committed_only = true});
  CHECK(recovery.chosen_id == 1U);
  CHECK(recovery.examined == 3);
  REQUIRE(recovery.skipped.size() == 2);
  CHECK(recovery.skipped[0].id == 3);
  CHECK(recovery.skipped[0].reasons == "a sink is pending or failed");
}

TEST_CASE("recovery of a stream without a valid checkpoint chooses none") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto store = db->manifests();
  CHECK(store.recover_latest_validated().chosen_id == std::nullopt);
  CHECK(store.recover_latest_validated().examined == 0);
  store.import(1, "", std::nullopt);
  const auto recovery = store.recover_latest_validated();
  CHECK(recovery.chosen_id == std::nullopt);
  CHECK(recovery.examined == 1);
  CHECK(recovery.skipped.size() == 1);
}

}  // namespace
}  // namespace holdfast
