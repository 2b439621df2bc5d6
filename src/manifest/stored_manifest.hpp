// Manifests and states as callers get them: whole, or `corrupt`.
//
// Whole means: row and JSON pass their digests, and the state that was saved with it is there under the
// digest that the manifest was saved with. Whether the bytes of a large state are still right is seen
// when they are read: loading a manifest does not cost its state.
//
// Errors   corrupt, with the checkpoint id
// Threads  those of the connection
#pragma once

#include "engine/connection.hpp"
#include "holdfast/bytes.hpp"
#include "manifest/manifest_rows.hpp"
#include "manifest/streams.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::manifest {

// nullopt: there is none, and none vanished.
std::optional<FoundManifest> load_manifest(engine::Connection& db,
                                           const Stream& stream,
                                           std::int64_t id);
// nullopt: there is no manifest, or it was saved without a state.
std::optional<Bytes> load_state(engine::Connection& db, const Stream& stream, std::int64_t id);

[[noreturn]] void throw_corrupt(const Stream& stream, std::int64_t id, std::string_view what);

}  // namespace holdfast::manifest
