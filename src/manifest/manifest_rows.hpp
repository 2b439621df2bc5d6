// Manifests and states as rows, written with their digests and checked against them.
//
// A row that fails its digest is found all the same, as not intact: recovery and validation go on with
// what is left. What it says is not to be believed: above all its content_key, which might be that of
// another row, is never freed (the content stays behind, and a check of the whole file reports it).
//
// Threads  those of the connection
// Source   schema/0007_manifest.sql
#pragma once

#include "content/sha256.hpp"
#include "engine/connection.hpp"
#include "holdfast/bytes.hpp"
#include "manifest/state_checksum.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::manifest {

// Which manifest or state: of which stream, of which checkpoint id.
struct RowKey {
  std::int64_t stream_key = 0;
  std::int64_t checkpoint_id = 0;
};

// The columns of a manifest beside its key, its JSON, and its digests.
struct ManifestRow {
  bool decoded = false;
  std::int64_t epoch = 0;
  std::int64_t timestamp_ms = 0;
  bool committed = false;
  std::optional<std::string> state_checksum = std::nullopt;
  bool checksum_matches = true;
  std::optional<content::Sha256Digest> state_sha256 = std::nullopt;
  std::int64_t saved_at_us = 0;
};

// How much is read: a row with what stands in it, or also what it has in the content tables.
enum class Depth : std::uint8_t { row, content };

struct FoundManifest {
  ManifestRow row = {};
  bool intact = false;  // the row passes its digest
  std::optional<std::int64_t> content_key = std::nullopt;
  std::optional<std::string> json = std::nullopt;  // nullopt: damaged, or in content and not read
  // The digest over json and row.state_sha256; without json it is unknown, and false.
  bool joint_intact = false;
};

struct FoundState {
  content::Sha256Digest sha256 = {};
  bool intact = false;
  std::optional<std::int64_t> content_key = std::nullopt;
  std::optional<Bytes> bytes = std::nullopt;  // nullopt: damaged, or in content and not read
};

std::optional<FoundManifest> find_manifest(engine::Connection& db, const RowKey& key, Depth depth);
void insert_manifest(engine::Connection& db,
                     const RowKey& key,
                     const ManifestRow& row,
                     BytesView json);
void replace_manifest(engine::Connection& db,
                      const RowKey& key,
                      const ManifestRow& row,
                      BytesView json);
// With its state. False: neither was there.
bool remove_manifest(engine::Connection& db, const RowKey& key);

std::optional<FoundState> find_state(engine::Connection& db, const RowKey& key, Depth depth);
// The content that a state of that stream is likely to resemble.
std::optional<std::int64_t> find_near(engine::Connection& db, std::int64_t stream_key);
void insert_state(engine::Connection& db,
                  const RowKey& key,
                  const StateView& state,
                  std::int64_t saved_at_us);
bool remove_state(engine::Connection& db, const RowKey& key);
// Ids of states without a manifest, ascending.
std::vector<std::int64_t> list_orphans(engine::Connection& db, std::int64_t stream_key);

}  // namespace holdfast::manifest
