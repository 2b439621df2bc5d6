#include "checkpoint/checkpoint_table.hpp"
#include "checkpoint/trace_table.hpp"
#include "content/upload.hpp"
#include "engine/arguments.hpp"
#include "engine/connection.hpp"
#include "engine/link.hpp"
#include "holdfast/checkpoint.hpp"
#include "holdfast/error.hpp"

#include <memory>
#include <string>
#include <utility>

namespace holdfast {

using checkpoint::Checkpoint;
using checkpoint::CheckpointCursor;
using checkpoint::Cut;
using checkpoint::Order;
using checkpoint::Pruned;
using checkpoint::Trace;

namespace {

// The trace of a row; the index of ids leads there without knowing it. nullopt: the row was pruned.
std::optional<Trace> trace_of(engine::Connection& db,
                              const IdRef& id,
                              std::int64_t checkpoint_key) {
  auto trace = checkpoint::find_trace_as_is(db, checkpoint_key >> 32);
  if (checkpoint::is_pruned(db, trace ? &*trace : nullptr, checkpoint_key)) return std::nullopt;
  if (trace) return trace;
  throw Error(
      ErrorCode::corrupt, "the trace of checkpoint " + id.str() + " is missing", {.id = id.str()});
}

// The row of an id, its trace, or nothing.
struct Found {
  Trace trace = {};
  Checkpoint checkpoint = {};
};
std::optional<Found> find(engine::Connection& db, const IdRef& id) {
  const auto key = checkpoint::find_key(db, id.text());
  if (!key) return std::nullopt;
  auto trace = trace_of(db, id, *key);
  if (!trace) return std::nullopt;
  Found found{.trace = *std::move(trace)};
  found.checkpoint = checkpoint::read_row(
      db, found.trace, static_cast<std::uint64_t>(*key) & checkpoint::kMaxOrdinal);
  return found;
}

CheckpointBlob read_blob(engine::Connection& db, const Checkpoint& row) {
  checkpoint::require_sound(row);
  return {.id = row.name,
          .data = checkpoint::read_data(db, row),
          .graph_hash = row.graph_hash,
          .created_at_ns = row.created_at_ns};
}

// nullopt: it is damaged.
std::optional<CheckpointBlob> try_read_blob(engine::Connection& db, const Checkpoint& row) {
  try {
    return read_blob(db, row);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    return std::nullopt;
  }
}

void require_own(const Trace& trace, const Trace& owner, const std::string& id) {
  if (owner.key == trace.key) return;
  throw Error(ErrorCode::conflict,
              "checkpoint " + id + " belongs to trace " + owner.name,
              {.id = owner.name});
}

// Makes room for an id that is saved (again).
void give_up_older(engine::Connection& db, Trace& trace, const std::string& id) {
  const auto key = checkpoint::find_key(db, id);
  if (!key) return;
  const auto owner = trace_of(db, id, *key);
  if (!owner) return checkpoint::free_row(db, *key);
  require_own(trace, *owner, id);
  const auto ordinal = static_cast<std::uint64_t>(*key) & checkpoint::kMaxOrdinal;
  checkpoint::take_out(db, trace, checkpoint::read_row(db, trace, ordinal));
}

// The newest ordinal that was saved before `id`; 0: none was.
std::uint64_t ordinal_before(engine::Connection& db, const Trace& trace, const IdRef& id) {
  const auto key = checkpoint::find_key(db, id.text());
  if (!key || *key >> 32 != trace.key || checkpoint::is_pruned(db, &trace, *key)) {
    throw Error(ErrorCode::not_found,
                "trace " + trace.name + " has no checkpoint " + id.str(),
                {.id = id.str()});
  }
  const auto ordinal = static_cast<std::uint64_t>(*key) & checkpoint::kMaxOrdinal;
  const auto row = checkpoint::read_row(db, trace, ordinal);
  if (row.sound) return checkpoint::ordinal_before(trace, row);
  // A list goes on past a damaged one; its link is not believed.
  const auto older = CheckpointCursor(db, trace, Order::newest_first, ordinal - 1).next();
  return older && !checkpoint::is_pruned(db, &trace, older->key) ? older->ordinal() : 0;
}

std::vector<std::string> list_names(engine::Connection& db,
                                    const Trace& trace,
                                    std::uint64_t newest,
                                    std::size_t limit) {
  std::vector<std::string> names;
  CheckpointCursor rows(db, trace, Order::newest_first, newest);
  for (std::uint64_t expected = newest; expected != 0 && names.size() < limit;) {
    auto row = rows.next();
    if (!row || row->ordinal() != expected) checkpoint::throw_missing(trace);
    checkpoint::require_sound(*row);
    expected = checkpoint::ordinal_before(trace, *row);
    names.push_back(std::move(row->name));
  }
  return names;
}

CheckpointRecovery recover(engine::Connection& db, const Trace& trace) {
  CheckpointRecovery recovery;
  recovery.incomplete = !trace.sound;
  std::uint64_t expected = trace.newest_ordinal;
  CheckpointCursor rows(db, trace, Order::newest_first, checkpoint::kMaxOrdinal);
  while (!recovery.chosen) {
    const auto row = rows.next();
    if (!row || checkpoint::is_pruned(db, &trace, row->key)) break;
    if (row->ordinal() != expected) recovery.incomplete = true;
    expected = checkpoint::ordinal_before(trace, *row);
    recovery.chosen = try_read_blob(db, *row);
    if (!recovery.chosen) recovery.damaged.push_back(row->name);
  }
  if (!recovery.chosen && expected != 0) recovery.incomplete = true;
  return recovery;
}

// `store`: gives the payload, once the trace is known.
template <class Store>
void save_as(engine::Connection& db,
             std::string_view trace,
             const CheckpointBlob& blob,
             std::int64_t now_us,
             const Store& store) {
  Trace owner = checkpoint::find_or_create_trace(db, trace, now_us);
  const content::Payload payload = store(owner);
  give_up_older(db, owner, blob.id);
  checkpoint::append(db,
                     owner,
                     {.name = blob.id,
                      .graph_hash = blob.graph_hash,
                      .created_at_ns = blob.created_at_ns,
                      .saved_at_us = now_us},
                     payload);
  checkpoint::write_trace(db, owner);
}

std::unique_ptr<content::Upload> begin_upload(const std::shared_ptr<const engine::Link>& link,
                                              const std::string& trace,
                                              const std::string& id,
                                              const UploadOptions& options) {
  const auto find_near = [trace, id](engine::Connection& db) {
    const Trace owner = checkpoint::find_trace(db, trace).value_or(Trace());
    // Before all is staged for nothing; it is asked once more at the end.
    const auto key = checkpoint::find_key(db, id);
    const auto other = key ? trace_of(db, id, *key) : std::nullopt;
    if (other) require_own(owner, *other, id);
    return checkpoint::find_near(db, owner, content::kStageBytes);
  };
  return std::make_unique<content::Upload>(link, find_near, options);
}

void commit_upload(const engine::Link& link,
                   const std::string& trace,
                   const CheckpointBlob& blob,
                   const content::Upload& upload) {
  const std::int64_t now_us = link.now_us();
  link.write(
      [&](engine::Connection& db) {
        save_as(db, trace, blob, now_us, [&](const Trace& owner) {
          return upload.finish(db, checkpoint::find_near(db, owner, upload.finish_bytes()));
        });
      },
      upload.finish_bytes());
}

std::unique_ptr<content::Download> open_download(const std::shared_ptr<const engine::Link>& link,
                                                 const IdRef& id) {
  engine::check_id("checkpoint", id);
  return link->read([&](engine::Connection& db) -> std::unique_ptr<content::Download> {
    const auto found = find(db, id);
    if (!found) return nullptr;
    checkpoint::require_sound(found->checkpoint);
    return checkpoint::open_data(link, db, found->checkpoint);
  });
}

}  // namespace

CheckpointStore::CheckpointStore(std::shared_ptr<const engine::Link> link)
    : link_(std::move(link)) {}

void CheckpointStore::save(const IdRef& trace, const CheckpointBlob& blob) {
  engine::check_id("trace", trace);
  engine::check_id("checkpoint", blob.id);
  const std::size_t bytes = blob.data.size();
  link_->check_payload(bytes);
  if (content::is_staged(*link_, bytes)) {
    const auto upload = begin_upload(link_, trace.str(), blob.id, {});
    upload->give(blob.data);
    commit_upload(*link_, trace.str(), blob, *upload);
    return upload->release();
  }
  const std::int64_t now_us = link_->now_us();
  link_->write(
      [&](engine::Connection& db) {
        save_as(db, trace.text(), blob, now_us, [&](const Trace& owner) {
          return checkpoint::store_data(db, owner, blob.data);
        });
      },
      bytes);
}

PayloadWriter CheckpointStore::begin_save(const IdRef& trace,
                                          const CheckpointBlob& beginning,
                                          const UploadOptions& options) {
  engine::check_id("trace", trace);
  engine::check_id("checkpoint", beginning.id);
  PayloadWriter writer(begin_upload(link_, trace.str(), beginning.id, options),
                       [link = link_,
                        trace = trace.str(),
                        blob = CheckpointBlob{.id = beginning.id,
                                              .graph_hash = beginning.graph_hash,
                                              .created_at_ns = beginning.created_at_ns}](
                           content::Upload& upload) { commit_upload(*link, trace, blob, upload); });
  writer.write(beginning.data);
  return writer;
}

std::optional<CheckpointBlob> CheckpointStore::load(const IdRef& id) const {
  engine::check_id("checkpoint", id);
  return link_->read([&](engine::Connection& db) -> std::optional<CheckpointBlob> {
    const auto found = find(db, id);
    if (!found) return std::nullopt;
    return read_blob(db, found->checkpoint);
  });
}

std::optional<PayloadReader> CheckpointStore::open(const IdRef& id) const {
  auto download = open_download(link_, id);
  if (!download) return std::nullopt;
  return PayloadReader(std::move(download));
}

bool CheckpointStore::read(const IdRef& id, const std::function<void(BytesView)>& sink) const {
  const auto download = open_download(link_, id);
  if (!download) return false;
  for (BytesView piece = download->next(); !piece.empty(); piece = download->next())
    sink(piece);
  return true;
}

std::optional<CheckpointBlob> CheckpointStore::load_latest(const IdRef& trace) const {
  engine::check_id("trace", trace);
  return link_->read([&](engine::Connection& db) -> std::optional<CheckpointBlob> {
    const auto owner = checkpoint::find_trace(db, trace.text());
    if (!owner) return std::nullopt;
    return read_blob(db, checkpoint::read_row(db, *owner, owner->newest_ordinal));
  });
}

CheckpointRecovery CheckpointStore::recover_latest(const IdRef& trace) const {
  engine::check_id("trace", trace);
  return link_->read([&](engine::Connection& db) {
    const auto owner = checkpoint::find_trace_as_is(db, trace.text());
    return owner ? recover(db, *owner) : CheckpointRecovery{};
  });
}

std::vector<std::string> CheckpointStore::list(const IdRef& trace,
                                               const CheckpointListOptions& options) const {
  engine::check_id("trace", trace);
  if (options.before) engine::check_id("checkpoint", *options.before);
  return link_->read([&](engine::Connection& db) -> std::vector<std::string> {
    auto owner = checkpoint::find_trace(db, trace.text());
    // A trace that is not there has no `before` either.
    if (!owner) owner = Trace{.name = trace.str()};
    const std::uint64_t newest =
        options.before ? ordinal_before(db, *owner, *options.before) : owner->newest_ordinal;
    return list_names(db, *owner, newest, options.limit);
  });
}

std::optional<CheckpointInfo> CheckpointStore::info(const IdRef& id) const {
  engine::check_id("checkpoint", id);
  return link_->read([&](engine::Connection& db) -> std::optional<CheckpointInfo> {
    const auto found = find(db, id);
    if (!found) return std::nullopt;
    const Checkpoint& row = found->checkpoint;
    checkpoint::require_sound(row);
    return CheckpointInfo{.id = row.name,
                          .trace = found->trace.name,
                          .graph_hash = row.graph_hash,
                          .created_at_ns = row.created_at_ns,
                          .saved_at_us = row.saved_at_us,
                          .raw_bytes = static_cast<std::uint64_t>(row.raw_bytes)};
  });
}

std::vector<std::string> CheckpointStore::list_traces(
    std::size_t limit, const std::optional<std::string>& after) const {
  if (after) engine::check_id("trace", *after);
  return link_->read(
      [&](engine::Connection& db) { return checkpoint::trace_names(db, limit, after); });
}

bool CheckpointStore::remove(const IdRef& id) {
  engine::check_id("checkpoint", id);
  return link_->write([&](engine::Connection& db) {
    auto found = find(db, id);
    if (!found) return false;
    checkpoint::require_sound(found->trace);
    checkpoint::take_out(db, found->trace, found->checkpoint);
    checkpoint::write_trace(db, found->trace);
    return true;
  });
}

std::size_t CheckpointStore::prune(const IdRef& trace, std::size_t keep) {
  engine::check_id("trace", trace);
  std::optional<Cut> cut;
  const bool alone = !link_->in_transaction();
  // nullopt: it would keep others waiting; find the cut first.
  const auto prune_once = [&](engine::Connection& db) -> std::optional<Pruned> {
    auto owner = checkpoint::find_trace(db, trace.text());
    if (!owner) return Pruned();
    const bool far = keep > 0 && owner->count > keep + checkpoint::kFollowRows;
    if (far && alone && !cut) return std::nullopt;
    const Pruned gone = keep == 0 ? checkpoint::remove_rows(db, *owner)
                                  : checkpoint::prune_rows(db, *owner, keep, cut);
    if (keep == 0 || gone.count > 0) checkpoint::write_trace(db, *owner);
    return gone;
  };
  auto pruned = link_->write(prune_once);
  if (!pruned) {
    cut = link_->read([&](engine::Connection& db) {
      const auto owner = checkpoint::find_trace(db, trace.text());
      return owner ? checkpoint::find_cut(db, *owner, keep) : Cut();
    });
    pruned = link_->write(prune_once);
  }
  if (pruned->more) link_->free_in_slices(&checkpoint::free_slice);
  return pruned->count;
}

std::size_t CheckpointStore::remove_trace(const IdRef& trace) {
  return prune(trace, 0);
}

std::uint64_t CheckpointStore::size() const {
  return link_->read([](engine::Connection& db) { return checkpoint::count_checkpoints(db); });
}

std::uint64_t CheckpointStore::size(const IdRef& trace) const {
  engine::check_id("trace", trace);
  return link_->read([&](engine::Connection& db) -> std::uint64_t {
    const auto owner = checkpoint::find_trace(db, trace.text());
    return owner ? owner->count : 0;
  });
}

}  // namespace holdfast
