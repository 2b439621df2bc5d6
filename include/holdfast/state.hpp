// Partitioned keyed state: keys and values, with checkpoints that cost what changed.
//
// Shape    a backend (by name) has flat entries and entries of partitions {operator, partition,
//          subtask}; neither reaches the other's. Keys are 0 to 65,535 bytes of anything, in byte
//          order. A checkpoint is a 64-bit id of the caller's.
// Units    size_bytes is the sum of keys (without partition) and values
// Errors   not_found, already_exists (checkpoint), conflict, corrupt, too_large, invalid_argument, and
//          those of every write; conflict: somebody else owns the state by a write-back handle. Of a
//          write-back handle also fenced (the state has another owner) and full (its memory budget)
// Threads  any; update() is atomic among threads and processes
// Source   schema/0008_state.sql, src/state/, docs/stores.md
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
#include <string>
#include <utility>
#include <vector>

namespace holdfast {

namespace engine {
class Connection;
class Link;
}  // namespace engine
namespace state {
struct Buffered;
struct KeyRange;
}  // namespace state

enum class StateMode : std::uint8_t {
  // Each write is a transaction, or joins one.
  write_through,
  // Writes change memory, and are seen at once by every handle of this owner. They reach the file together,
  // in key order, at flush(), at checkpoint(), when a transaction that touched the state commits, and when
  // the handle or the database is closed. After a crash the state is that of the last of these.
  write_back,
};

// How a state is opened. All but `mode` is for write_back.
struct StateOptions {
  StateMode mode = StateMode::write_through;
  // For changes and for copies of what was read. A change that would need more is `full`.
  std::uint64_t memory_budget_bytes = 64ULL << 20;
  // Who owns the state, an id. Whoever opens it under the same name is the same owner come back: it takes
  // over at once, and the earlier one is fenced. Empty: nobody else is the same.
  std::string owner = {};
  // How long the state stays owned after the last flush (or other transaction on it) if the owner vanishes.
  std::int64_t lease_ms = 30'000;
};

struct PartitionKey {
  std::string operator_id = {};  // an id
  std::uint32_t partition = 0;
  std::uint32_t subtask = 0;

  // "operator:partition:subtask:", as snapshots name entries of partitions.
  HOLDFAST_API std::string to_prefix() const;
  bool operator==(const PartitionKey&) const = default;
};

struct StateEntry {
  Bytes key = {};
  Bytes value = {};
};

struct StateStats {
  std::uint64_t size_bytes = 0;
  std::uint64_t entries = 0;
  std::int64_t collected_at_us = 0;
  // Write-back: keys whose changes are not in the file yet, and the memory that they take.
  std::uint64_t changed_entries = 0;
  std::uint64_t changed_bytes = 0;
};

struct StateScanOptions {
  std::size_t limit = kNoLimit;
  bool reverse = false;
  // Go on after this key (reverse: below it).
  std::optional<Bytes> after = std::nullopt;
};

struct StateCheckpointInfo {
  std::uint64_t id = 0;
  std::int64_t created_at_us = 0;
  std::uint64_t version = 0;
  std::uint64_t entries = 0;
  std::uint64_t size_bytes = 0;
};

// The key operations, on flat entries or on those of one partition.
class HOLDFAST_API StateEntries {
 public:
  using Updater = std::function<std::optional<Bytes>(const std::optional<Bytes>& current)>;
  using EntryVisitor = std::function<void(const StateEntry&)>;

  std::optional<Bytes> get(BytesView key) const;
  bool contains(BytesView key) const;
  std::vector<std::optional<Bytes>> multi_get(const PayloadList& keys) const;

  void put(BytesView key, BytesView value);
  // All of them, or none; a key given twice has the later value. The version moves by one for each.
  void put_batch(const std::vector<std::pair<BytesView, BytesView>>& entries);
  bool remove(BytesView key);  // false: it was not there
  // Reads, lets `update` decide (nullopt: remove), writes; atomic. Returns what is there now. `update`
  // runs in this thread, once, inside the transaction (its own, or a savepoint of the one that this
  // thread is in): it must not wait for other writers. An exception from it leaves everything as it was.
  // Write-back, outside of a transaction: in memory, and `update` must not write to this state.
  std::optional<Bytes> update(BytesView key, const Updater& update);

  // Keys that begin with `prefix` (empty: all), in key order.
  std::vector<StateEntry> range_scan(BytesView prefix, const StateScanOptions& options = {}) const;
  // Keys from `from` to before `to`; no `to`: to the end.
  std::vector<StateEntry> range(BytesView from,
                                const std::optional<BytesView>& to,
                                const StateScanOptions& options = {}) const;
  // The entries of range_scan through a visitor: paged, nothing is held while it runs.
  void for_each(BytesView prefix, const EntryVisitor& visit) const;

 protected:
  StateEntries(std::shared_ptr<const engine::Link> link,
               std::string state,
               std::optional<PartitionKey> partition);
  std::shared_ptr<const engine::Link> link_;
  std::string state_;
  std::optional<PartitionKey> partition_;            // none: flat entries
  std::shared_ptr<const state::Buffered> buffered_;  // write-back

  // Work on the buffer, not on the file?
  bool in_memory() const;
  // What a call does first in a transaction of this thread.
  void join_for_read(engine::Connection& db) const;
  std::vector<StateEntry> scan(const state::KeyRange& whole, const StateScanOptions& options) const;
  friend class Batch;
};

class HOLDFAST_API StatePartition : public StateEntries {
 public:
  const PartitionKey& key() const { return *partition_; }

 private:
  friend class StateBackend;
  using StateEntries::StateEntries;
};

// A backend as it was at a retained checkpoint; reads only.
class HOLDFAST_API StateView {
 public:
  std::optional<Bytes> get(BytesView key) const;
  std::vector<StateEntry> range_scan(BytesView prefix, const StateScanOptions& options = {}) const;
  // The same of a partition's entries.
  std::optional<Bytes> get(const PartitionKey& partition, BytesView key) const;
  std::vector<StateEntry> range_scan(const PartitionKey& partition,
                                     BytesView prefix,
                                     const StateScanOptions& options = {}) const;

 private:
  friend class StateBackend;
  StateView(std::shared_ptr<const engine::Link> link, std::string state, std::uint64_t checkpoint);
  std::optional<Bytes> get_from(const std::optional<PartitionKey>& partition, BytesView key) const;
  std::vector<StateEntry> scan(const std::optional<PartitionKey>& partition,
                               BytesView prefix,
                               const StateScanOptions& options) const;

  std::shared_ptr<const engine::Link> link_;
  std::string state_;
  std::uint64_t checkpoint_;
};

class HOLDFAST_API StateBackend : public StateEntries {
 public:
  StatePartition partition(const PartitionKey& key) const;
  StateMode mode() const;
  // Write-back: commits what is in memory, and renews the lease; fenced: there is another owner, and what
  // was not flushed is lost. Write-through: there is nothing to do.
  void flush();
  // Write-back: flushes and gives the state up, for all copies of the handle and of its partitions: later
  // calls are `closed`. If it throws, nothing has changed (but for fenced). Write-through: nothing.
  void close();

  std::vector<PartitionKey> list_partitions() const;  // those with entries, now or at a checkpoint

  // Marks the state as it is; costs the same for any size. `already_exists`: the id is retained.
  void checkpoint(std::uint64_t id);
  // Oldest first.
  std::vector<StateCheckpointInfo> list_checkpoints() const;
  // Puts everything back as it was; checkpoints made later are dropped and returned. The restored one
  // stays. not_found: no such checkpoint.
  std::vector<std::uint64_t> restore(std::uint64_t id);
  // Frees what only this checkpoint needed. False: there was none.
  bool drop_checkpoint(std::uint64_t id);
  // not_found: no such checkpoint; also later, at each read, once it was dropped.
  StateView read_at(std::uint64_t id) const;

  // The interchange bytes (docs/file-format.md), sorted by key; `id` is written into them, and with
  // `of_checkpoint` it names what is exported (else: the state now). `conflict`: two entries have the
  // same prefixed key.
  Bytes export_snapshot(std::uint64_t id, bool of_checkpoint = false) const;
  // Replaces the whole content and returns the id in the bytes. Entries whose keys begin with the
  // prefix of a declared partition go there, the others stay flat. `corrupt`: nothing has changed.
  std::uint64_t import_snapshot(BytesView snapshot,
                                const std::vector<PartitionKey>& partitions = {});

  std::uint64_t size_bytes() const;  // constant time
  std::uint64_t version() const;     // rises with every put, removal, restore and import
  StateStats stats() const;

  // Names of all states of the database, in byte order.
  std::vector<std::string> list_states() const;
  // Removes the backend with entries and checkpoints. False: there was none.
  bool remove_all();

 private:
  friend class Batch;
  friend class Database;
  StateBackend(std::shared_ptr<const engine::Link> link, std::string state);
  StateBackend(std::shared_ptr<const engine::Link> link,
               std::string state,
               const StateOptions& options);
};

}  // namespace holdfast
