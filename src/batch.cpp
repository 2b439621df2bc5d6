#include "holdfast/batch.hpp"

#include "access.hpp"
#include "engine/link.hpp"
#include "holdfast/database.hpp"
#include "holdfast/error.hpp"

#include <utility>

namespace holdfast {

namespace {

std::vector<Bytes> copy_of(const PayloadList& payloads) {
  std::vector<Bytes> copies;
  copies.reserve(payloads.size());
  for (const BytesView& payload : payloads)
    copies.push_back(to_bytes(payload));
  return copies;
}

}  // namespace

template <class Handle>
Handle Batch::borrowed(const Handle& handle) {
  Handle copy(handle);
  copy.link_ = copy.link_->borrowed();
  return copy;
}

void Batch::check_same_file(const Database& database, const engine::Link& handle) {
  if (&engine::Access::link(database).engine() == &handle.engine()) return;
  throw Error(ErrorCode::invalid_argument, "the batch writes to a handle of another database");
}

Batch& Batch::save(const IdRef& trace, CheckpointBlob blob) {
  writes_.emplace_back([trace = trace.str(), blob = std::move(blob)](Database& db) {
    db.checkpoints().save(trace, blob);
  });
  return *this;
}

Batch& Batch::append(const IdRef& session,
                     const IdRef& segment,
                     BytesView entry,
                     const AppendOptions& options) {
  writes_.emplace_back(
      [session = session.str(), segment = segment.str(), entry = to_bytes(entry), options](
          Database& db) { db.sessions().append(session, segment, entry, options); });
  return *this;
}

Batch& Batch::append_trace(const IdRef& session,
                           const IdRef& segment,
                           BytesView entry,
                           const AppendOptions& options) {
  writes_.emplace_back(
      [session = session.str(), segment = segment.str(), entry = to_bytes(entry), options](
          Database& db) { db.sessions().append_trace(session, segment, entry, options); });
  return *this;
}

Batch& Batch::append_events(const IdRef& run,
                            const PayloadList& events,
                            const RunAppendOptions& options) {
  writes_.emplace_back([run = run.str(), events = copy_of(events), options](Database& db) {
    db.runs().append(run, events, options);
  });
  return *this;
}

Batch& Batch::save_snapshot(Snapshot snapshot) {
  writes_.emplace_back(
      [snapshot = std::move(snapshot)](Database& db) { db.runs().save_snapshot(snapshot); });
  return *this;
}

Batch& Batch::save_with_state(const ManifestStore& stream,
                              Manifest manifest,
                              const PayloadList& state) {
  writes_.emplace_back([stream = borrowed(stream),
                        manifest = std::move(manifest),
                        state = copy_of(state)](Database& db) mutable {
    check_same_file(db, *stream.link_);
    stream.save_with_state(manifest, state);
  });
  return *this;
}

Batch& Batch::put(const StateEntries& entries, BytesView key, BytesView value) {
  writes_.emplace_back([entries = borrowed(entries), key = to_bytes(key), value = to_bytes(value)](
                           Database& db) mutable {
    check_same_file(db, *entries.link_);
    entries.put(key, value);
  });
  return *this;
}

Batch& Batch::remove(const StateEntries& entries, BytesView key) {
  writes_.emplace_back([entries = borrowed(entries), key = to_bytes(key)](Database& db) mutable {
    check_same_file(db, *entries.link_);
    entries.remove(key);
  });
  return *this;
}

Batch& Batch::checkpoint(const StateBackend& state, std::uint64_t id) {
  writes_.emplace_back([state = borrowed(state), id](Database& db) mutable {
    check_same_file(db, *state.link_);
    state.checkpoint(id);
  });
  return *this;
}

void Batch::run(Database& database) const {
  for (const Write& write : writes_)
    write(database);
}

}  // namespace holdfast
