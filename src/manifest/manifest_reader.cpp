// What reads a stream; manifest_store.cpp has what changes it.
#include "engine/arguments.hpp"
#include "engine/link.hpp"
#include "holdfast/error.hpp"
#include "holdfast/manifest.hpp"
#include "manifest/examination.hpp"
#include "manifest/manifest_rows.hpp"
#include "manifest/stored_manifest.hpp"
#include "manifest/streams.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace holdfast {
namespace {

using engine::Connection;
using manifest::Stream;

std::int64_t to_key(std::uint64_t id) {
  engine::check_number("the checkpoint id", id);
  return static_cast<std::int64_t>(id);
}

// The manifest as its caller gets it.
Manifest to_manifest(const Stream& stream, std::int64_t id, manifest::FoundManifest found) {
  if (!found.row.decoded) manifest::throw_corrupt(stream, id, "cannot be decoded");
  return Manifest::from_json(std::move(*found.json));
}

// (id, epoch) of a manifest that load_by_id would return.
std::optional<std::pair<std::uint64_t, std::uint64_t>> read_entry(Connection& db,
                                                                  const Stream& stream,
                                                                  std::int64_t id) {
  try {
    const auto found = manifest::load_manifest(db, stream, id);
    if (!found || !found->row.decoded) return std::nullopt;
    return std::pair(static_cast<std::uint64_t>(id), static_cast<std::uint64_t>(found->row.epoch));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    return std::nullopt;
  }
}

// Every id that there should be, newest first: a latest one that vanished is among them.
std::vector<std::int64_t> list_candidates(Connection& db, const Stream& stream) {
  auto ids = manifest::list_ids_descending(db, stream);
  if (stream.latest_id && (ids.empty() || ids.front() < *stream.latest_id)) {
    ids.insert(ids.begin(), *stream.latest_id);
  }
  return ids;
}

std::string join_reasons(const manifest::Examination& examined, bool committed_only) {
  std::string reasons;
  const auto add = [&](std::string_view reason) {
    if (!reasons.empty()) reasons += "; ";
    reasons += reason;
  };
  for (const ManifestIssue& issue : examined.issues) {
    if (issue.fatal) add(issue.reason);
  }
  if (examined.valid && committed_only && !examined.committed) add("a sink is pending or failed");
  return reasons;
}

}  // namespace

std::optional<Manifest> ManifestStore::load_latest() const {
  return link_->read([&](Connection& db) -> std::optional<Manifest> {
    const auto stream = manifest::find_stream(db, stream_);
    if (!stream || !stream->latest_id) return std::nullopt;
    auto found = manifest::load_manifest(db, *stream, *stream->latest_id);
    return to_manifest(*stream, *stream->latest_id, std::move(found).value());
  });
}

std::optional<Manifest> ManifestStore::load_by_id(std::uint64_t id) const {
  const std::int64_t key = to_key(id);
  return link_->read([&](Connection& db) -> std::optional<Manifest> {
    const auto stream = manifest::find_stream(db, stream_);
    if (!stream) return std::nullopt;
    auto found = manifest::load_manifest(db, *stream, key);
    if (!found) return std::nullopt;
    return to_manifest(*stream, key, std::move(*found));
  });
}

std::optional<Bytes> ManifestStore::load_state_data(std::uint64_t id) const {
  const std::int64_t key = to_key(id);
  return link_->read([&](Connection& db) -> std::optional<Bytes> {
    const auto stream = manifest::find_stream(db, stream_);
    if (!stream) return std::nullopt;
    return manifest::load_state(db, *stream, key);
  });
}

std::vector<std::uint64_t> ManifestStore::list_ids(const ManifestListOptions& options) const {
  return link_->read([&](Connection& db) -> std::vector<std::uint64_t> {
    const auto stream = manifest::find_stream(db, stream_);
    if (!stream) return {};
    const auto ids = manifest::list_ids(db, *stream, options.after, options.limit);
    return {ids.begin(), ids.end()};
  });
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> ManifestStore::list(
    const ManifestListOptions& options) const {
  return link_->read([&](Connection& db) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> entries;
    const auto stream = manifest::find_stream(db, stream_);
    if (!stream) return entries;
    if (options.limit == 0) return entries;
    for (const std::int64_t id : manifest::list_ids(db, *stream, options.after, kNoLimit)) {
      if (entries.size() == options.limit) break;
      if (const auto entry = read_entry(db, *stream, id)) entries.push_back(*entry);
    }
    return entries;
  });
}

ManifestValidation ManifestStore::validate_checkpoint(std::uint64_t id) const {
  const std::int64_t key = to_key(id);
  return link_->read([&](Connection& db) {
    const auto stream = manifest::find_damaged_stream(db, stream_);
    auto examined = manifest::examine(db,
                                      {stream ? stream->key : 0, key},
                                      manifest::Depth::content,
                                      options_.expected_vnode_count);
    return ManifestValidation{id, examined.valid, std::move(examined.issues)};
  });
}

ManifestRecovery ManifestStore::recover_latest_validated(
    const ManifestRecoverOptions& options) const {
  const auto begin = std::chrono::steady_clock::now();
  Stream stream;
  const auto ids = link_->read([&](Connection& db) -> std::vector<std::int64_t> {
    auto found = manifest::find_damaged_stream(db, stream_);
    if (!found) return {};
    stream = std::move(*found);
    return list_candidates(db, stream);
  });
  ManifestRecovery recovery;
  // A read for each: states may be large, and no read may live for all of them.
  for (auto id = ids.begin(); id != ids.end() && !recovery.chosen_id; ++id) {
    const auto examined = link_->read([&](Connection& db) {
      return manifest::examine(db, {stream.key, *id}, manifest::Depth::content);
    });
    ++recovery.examined;
    const auto number = static_cast<std::uint64_t>(*id);
    std::string reasons = join_reasons(examined, options.committed_only);
    if (reasons.empty()) {
      recovery.chosen_id = number;
    } else {
      recovery.skipped.push_back({number, std::move(reasons)});
    }
  }
  recovery.elapsed_us = std::chrono::duration_cast<std::chrono::microseconds>(
                            std::chrono::steady_clock::now() - begin)
                            .count();
  return recovery;
}

std::optional<std::string> ManifestStore::export_json(std::uint64_t id) const {
  const std::int64_t key = to_key(id);
  return link_->read([&](Connection& db) -> std::optional<std::string> {
    const auto stream = manifest::find_stream(db, stream_);
    if (!stream) return std::nullopt;
    auto found = manifest::find_manifest(db, {stream->key, key}, manifest::Depth::content);
    if (!found) {
      manifest::require_not_lost(db, *stream, key);
      return std::nullopt;
    }
    // Its state may be gone: what is left of it can still be had.
    if (!found->json) manifest::throw_corrupt(*stream, key, "fails its digest");
    return std::move(found->json);
  });
}

std::optional<std::string> ManifestStore::state_checksum(std::uint64_t id) const {
  const std::int64_t key = to_key(id);
  return link_->read([&](Connection& db) -> std::optional<std::string> {
    const auto stream = manifest::find_stream(db, stream_);
    if (!stream) return std::nullopt;
    const auto found = manifest::find_manifest(db, {stream->key, key}, manifest::Depth::row);
    if (!found) {
      manifest::require_not_lost(db, *stream, key);
      return std::nullopt;
    }
    if (!found->intact) manifest::throw_corrupt(*stream, key, "fails its digest");
    return found->row.state_checksum;
  });
}

std::vector<std::string> ManifestStore::list_streams() const {
  return link_->read([](Connection& db) { return manifest::list_streams(db); });
}

}  // namespace holdfast
