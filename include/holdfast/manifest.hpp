// Checkpoint manifests with state: what a stream job writes at each checkpoint, and recovers from.
//
// Shape    a stream (by name, default "") has manifests by id. A manifest is a JSON document kept byte
//          for byte, unknown fields too; numbers in it are exact to 64 bits. Its state is any bytes.
//          A manifest and its state are one thing: they are committed, kept and removed together.
//          *Valid*: validate_checkpoint finds nothing fatal. *Committed*: no sink is Pending or Failed.
// Units    timestamp_ms since the epoch
// Errors   conflict (the id is there with other content), not_found, invalid_argument (id or epoch 0,
//          not a manifest, a number above 2^63-1), corrupt, too_large, and those of every write
// Threads  any
// Source   schema/0007_manifest.sql, src/manifest/, docs/stores/manifests.md
#pragma once

#include "holdfast/bytes.hpp"
#include "holdfast/export.hpp"
#include "holdfast/id.hpp"
#include "holdfast/limits.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace holdfast {

namespace engine {
class Link;
}
namespace manifest {
struct NewManifest;
}

// A manifest as its JSON text, with the fields that the store itself looks at. Cheap to move.
class HOLDFAST_API Manifest {
 public:
  // The smallest one: version 1, and nothing but these.
  Manifest(std::uint64_t checkpoint_id, std::uint64_t epoch, std::uint64_t timestamp_ms);
  // Any manifest of that format; unknown fields are kept. `invalid_argument`: not a JSON object with
  // version, checkpoint_id, epoch and timestamp_ms as unsigned whole numbers (the last three at most
  // 2^63-1), a sink status that is none of the three, or a name twice in an object that is read here.
  static Manifest from_json(std::string json);

  std::uint64_t checkpoint_id() const { return checkpoint_id_; }
  std::uint64_t epoch() const { return epoch_; }
  std::uint64_t version() const { return version_; }
  std::uint64_t timestamp_ms() const { return timestamp_ms_; }
  // No sink's commit status is Pending or Failed (no sinks: committed).
  bool committed() const { return committed_; }
  const std::string& json() const { return json_; }

  bool operator==(const Manifest& other) const { return json_ == other.json_; }

 private:
  Manifest() = default;
  std::uint64_t checkpoint_id_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t version_ = 1;
  std::uint64_t timestamp_ms_ = 0;
  bool committed_ = true;
  std::string json_;
};

struct ManifestOptions {
  // Each save prunes to this many, in its own transaction: also a manifest just saved, if that one is
  // older than all that stay. 0 = unlimited. update_manifest and import do not prune.
  std::size_t max_retained = 0;
  std::optional<std::uint64_t> expected_vnode_count = std::nullopt;  // else a warning of validate
};

enum class SaveOutcome : std::uint8_t {
  saved,
  already_there,  // the same content was there: success
};

struct ManifestIssue {
  bool fatal = false;
  std::string reason = {};
};

struct ManifestValidation {
  std::uint64_t id = 0;
  bool valid = false;  // no fatal issue
  std::vector<ManifestIssue> issues = {};
};

struct SkippedManifest {
  std::uint64_t id = 0;
  std::string reasons = {};  // joined by "; "
};

struct ManifestRecovery {
  std::optional<std::uint64_t> chosen_id = std::nullopt;
  std::vector<SkippedManifest> skipped = {};  // newest first
  std::uint64_t examined = 0;
  std::int64_t elapsed_us = 0;
};

struct ManifestRecoverOptions {
  bool committed_only = false;  // skip those with a Pending or Failed sink, too
};

struct ManifestListOptions {
  std::size_t limit = kNoLimit;
  std::optional<std::uint64_t> after = std::nullopt;  // only higher ids
};

struct OrphanOptions {
  // Orphans are left alone while somebody holds the lease of this name: the state of a save that is
  // under way. The holder itself cleans up through Database::with_fence.
  std::optional<std::string> protecting_lease = std::nullopt;
};

class HOLDFAST_API ManifestStore {
 public:
  // A source of state bytes: fills the buffer, returns how many bytes it wrote, 0 at the end.
  using StateReader = std::function<std::size_t(std::span<std::byte> buffer)>;

  // Saves the manifest alone. The same content again is a success (already_there); other content under
  // the same id is `conflict`: manifest and state of the first writer stay as they were.
  SaveOutcome save(const Manifest& manifest);
  // Saves both in one commit; the pieces are the state, one after the other. No piece at all is no
  // state, and the same as save(); a state of no bytes is one empty piece.
  SaveOutcome save_with_state(const Manifest& manifest, const PayloadList& state = {});
  // The same with the state in one piece.
  template <class State>
  requires std::is_convertible_v<const State&, BytesView> SaveOutcome
  save_with_state(const Manifest& manifest, const State& state) {
    return save_with_state(manifest, PayloadList{BytesView(state)});
  }
  // The same from a stream, which is read to its end before the transaction begins; not inside transact
  // (`unsupported`).
  template <class Reader>
  requires std::is_constructible_v<StateReader, const Reader&> SaveOutcome
  save_with_state(const Manifest& manifest, const Reader& state) {
    return save_with_read_state(manifest, StateReader(state));
  }
  // Replaces the manifest of that id, its state stays. Unknown: not_found; damaged: corrupt.
  void update_manifest(const Manifest& manifest);

  // State ahead of its manifest: an orphan, invisible until the manifest is saved. Replaces an earlier
  // orphan of the id, unless it is the same (already_there); an id that has a manifest is `conflict`.
  SaveOutcome save_state_data(std::uint64_t id, const PayloadList& state);
  // nullopt: no manifest, or one without a state. A state that is gone or altered is `corrupt`.
  std::optional<Bytes> load_state_data(std::uint64_t id) const;
  // Removes state without manifest and says how many went.
  std::size_t cleanup_orphans(const OrphanOptions& options = {});

  // The highest id; a damaged one is `corrupt`, also one whose state is gone.
  std::optional<Manifest> load_latest() const;
  std::optional<Manifest> load_by_id(std::uint64_t id) const;
  // Ascending; damaged ones too.
  std::vector<std::uint64_t> list_ids(const ManifestListOptions& options = {}) const;
  // (id, epoch), ascending; readable ones.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> list(
      const ManifestListOptions& options = {}) const;

  // Keeps the newest `keep` that are valid and committed, and what is newer than the oldest of these;
  // if none is, all. 0 keeps the newest valid one and the newest committed one, which never go. Says how
  // many went.
  std::size_t prune(std::size_t keep);

  ManifestValidation validate_checkpoint(std::uint64_t id) const;
  // Newest first; the first valid one is chosen, the others are reported.
  ManifestRecovery recover_latest_validated(const ManifestRecoverOptions& options = {}) const;

  // For importers: keeps a manifest as it was found, also one that is damaged, of id or epoch 0, or
  // fails its checksum. The same rules as save for an id that is there.
  SaveOutcome import(std::uint64_t id,
                     std::string_view json,
                     const std::optional<BytesView>& state);
  // The manifest as it was given to save or import, byte for byte, also one that is no manifest.
  std::optional<std::string> export_json(std::uint64_t id) const;
  // SHA-256 of its states in hex, as that format defines it: what the manifest declares as its
  // state_checksum, else what exporters add. nullopt: no manifest, or no state in or outside of it.
  std::optional<std::string> state_checksum(std::uint64_t id) const;

  // Names of all streams of the database, in byte order.
  std::vector<std::string> list_streams() const;
  // Removes every manifest and state of this stream; says how many manifests went.
  std::size_t remove_all();

 private:
  friend class Batch;
  friend class Database;
  ManifestStore(std::shared_ptr<const engine::Link> link,
                std::string stream,
                const ManifestOptions& options);
  SaveOutcome save_with_read_state(const Manifest& manifest, const StateReader& state);
  SaveOutcome save_item(const manifest::NewManifest& item, std::size_t max_retained);
  std::shared_ptr<const engine::Link> link_;
  std::string stream_;
  ManifestOptions options_;
};

}  // namespace holdfast
