#include "manifest/stored_manifest.hpp"

#include "holdfast/error.hpp"

#include <string>

namespace holdfast::manifest {

std::optional<FoundManifest> load_manifest(engine::Connection& db,
                                           const Stream& stream,
                                           std::int64_t id) {
  auto found = find_manifest(db, {stream.key, id}, Depth::content);
  if (!found) {
    require_not_lost(db, stream, id);
    return std::nullopt;
  }
  if (!found->intact || !found->joint_intact) throw_corrupt(stream, id, "fails its digest");
  if (found->row.state_sha256) {
    const auto state = find_state(db, {stream.key, id}, Depth::row);
    if (!state) throw_corrupt(stream, id, "has lost its state");
    if (!state->intact || state->sha256 != *found->row.state_sha256) {
      throw_corrupt(stream, id, "has a state that fails its digest");
    }
  }
  return found;
}

std::optional<Bytes> load_state(engine::Connection& db, const Stream& stream, std::int64_t id) {
  const auto found = find_manifest(db, {stream.key, id}, Depth::row);
  if (!found) {
    require_not_lost(db, stream, id);
    return std::nullopt;
  }
  if (!found->intact) throw_corrupt(stream, id, "fails its digest");
  if (!found->row.state_sha256) return std::nullopt;
  auto state = find_state(db, {stream.key, id}, Depth::content);
  if (!state) throw_corrupt(stream, id, "has lost its state");
  if (!state->intact || !state->bytes || state->sha256 != *found->row.state_sha256) {
    throw_corrupt(stream, id, "has a state that fails its digest");
  }
  return std::move(state->bytes);
}

void throw_corrupt(const Stream& stream, std::int64_t id, std::string_view what) {
  throw Error(ErrorCode::corrupt,
              name_manifest(stream, id).append(" ").append(what),
              {.id = std::to_string(id)});
}

}  // namespace holdfast::manifest
