#include "manifest/examination.hpp"

#include "manifest/manifest_fields.hpp"

#include <string>

namespace holdfast::manifest {
namespace {

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

class Examiner {
 public:
  Examiner(engine::Connection& db, const RowKey& key, Depth depth)
      : db_(db), key_(key), depth_(depth) {}

  Examination examine(std::optional<std::uint64_t> expected_vnode_count);

 private:
  void examine_numbers();
  void examine_state();
  void warn_of_fields(std::optional<std::uint64_t> expected_vnode_count);
  bool state_is_intact(const FoundState& state) const;
  bool state_is_needed() const;

  void fatal(std::string reason) {
    examination_.issues.push_back({true, std::move(reason)});
    examination_.valid = false;
  }
  void warn(std::string reason) { examination_.issues.push_back({false, std::move(reason)}); }

  engine::Connection& db_;
  RowKey key_;
  Depth depth_;
  std::optional<FoundManifest> manifest_;
  std::optional<ManifestFields> fields_;  // nullopt: not decoded, or not read
  Examination examination_;
};

Examination Examiner::examine(std::optional<std::uint64_t> expected_vnode_count) {
  manifest_ = find_manifest(db_, key_, depth_);
  if (!manifest_) {
    fatal("the manifest is missing");
    return std::move(examination_);
  }
  const bool unread = depth_ == Depth::row && manifest_->content_key;
  if (!manifest_->intact || (!unread && !manifest_->json)) {
    fatal("the manifest fails its digest");
    return std::move(examination_);
  }
  if (manifest_->json) {
    fields_ = find_fields(*manifest_->json);
    if (!manifest_->joint_intact) fatal("manifest and state fail their digest");
  }
  if (!manifest_->row.decoded || (manifest_->json && !fields_)) {
    fatal("the manifest cannot be decoded");
  } else {
    examination_.committed = manifest_->row.committed;
    examine_numbers();
  }
  examine_state();
  if (fields_ && depth_ == Depth::content) warn_of_fields(expected_vnode_count);
  return std::move(examination_);
}

void Examiner::examine_numbers() {
  if (key_.checkpoint_id == 0) fatal("the checkpoint id is 0");
  if (manifest_->row.epoch == 0) fatal("the epoch is 0");
  const auto id = static_cast<std::uint64_t>(key_.checkpoint_id);
  if (fields_ && fields_->checkpoint_id != id) {
    fatal("the manifest is of checkpoint " + std::to_string(fields_->checkpoint_id));
  }
}

void Examiner::examine_state() {
  const ManifestRow& row = manifest_->row;
  if (row.state_sha256) {
    const auto state = find_state(db_, key_, depth_);
    if (!state) {
      fatal("the state is absent");
      return;
    }
    if (!state_is_intact(*state)) fatal("the state fails its digest");
  } else if (state_is_needed()) {
    fatal("the state is absent");
    return;
  }
  if (!row.checksum_matches) fatal("the state is not that of the manifest's checksum");
}

bool Examiner::state_is_intact(const FoundState& state) const {
  const bool unread = depth_ == Depth::row && state.content_key;
  return state.intact && (unread || state.bytes) && state.sha256 == *manifest_->row.state_sha256;
}

// There is none outside of the JSON, and the manifest speaks of one.
bool Examiner::state_is_needed() const {
  return fields_ &&
         (fields_->has_external_state || (fields_->state_checksum && !fields_->inline_digest));
}

void Examiner::warn_of_fields(std::optional<std::uint64_t> expected_vnode_count) {
  if (fields_->version == 0) warn("the version is 0");
  if (fields_->timestamp_ms == 0) warn("the timestamp is 0");
  for (const std::string& sink : fields_->sink_epochs) {
    if (fields_->sink_commit_statuses.contains(sink)) continue;
    warn("sink " + quoted(sink) + " has an epoch and no commit status");
  }
  // A manifest that names no source says nothing about which are known.
  for (const std::string& source : fields_->source_offsets) {
    if (fields_->source_names.empty() || fields_->source_names.contains(source)) continue;
    warn("there are offsets of an unknown source " + quoted(source));
  }
  if (expected_vnode_count && *expected_vnode_count != fields_->vnode_count) {
    warn("the vnode count is " + std::to_string(fields_->vnode_count) + ", expected were " +
         std::to_string(*expected_vnode_count));
  }
}

}  // namespace

Examination examine(engine::Connection& db,
                    const RowKey& key,
                    Depth depth,
                    std::optional<std::uint64_t> expected_vnode_count) {
  return Examiner(db, key, depth).examine(expected_vnode_count);
}

}  // namespace holdfast::manifest
