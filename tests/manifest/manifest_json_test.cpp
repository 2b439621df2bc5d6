#include "holdfast/manifest.hpp"
#include "manifests.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"

#include <string>
#include <vector>

namespace holdfast {
namespace {

using test::manifest_json;
using test::require_error;

bool is_refused(const std::string& json) {
  try {
    Manifest::from_json(json);
  } catch (const Error& error) {
    return error.code() == ErrorCode::invalid_argument;
  }
  return false;
}

TEST_CASE("the smallest manifest has the four required fields and nothing else") {
  const Manifest manifest(7, 3, 1'700'000'000'000);
  CHECK(manifest.json() ==
        R"({"version":1,"checkpoint_id":7,"epoch":3,"timestamp_ms":1700000000000})");
  CHECK(Manifest::from_json(manifest.json()) == manifest);
  CHECK(manifest.checkpoint_id() == 7);
  CHECK(manifest.epoch() == 3);
  CHECK(manifest.version() == 1);
  CHECK(manifest.timestamp_ms() == 1'700'000'000'000);
  CHECK(manifest.committed());
}

TEST_CASE("a manifest's JSON is kept byte for byte, with fields that nobody knows") {
  const std::string json =
      "{ \"epoch\" : 2,\n\t\"wal_position\": 18446744073709551615, \"x\": 1e999,"
      "\"version\":1, \"nested\":[{\"epoch\":\"no number\"}], \"checkpoint_id\":1,"
      "\"pipeline_hash\":18446744073709551615,\"timestamp_ms\":5 }\n";
  CHECK(Manifest::from_json(json).json() == json);
  CHECK(Manifest::from_json(json).epoch() == 2);
}

TEST_CASE("numbers are exact to the last bit, never read through a double") {
  CHECK(test::manifest(9'007'199'254'740'993).checkpoint_id() == 9'007'199'254'740'993);
  CHECK(test::manifest(kMaxNumber, kMaxNumber).epoch() == kMaxNumber);
  CHECK(is_refused(manifest_json(kMaxNumber + 1, 1)));
  CHECK(is_refused(manifest_json(1, kMaxNumber + 1)));
  require_error(ErrorCode::invalid_argument, [] { Manifest(kMaxNumber + 1, 1, 1); });
  require_error(ErrorCode::invalid_argument, [] { Manifest(1, kMaxNumber + 1, 1); });
  require_error(ErrorCode::invalid_argument, [] { Manifest(1, 1, kMaxNumber + 1); });
  for (const char* number : {"1.0",
                             "1e0",
                             "-1",
                             "-0",
                             "\"1\"",
                             "null",
                             "true",
                             "[1]",
                             "{}",
                             "18446744073709551616",
                             "99999999999999999999999"}) {
    CAPTURE(number);
    for (const char* field : {"version", "checkpoint_id", "epoch", "timestamp_ms"}) {
      std::string json = R"({"version":1,"checkpoint_id":1,"epoch":1,"timestamp_ms":1})";
      const std::string before = std::string("\"") + field + "\":1";
      json.replace(json.find(before), before.size(), std::string("\"") + field + "\":" + number);
      CHECK(is_refused(json));
    }
    if (std::string(number) != "null") {
      CHECK(is_refused(manifest_json(1, 1, std::string(",\"vnode_count\":") + number)));
    }
  }
}

TEST_CASE("a manifest without one of the required fields is refused") {
  CHECK(is_refused(R"({"checkpoint_id":1,"epoch":1,"timestamp_ms":1})"));
  CHECK(is_refused(R"({"version":1,"epoch":1,"timestamp_ms":1})"));
  CHECK(is_refused(R"({"version":1,"checkpoint_id":1,"timestamp_ms":1})"));
  CHECK(is_refused(R"({"version":1,"checkpoint_id":1,"epoch":1})"));
}

TEST_CASE("what is no JSON object is no manifest") {
  for (const char* json :
       {"", " ", "null", "7", "[]", "{}", "{", "\xef\xbb\xbf{}", "{\"version\":1,}"}) {
    CAPTURE(json);
    CHECK(is_refused(json));
  }
  const std::string json = manifest_json(1, 1);
  for (std::size_t length = 0; length < json.size(); ++length) {
    CHECK(is_refused(json.substr(0, length)));
  }
  CHECK(is_refused(json + "{}"));
  CHECK(is_refused(json + std::string(1, '\0')));
  CHECK(is_refused(manifest_json(1, 1, ",\"x\":\"\xff\"")));
}

TEST_CASE("a name that stands twice where the store reads is refused") {
  CHECK(is_refused(manifest_json(1, 1, R"(,"epoch":1)")));
  CHECK(is_refused(manifest_json(1, 1, R"(,"\u0065poch":1)")));
  CHECK(is_refused(manifest_json(1, 1, R"(,"sink_epochs":{"a":1,"a":2})")));
  CHECK(is_refused(
      manifest_json(1, 1, R"(,"sink_commit_statuses":{"a":"Pending","a":"Committed"})")));
  CHECK(is_refused(manifest_json(1, 1, R"(,"operator_states":{"a":{},"a":{}})")));
  CHECK(is_refused(
      manifest_json(1, 1, R"(,"operator_states":{"a":{"state_b64":"","state_b64":""}})")));
  // Elsewhere it is none of our business.
  CHECK_FALSE(is_refused(manifest_json(1, 1, R"(,"x":1,"x":{"y":1,"y":2})")));
}

TEST_CASE("committed means that no sink is pending or failed") {
  CHECK(test::manifest(1).committed());
  CHECK(test::manifest(1, 1, R"(,"sink_commit_statuses":{})").committed());
  CHECK(test::manifest(1, 1, R"(,"sink_commit_statuses":null)").committed());
  CHECK(test::manifest(1, 1, test::kCommitted).committed());
  CHECK_FALSE(test::manifest(1, 1, test::kPending).committed());
  CHECK_FALSE(test::manifest(1, 1, test::kFailed).committed());
  CHECK_FALSE(test::manifest(1, 1, R"(,"sink_commit_statuses":{"a":"Committed","b":"Pending"})")
                  .committed());
  CHECK_FALSE(test::manifest(1, 1, R"(,"sink_commit_statuses":{"a":{"Failed":""},"b":"Committed"})")
                  .committed());
}

TEST_CASE("a status or a field of another form is refused rather than taken for committed") {
  for (const char* more : {R"(,"sink_commit_statuses":{"a":"committed"})",
                           R"(,"sink_commit_statuses":{"a":"Failed"})",
                           R"(,"sink_commit_statuses":{"a":{"Pending":""}})",
                           R"(,"sink_commit_statuses":{"a":{}})",
                           R"(,"sink_commit_statuses":{"a":null})",
                           R"(,"sink_commit_statuses":["Pending"])",
                           R"(,"sink_epochs":[])",
                           R"(,"source_offsets":7)",
                           R"(,"source_names":{})",
                           R"(,"source_names":[1])",
                           R"(,"operator_states":[])",
                           R"(,"operator_states":{"a":7})",
                           R"(,"operator_states":{"a":{"state_b64":7}})",
                           R"(,"operator_states":{"a":{"external":"yes"}})",
                           R"(,"operator_states":{"a":{"external":null}})",
                           R"(,"operator_states":{"\ud800":{}})",
                           R"(,"operator_states":{"a":{"state_b64":"\udfff"}})",
                           R"(,"state_checksum":7)"}) {
    CAPTURE(more);
    CHECK(is_refused(manifest_json(1, 1, more)));
  }
}

TEST_CASE("a refusal names the field, never what stands in it") {
  try {
    Manifest::from_json(manifest_json(1, 1, R"(,"state_checksum":["s3cret"])"));
    FAIL("not refused");
  } catch (const Error& error) {
    const std::string message = error.what();
    CHECK(message.find("state_checksum") != std::string::npos);
    CHECK(message.find("s3cret") == std::string::npos);
  }
}

}  // namespace
}  // namespace holdfast
