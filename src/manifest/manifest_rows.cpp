#include "manifest/manifest_rows.hpp"

#include "content/payload.hpp"
#include "content/row_digest.hpp"
#include "content/upload.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"

#include <algorithm>

namespace holdfast::manifest {
namespace {

using content::Sha256Digest;

struct ManifestStatements {
  explicit ManifestStatements(engine::Connection& db)
      : find(db,
             "SELECT decoded, epoch, timestamp_ms, committed, state_checksum, checksum_matches,"
             " state_sha256, saved_at_us, joint_digest, digest, raw_bytes, payload, content_key"
             " FROM manifest WHERE stream_key = ?1 AND checkpoint_id = ?2"),
        insert(db,
               "INSERT INTO manifest (stream_key, checkpoint_id, decoded, epoch, timestamp_ms,"
               " committed, state_checksum, checksum_matches, state_sha256, saved_at_us,"
               " joint_digest, digest, raw_bytes, payload, content_key)"
               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"),
        remove(db, "DELETE FROM manifest WHERE stream_key = ?1 AND checkpoint_id = ?2") {}
  engine::Statement find;
  engine::Statement insert;
  engine::Statement remove;
};

struct StateStatements {
  explicit StateStatements(engine::Connection& db)
      : find(db,
             "SELECT saved_at_us, sha256, digest, raw_bytes, payload, content_key"
             " FROM manifest_state WHERE stream_key = ?1 AND checkpoint_id = ?2"),
        insert(db,
               "INSERT INTO manifest_state (stream_key, checkpoint_id, saved_at_us, sha256, digest,"
               " raw_bytes, payload, content_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
        remove(db, "DELETE FROM manifest_state WHERE stream_key = ?1 AND checkpoint_id = ?2"),
        newest_content(db,
                       "SELECT content_key FROM manifest_state WHERE stream_key = ?1"
                       " ORDER BY checkpoint_id DESC LIMIT 1"),
        orphans(db,
                "SELECT s.checkpoint_id FROM manifest_state AS s WHERE s.stream_key = ?1"
                " AND NOT EXISTS (SELECT 1 FROM manifest AS m WHERE m.stream_key = s.stream_key"
                " AND m.checkpoint_id = s.checkpoint_id) ORDER BY s.checkpoint_id") {}
  engine::Statement find;
  engine::Statement insert;
  engine::Statement remove;
  engine::Statement newest_content;
  engine::Statement orphans;
};

constexpr int kManifestPayload = 10;
constexpr int kStatePayload = 3;

// All zero where the column holds anything but 32 bytes; the row's digest tells.
Sha256Digest read_sha256(const engine::Query& row, int column) {
  Sha256Digest digest{};
  const BytesView bytes = row.bytes(column);
  if (bytes.size() == digest.size()) std::ranges::copy(bytes, digest.begin());
  return digest;
}

std::optional<BytesView> view(const std::optional<Sha256Digest>& digest) {
  if (!digest) return std::nullopt;
  return BytesView(*digest);
}

// Of everything but the payload.
content::RowDigest digest_columns(const RowKey& key, const ManifestRow& row, BytesView joint) {
  content::RowDigest digest;
  digest.add(key.stream_key)
      .add(key.checkpoint_id)
      .add(std::int64_t{row.decoded})
      .add(row.epoch)
      .add(row.timestamp_ms)
      .add(std::int64_t{row.committed})
      .add(row.state_checksum)
      .add(std::int64_t{row.checksum_matches})
      .add(view(row.state_sha256))
      .add(row.saved_at_us)
      .add(joint);
  return digest;
}

content::RowDigest digest_columns(const RowKey& key, std::int64_t saved_at_us, BytesView sha256) {
  content::RowDigest digest;
  digest.add(key.stream_key).add(key.checkpoint_id).add(saved_at_us).add(sha256);
  return digest;
}

ManifestRow read_columns(const engine::Query& row) {
  ManifestRow columns;
  columns.decoded = row.integer(0) != 0;
  columns.epoch = row.integer(1);
  columns.timestamp_ms = row.integer(2);
  columns.committed = row.integer(3) != 0;
  columns.state_checksum = row.optional_string(4);
  columns.checksum_matches = row.integer(5) != 0;
  if (!row.is_null(6)) columns.state_sha256 = read_sha256(row, 6);
  columns.saved_at_us = row.integer(7);
  return columns;
}

// The payload of a row; nullopt: it is damaged.
std::optional<Bytes> load_payload(engine::Connection& db, const engine::Query& row, int column) {
  try {
    return content::load(db, row, column);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    return std::nullopt;
  }
}

bool remove_manifest_row(engine::Connection& db, const RowKey& key) {
  const auto found = find_manifest(db, key, Depth::row);
  if (!found) return false;
  if (found->intact) content::remove(db, found->content_key);
  db.statements<ManifestStatements>().remove.execute(key.stream_key, key.checkpoint_id);
  return true;
}

}  // namespace

std::optional<FoundManifest> find_manifest(engine::Connection& db, const RowKey& key, Depth depth) {
  auto& statements = db.statements<ManifestStatements>();
  auto row = statements.find.run(key.stream_key, key.checkpoint_id);
  if (!row.step()) return std::nullopt;
  FoundManifest found;
  found.row = read_columns(row);
  const Sha256Digest joint = read_sha256(row, 8);
  content::RowDigest digest = digest_columns(key, found.row, BytesView(joint));
  found.intact = row.integer(9) == digest.add_payload(row, kManifestPayload).value();
  found.content_key = row.optional_integer(kManifestPayload + 2);
  if (!found.intact || (found.content_key && depth == Depth::row)) return found;
  if (const auto json = load_payload(db, row, kManifestPayload)) {
    found.json = as_text(*json);
    found.joint_intact = joint == joint_digest(*found.json, found.row.state_sha256);
  }
  return found;
}

void insert_manifest(engine::Connection& db,
                     const RowKey& key,
                     const ManifestRow& row,
                     BytesView json) {
  // What cannot be decoded might still be any JSON, or no text at all.
  const auto form = row.decoded ? content::Form::json : content::Form::unknown;
  const auto payload = content::Payload::store(db, json, form);
  const Sha256Digest joint = joint_digest(json, row.state_sha256);
  content::RowDigest digest = digest_columns(key, row, BytesView(joint));
  db.statements<ManifestStatements>().insert.execute(key.stream_key,
                                                     key.checkpoint_id,
                                                     row.decoded,
                                                     row.epoch,
                                                     row.timestamp_ms,
                                                     row.committed,
                                                     row.state_checksum,
                                                     row.checksum_matches,
                                                     view(row.state_sha256),
                                                     row.saved_at_us,
                                                     BytesView(joint),
                                                     digest.add_payload(payload).value(),
                                                     payload.raw_bytes(),
                                                     payload.value(),
                                                     payload.content_key());
}

void replace_manifest(engine::Connection& db,
                      const RowKey& key,
                      const ManifestRow& row,
                      BytesView json) {
  remove_manifest_row(db, key);
  insert_manifest(db, key, row, json);
}

bool remove_manifest(engine::Connection& db, const RowKey& key) {
  const bool removed = remove_manifest_row(db, key);
  return remove_state(db, key) || removed;
}

std::optional<FoundState> find_state(engine::Connection& db, const RowKey& key, Depth depth) {
  auto row = db.statements<StateStatements>().find.run(key.stream_key, key.checkpoint_id);
  if (!row.step()) return std::nullopt;
  FoundState found;
  found.sha256 = read_sha256(row, 1);
  content::RowDigest digest = digest_columns(key, row.integer(0), BytesView(found.sha256));
  found.intact = row.integer(2) == digest.add_payload(row, kStatePayload).value();
  found.content_key = row.optional_integer(kStatePayload + 2);
  if (!found.intact || (found.content_key && depth == Depth::row)) return found;
  found.bytes = load_payload(db, row, kStatePayload);
  // Content has a digest of its own, which was checked just now.
  if (found.bytes && !found.content_key && content::sha256(*found.bytes) != found.sha256) {
    found.bytes = std::nullopt;
  }
  return found;
}

std::optional<std::int64_t> find_near(engine::Connection& db, std::int64_t stream_key) {
  auto newest = db.statements<StateStatements>().newest_content.run(stream_key);
  return newest.step() ? newest.optional_integer(0) : std::nullopt;
}

void insert_state(engine::Connection& db,
                  const RowKey& key,
                  const StateView& state,
                  std::int64_t saved_at_us) {
  std::optional<std::int64_t> near;
  if (state.bytes.size() > content::kInlineBytes) near = find_near(db, key.stream_key);
  const auto payload = content::finish_or_store(db, state.upload, state.bytes, near);
  content::RowDigest digest = digest_columns(key, saved_at_us, BytesView(state.sha256));
  db.statements<StateStatements>().insert.execute(key.stream_key,
                                                  key.checkpoint_id,
                                                  saved_at_us,
                                                  BytesView(state.sha256),
                                                  digest.add_payload(payload).value(),
                                                  payload.raw_bytes(),
                                                  payload.value(),
                                                  payload.content_key());
}

bool remove_state(engine::Connection& db, const RowKey& key) {
  const auto found = find_state(db, key, Depth::row);
  if (!found) return false;
  if (found->intact) content::remove(db, found->content_key);
  db.statements<StateStatements>().remove.execute(key.stream_key, key.checkpoint_id);
  return true;
}

std::vector<std::int64_t> list_orphans(engine::Connection& db, std::int64_t stream_key) {
  std::vector<std::int64_t> ids;
  auto row = db.statements<StateStatements>().orphans.run(stream_key);
  while (row.step())
    ids.push_back(row.integer(0));
  return ids;
}

}  // namespace holdfast::manifest
