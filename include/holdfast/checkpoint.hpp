// Blob checkpoints per trace: the newest saved bytes of an execution, and those before.
//
// Shape    a trace is a list of checkpoints in order of saving (never of created_at); a checkpoint is
//          {id, data, graph_hash, created_at_ns}. A checkpoint id belongs to one trace. A trace is
//          there as long as it has checkpoints.
// Units    created_at in nanoseconds since the epoch; graph_hash is 64 opaque bits
// Errors   conflict (the id belongs to another trace; detail.id: that trace), corrupt (detail.id: the
//          checkpoint, or the trace that misses one), too_large (a payload; 2^32-1 saves to a trace),
//          invalid_argument, and those of every write (database.hpp)
// Threads  any
// Source   schema/0004_checkpoint.sql, src/checkpoint/, docs/stores/checkpoints.md
#pragma once

#include "holdfast/bytes.hpp"
#include "holdfast/export.hpp"
#include "holdfast/id.hpp"
#include "holdfast/limits.hpp"
#include "holdfast/stream.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdfast {

namespace engine {
class Link;
}

struct CheckpointBlob {
  std::string id = {};
  Bytes data = {};
  std::uint64_t graph_hash = 0;
  std::int64_t created_at_ns = 0;
};

// What is known of a checkpoint without reading its bytes.
struct CheckpointInfo {
  std::string id = {};
  std::string trace = {};
  std::uint64_t graph_hash = 0;
  std::int64_t created_at_ns = 0;
  std::int64_t saved_at_us = 0;
  std::uint64_t raw_bytes = 0;
};

struct CheckpointListOptions {
  std::size_t limit = kNoLimit;
  std::optional<std::string> before = std::nullopt;  // only those saved before this one
};

// What a `recover` call found: the newest item that checks out, and those passed over.
struct CheckpointRecovery {
  std::optional<CheckpointBlob> chosen = std::nullopt;
  std::vector<std::string> damaged = {};  // ids, newest first
  bool incomplete =
      false;  // what says which checkpoints there are is damaged, or one of them is gone:
              // there may have been a newer one
};

class HOLDFAST_API CheckpointStore {
 public:
  // Saves the blob as the newest of its trace. An id that this trace has already is replaced and
  // becomes the newest; an id of another trace is `conflict`, and nothing has changed.
  void save(const IdRef& trace, const CheckpointBlob& blob);

  // The same, piece by piece: its bytes begin with `beginning.data`. An id of another trace is `conflict` at
  // the first transaction, as late as commit().
  PayloadWriter begin_save(const IdRef& trace,
                           const CheckpointBlob& beginning,
                           const UploadOptions& options = {});

  // nullopt: no such checkpoint. `corrupt`: it is there, but its bytes fail their digest.
  std::optional<CheckpointBlob> load(const IdRef& id) const;
  // Its bytes, piece by piece; nullopt: no such checkpoint.
  std::optional<PayloadReader> open(const IdRef& id) const;
  // The same: gives them to `sink`, one piece of up to 1 MiB after the other. False: no such checkpoint.
  bool read(const IdRef& id, const std::function<void(BytesView)>& sink) const;
  // The newest of the trace. A damaged newest one is `corrupt` and named; never silently an older one.
  std::optional<CheckpointBlob> load_latest(const IdRef& trace) const;
  // The newest one of the trace that checks out, with the damaged ones that were passed over.
  CheckpointRecovery recover_latest(const IdRef& trace) const;

  // Newest first. `before` an id that the trace does not have: not_found. A damaged one is `corrupt`;
  // `before` its id goes on past it. Data is not read, so a list says nothing of it.
  std::vector<std::string> list(const IdRef& trace,
                                const CheckpointListOptions& options = {}) const;
  std::optional<CheckpointInfo> info(const IdRef& id) const;
  // Traces by name in byte order, after a name.
  std::vector<std::string> list_traces(
      std::size_t limit = kNoLimit, const std::optional<std::string>& after = std::nullopt) const;

  // False: there was none of that id.
  bool remove(const IdRef& id);
  // Removes all but the newest `keep` of the trace and says how many went. Many go in one short transaction as
  // well; their space is freed afterwards in slices, others' writes between, before this call
  // returns or, inside transact, when that has been committed.
  std::size_t prune(const IdRef& trace, std::size_t keep);
  // Removes the trace with all its checkpoints, damaged or not, and says how many went; the same as
  // prune(trace, 0).
  std::size_t remove_trace(const IdRef& trace);

  // Checkpoints in all traces; in one trace.
  std::uint64_t size() const;
  std::uint64_t size(const IdRef& trace) const;
  bool empty() const { return size() == 0; }

 private:
  friend class Database;
  explicit CheckpointStore(std::shared_ptr<const engine::Link> link);
  std::shared_ptr<const engine::Link> link_;
};

}  // namespace holdfast
