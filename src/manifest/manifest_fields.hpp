// What the store reads of a manifest's JSON: what saving, validating and pruning need, nothing more.
//
// Numbers are read from their text, never through a double: 64 bits are exact, and a fraction, an
// exponent, a sign or a 65th bit where an id belongs is a refusal, not a rounding. A name that stands
// twice in an object that is read here (the manifest, its sinks, sources, operators) is refused: one
// reader would believe the first, another the last. Fields that are not read here may hold any JSON.
// null stands for an absent optional field.
//
// Errors   invalid_argument: not such a manifest, with the field and the reason
// Threads  plain values
// Source   docs/stores/manifests.md
#pragma once

#include "content/sha256.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace holdfast::manifest {

struct ManifestFields {
  std::uint64_t version = 0;
  std::uint64_t checkpoint_id = 0;  // this and the next two: at most kMaxNumber
  std::uint64_t epoch = 0;
  std::uint64_t timestamp_ms = 0;
  bool committed = true;  // no sink is Pending or Failed
  std::set<std::string> sink_epochs = {};
  std::set<std::string> sink_commit_statuses = {};
  std::set<std::string> source_offsets = {};
  std::set<std::string> source_names = {};
  std::uint64_t vnode_count = 0;
  bool has_external_state = false;  // some operator's state is outside of the JSON
  // Over the operator states that stand in the JSON, as state_checksum wants it; nullopt: none does.
  std::optional<content::Sha256Digest> inline_digest = std::nullopt;
  std::optional<std::string> state_checksum = std::nullopt;
};

ManifestFields read_fields(std::string_view json);
// nullopt: what read_fields refuses. For what was imported as it was found.
std::optional<ManifestFields> find_fields(std::string_view json);

}  // namespace holdfast::manifest
