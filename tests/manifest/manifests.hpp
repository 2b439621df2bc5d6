// Manifests for tests.
#pragma once

#include "holdfast/manifest.hpp"

#include <cstdint>
#include <string>

namespace holdfast::test {

// The four required fields, and what else is given: ",\"name\":value".
inline std::string manifest_json(std::uint64_t id,
                                 std::uint64_t epoch,
                                 const std::string& more = "") {
  return R"({"version":1,"checkpoint_id":)" + std::to_string(id) + R"(,"epoch":)" +
         std::to_string(epoch) + R"(,"timestamp_ms":1700000000000)" + more + "}";
}

inline Manifest manifest(std::uint64_t id, std::uint64_t epoch = 1, const std::string& more = "") {
  return Manifest::from_json(manifest_json(id, epoch, more));
}

inline const std::string kPending = R"(,"sink_commit_statuses":{"out":"Pending"})";
inline const std::string kCommitted = R"(,"sink_commit_statuses":{"out":"Committed"})";
inline const std::string kFailed = R"(,"sink_commit_statuses":{"out":{"Failed":"no route"}})";

inline std::string text_of(const Bytes& bytes) {
  return std::string(as_text(bytes));
}

}  // namespace holdfast::test
