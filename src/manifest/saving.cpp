#include "manifest/saving.hpp"

#include "holdfast/error.hpp"
#include "manifest/stored_manifest.hpp"

#include <algorithm>
#include <string>

namespace holdfast::manifest {
namespace {

ManifestRow make_row(const std::optional<ManifestFields>& fields,
                     const std::optional<StateView>& state) {
  ManifestRow row;
  if (state) row.state_sha256 = state->sha256;
  const auto checksums = state_checksums(fields ? fields->inline_digest : std::nullopt, state);
  row.state_checksum = checksums.current;
  if (!fields) return row;
  row.decoded = true;
  row.epoch = static_cast<std::int64_t>(fields->epoch);
  row.timestamp_ms = static_cast<std::int64_t>(fields->timestamp_ms);
  row.committed = fields->committed;
  if (fields->state_checksum) {
    row.state_checksum = fields->state_checksum;
    row.checksum_matches = checksums.match(*fields->state_checksum);
  }
  return row;
}

[[noreturn]] void throw_conflict(const Stream& stream, std::int64_t id, std::string_view what) {
  throw Error(ErrorCode::conflict,
              name_manifest(stream, id).append(" ").append(what),
              {.id = std::to_string(id)});
}

// The item is there already: with these very bytes, or it is a conflict.
void require_same(engine::Connection& db,
                  const Stream& stream,
                  const NewManifest& item,
                  const FoundManifest& found) {
  if (*found.json != item.json) throw_conflict(stream, item.id, "is there with another content");
  if (!item.state) return;
  const auto state = load_state(db, stream, item.id);
  if (!state || !std::ranges::equal(*state, item.state->bytes)) {
    throw_conflict(stream, item.id, "is there with another state");
  }
}

// The row of a manifest whose state is in the table already.
ManifestRow row_with_state(const NewManifest& item,
                           const content::Sha256Digest& sha256,
                           BytesView bytes) {
  return make_row(item.fields, StateView{bytes, sha256});
}

}  // namespace

NewManifest::NewManifest(std::int64_t checkpoint_id,
                         std::string_view manifest_json,
                         std::optional<ManifestFields> manifest_fields,
                         const std::optional<BytesView>& manifest_state)
    : id(checkpoint_id), json(manifest_json), fields(std::move(manifest_fields)) {
  if (manifest_state) state = StateView{*manifest_state, content::sha256(*manifest_state)};
  row = make_row(fields, state);
}

SaveOutcome save(engine::Connection& db,
                 Stream& stream,
                 const NewManifest& item,
                 std::int64_t now_us) {
  if (const auto found = load_manifest(db, stream, item.id)) {
    require_same(db, stream, item, *found);
    return SaveOutcome::already_there;
  }
  const RowKey key{stream.key, item.id};
  ManifestRow row = item.row;
  if (item.state) {
    remove_state(db, key);
    insert_state(db, key, *item.state, now_us);
  } else if (const auto orphan = find_state(db, key, Depth::content)) {
    if (!orphan->intact || !orphan->bytes) {
      throw_corrupt(stream, item.id, "would take over a state that fails its digest");
    }
    row = row_with_state(item, orphan->sha256, *orphan->bytes);
  }
  row.saved_at_us = now_us;
  insert_manifest(db, key, row, item.json);
  note_saved(db, stream, item.id);
  return SaveOutcome::saved;
}

void update(engine::Connection& db, const Stream& stream, const NewManifest& item) {
  const RowKey key{stream.key, item.id};
  const auto found = find_manifest(db, key, Depth::row);
  if (!found) {
    require_not_lost(db, stream, item.id);
    throw Error(ErrorCode::not_found,
                name_manifest(stream, item.id) + " is not there to be updated",
                {.id = std::to_string(item.id)});
  }
  // Its row says which state belongs to it. What cannot be believed must not become a good manifest.
  if (!found->intact) throw_corrupt(stream, item.id, "fails its digest");
  ManifestRow row = item.row;
  if (const auto& sha256 = found->row.state_sha256) {
    // Only the checksum of a manifest with states inside and outside needs the bytes.
    Bytes bytes;
    if (item.fields->inline_digest) bytes = load_state(db, stream, item.id).value();
    row = row_with_state(item, *sha256, bytes);
  }
  row.saved_at_us = found->row.saved_at_us;
  replace_manifest(db, key, row, item.json);
}

SaveOutcome save_orphan(engine::Connection& db,
                        const Stream& stream,
                        std::int64_t id,
                        const StateView& state,
                        std::int64_t now_us) {
  const RowKey key{stream.key, id};
  if (find_manifest(db, key, Depth::row)) {
    throw_conflict(stream, id, "is there: its state cannot be replaced");
  }
  require_not_lost(db, stream, id);
  const auto found = find_state(db, key, Depth::content);
  if (found && found->bytes && std::ranges::equal(*found->bytes, state.bytes)) {
    return SaveOutcome::already_there;
  }
  remove_state(db, key);
  insert_state(db, key, state, now_us);
  return SaveOutcome::saved;
}

}  // namespace holdfast::manifest
