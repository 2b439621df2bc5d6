// Saving: what save, save_with_state, update_manifest, import and save_state_data have in common.
//
// What can be computed before the turn to write comes (the JSON's fields, the digests of the state) is
// in a NewManifest. In the transaction, an id that is there already decides: the same bytes are a
// success, others a conflict. Bytes are compared, not digests of them.
//
// A manifest that is saved without a state takes over the state that was saved ahead of it, if there is
// one; that is what makes an orphan visible.
//
// Threads  those of the connection
#pragma once

#include "engine/connection.hpp"
#include "holdfast/manifest.hpp"
#include "manifest/manifest_fields.hpp"
#include "manifest/manifest_rows.hpp"
#include "manifest/state_checksum.hpp"
#include "manifest/streams.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::manifest {

struct NewManifest {
  NewManifest(std::int64_t checkpoint_id,
              std::string_view manifest_json,
              std::optional<ManifestFields> manifest_fields,
              const std::optional<BytesView>& manifest_state);

  std::int64_t id;
  std::string_view json;
  std::optional<ManifestFields> fields;  // nullopt: it cannot be decoded, and is kept as it is
  std::optional<StateView> state;
  ManifestRow row;  // as it is with this state, or without any
};

// Pruning is the caller's.
SaveOutcome save(engine::Connection& db,
                 Stream& stream,
                 const NewManifest& item,
                 std::int64_t now_us);
// The manifest must be there, undamaged; its state stays as it is.
void update(engine::Connection& db, const Stream& stream, const NewManifest& item);
// `conflict` if the id has a manifest; replaces an orphan with other bytes.
SaveOutcome save_orphan(engine::Connection& db,
                        const Stream& stream,
                        std::int64_t id,
                        const StateView& state,
                        std::int64_t now_us);

}  // namespace holdfast::manifest
