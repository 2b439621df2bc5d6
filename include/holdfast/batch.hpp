// A closed transaction: a list of writes, made anywhere, committed as one.
//
//   holdfast::Batch batch;
//   batch.append(session, segment, entry).put(orders, key, value);
//   db.commit(batch);
//
// No code of the caller runs inside, so batches of many threads share one commit, and one sync.
//
// Shape    the writes run in the order in which they were added; one that is refused undoes the batch
//          A batch does not keep a database open: after close(), committing it is `closed`.
// Errors   adding never fails but for memory; what the stores refuse, commit throws
// Threads  one thread fills it; once filled, any thread may commit it, also several times
#pragma once

#include "holdfast/bytes.hpp"
#include "holdfast/checkpoint.hpp"
#include "holdfast/export.hpp"
#include "holdfast/manifest.hpp"
#include "holdfast/run.hpp"
#include "holdfast/session.hpp"
#include "holdfast/state.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace holdfast {

class Database;

class HOLDFAST_API Batch {
 public:
  Batch& save(const IdRef& trace, CheckpointBlob blob);
  Batch& append(const IdRef& session,
                const IdRef& segment,
                BytesView entry,
                const AppendOptions& options = {});
  Batch& append_trace(const IdRef& session,
                      const IdRef& segment,
                      BytesView entry,
                      const AppendOptions& options = {});
  Batch& append_events(const IdRef& run,
                       const PayloadList& events,
                       const RunAppendOptions& options = {});
  Batch& save_snapshot(Snapshot snapshot);
  Batch& save_with_state(const ManifestStore& stream,
                         Manifest manifest,
                         const PayloadList& state = {});
  Batch& put(const StateEntries& entries, BytesView key, BytesView value);
  Batch& remove(const StateEntries& entries, BytesView key);
  Batch& checkpoint(const StateBackend& state, std::uint64_t id);

  std::size_t size() const { return writes_.size(); }
  bool empty() const { return writes_.empty(); }
  void clear() { writes_.clear(); }

 private:
  friend class Database;
  using Write = std::function<void(Database&)>;
  // A handle that does not keep its database open.
  template <class Handle>
  static Handle borrowed(const Handle& handle);
  // A handle of another file would write there, in a transaction of its own.
  static void check_same_file(const Database& database, const engine::Link& handle);
  // Inside a transaction of this thread.
  void run(Database& database) const;

  std::vector<Write> writes_;
};

}  // namespace holdfast
