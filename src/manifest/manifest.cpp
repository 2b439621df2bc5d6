#include "holdfast/manifest.hpp"

#include "engine/arguments.hpp"
#include "manifest/manifest_fields.hpp"

namespace holdfast {

Manifest::Manifest(std::uint64_t checkpoint_id, std::uint64_t epoch, std::uint64_t timestamp_ms)
    : checkpoint_id_(checkpoint_id), epoch_(epoch), timestamp_ms_(timestamp_ms) {
  engine::check_number("a checkpoint id", checkpoint_id);
  engine::check_number("an epoch", epoch);
  engine::check_number("a timestamp", timestamp_ms);
  json_ = R"({"version":1,"checkpoint_id":)" + std::to_string(checkpoint_id) + R"(,"epoch":)" +
          std::to_string(epoch) + R"(,"timestamp_ms":)" + std::to_string(timestamp_ms) + "}";
}

Manifest Manifest::from_json(std::string json) {
  const manifest::ManifestFields fields = manifest::read_fields(json);
  Manifest manifest;
  manifest.checkpoint_id_ = fields.checkpoint_id;
  manifest.epoch_ = fields.epoch;
  manifest.version_ = fields.version;
  manifest.timestamp_ms_ = fields.timestamp_ms;
  manifest.committed_ = fields.committed;
  manifest.json_ = std::move(json);
  return manifest;
}

}  // namespace holdfast
