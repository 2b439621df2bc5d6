// StateBackend's checkpoints: intervals and undo.
#include "content/payload.hpp"
#include "defect.hpp"
#include "engine/link.hpp"
#include "holdfast/error.hpp"
#include "holdfast/state.hpp"
#include "state/backend_edit.hpp"
#include "state/checkpoint_row.hpp"
#include "state/undo_log.hpp"
#include "state/write_back.hpp"

#include <set>
#include <utility>

namespace holdfast {

namespace {

using engine::Connection;

// Puts every key back that has changed since the checkpoint, each once, whatever lies between. Says how
// many undo rows there were.
std::int64_t undo_all(Connection& db,
                      state::BackendEdit& edit,
                      const state::CheckpointRow& checkpoint) {
  std::set<std::int64_t> partitions;
  std::int64_t rows = 0;
  std::int64_t done_partition = 0;
  std::optional<Bytes> done_key;
  state::for_each_undo_after(db, edit.row(), checkpoint.interval, [&](const state::UndoRow& undo) {
    ++rows;
    const bool done =
        done_partition == undo.partition_key && done_key && as_text(*done_key) == as_text(undo.key);
    if (done) return content::remove(db, undo.content_key);  // of a value between
    edit.put_back(undo);
    done_partition = undo.partition_key;
    done_key = to_bytes(undo.key);
    partitions.insert(undo.partition_key);
  });
  state::delete_undo_after(db, edit.row(), checkpoint.interval);
  for (const std::int64_t key : partitions) {
    state::forget_if_empty(db, {.backend_key = edit.row().backend_key, .partition_key = key});
  }
  return rows;
}

// After a drop the rows that stay belong to the earlier checkpoint; if it is the newest now, to the head.
void hand_over(Connection& db,
               state::BackendRow& backend,
               const state::CheckpointRow& dropped,
               std::int64_t freed) {
  const bool was_newest = dropped.interval == backend.newest_checkpoint;
  auto earlier = state::find_before(db, backend, dropped.interval);
  const std::int64_t stay = (was_newest ? backend.undo_count : dropped.undo_count) - freed;
  if (stay < 0 || (!earlier && stay != 0)) state::throw_corrupt("the undo log", backend.name);
  if (was_newest) {
    backend.undo_count = stay + (earlier ? earlier->undo_count : 0);
    if (earlier) earlier->undo_count = 0;
    state::save_backend(db, backend);
  } else if (earlier) {
    earlier->undo_count += stay;
  }
  if (earlier) state::save_undo_count(db, *earlier);
}

state::BackendRow require_backend(Connection& db, std::string_view name, std::uint64_t id) {
  auto backend = state::find_backend(db, name);
  if (!backend) state::throw_no_checkpoint(name, id);
  return *std::move(backend);
}

}  // namespace

void StateBackend::checkpoint(std::uint64_t id) {
  const std::int64_t now_us = link_->now_us();
  link_->write([&](Connection& db) {
    state::join(buffered_, db, state::Touch::write);
    state::BackendEdit edit(db, state_, now_us);
    edit.require_owner(state::token_of(buffered_));
    if (state::find_checkpoint(db, edit.row(), id)) {
      throw Error(ErrorCode::already_exists,
                  "state " + state_ + " has a checkpoint " + std::to_string(id),
                  {.id = std::to_string(id)});
    }
    if (auto newest = state::find_before(db, edit.row(), edit.row().interval)) {
      newest->undo_count = edit.row().undo_count;
      state::save_undo_count(db, *newest);
    }
    state::insert_checkpoint(db, edit.row(), id, now_us);
    edit.begin_interval();
    edit.save(0);
  });
}

std::vector<StateCheckpointInfo> StateBackend::list_checkpoints() const {
  return link_->read([&](Connection& db) {
    std::vector<StateCheckpointInfo> infos;
    const auto backend = state::find_backend(db, state_);
    if (!backend) return infos;
    for (const state::CheckpointRow& row : state::list_checkpoints(db, *backend)) {
      infos.push_back({.id = row.id,
                       .created_at_us = row.created_at_us,
                       .version = static_cast<std::uint64_t>(row.version),
                       .entries = static_cast<std::uint64_t>(row.entry_count),
                       .size_bytes = static_cast<std::uint64_t>(row.size_bytes)});
    }
    return infos;
  });
}

std::vector<std::uint64_t> StateBackend::restore(std::uint64_t id) {
  return link_->write([&](Connection& db) {
    state::join(buffered_, db, state::Touch::write_all);
    state::BackendEdit edit(db, require_backend(db, state_, id));
    edit.require_owner(state::token_of(buffered_));
    state::CheckpointRow checkpoint = state::require_checkpoint(db, edit.row(), id);
    std::int64_t expected_rows = checkpoint.undo_count + edit.row().undo_count;
    std::vector<std::uint64_t> dropped;
    for (const auto& later : state::list_checkpoints(db, edit.row(), checkpoint.interval)) {
      expected_rows += later.undo_count;
      state::delete_checkpoint_row(db, later);
      dropped.push_back(later.id);
    }
    const std::int64_t rows = undo_all(db, edit, checkpoint);
    // A row that is lost would leave its key as it is now, in silence; the counts tell. The sum tells
    // of an entry that was put back over one that an old page had brought.
    if (rows != expected_rows || edit.row().entry_count != checkpoint.entry_count ||
        edit.row().size_bytes != checkpoint.size_bytes ||
        edit.row().entries_digest != checkpoint.entries_digest) {
      state::throw_corrupt("the undo log", state_);
    }
    checkpoint.undo_count = 0;
    state::save_undo_count(db, checkpoint);
    if (!planted("interval_used_again")) edit.begin_interval();
    edit.save(1);
    return dropped;
  });
}

bool StateBackend::drop_checkpoint(std::uint64_t id) {
  return link_->write([&](Connection& db) {
    state::join(buffered_, db, state::Touch::write);
    auto backend = state::find_backend(db, state_);
    if (!backend) return false;
    const auto checkpoint = state::find_checkpoint(db, *backend, id);
    if (!checkpoint) return false;
    state::require_owner(db, *backend, state::token_of(buffered_));
    const auto earlier = state::find_before(db, *backend, checkpoint->interval);
    const auto later = state::find_after(db, *backend, checkpoint->interval);
    const std::int64_t freed =
        state::free_undo_of(db,
                            *backend,
                            {.since = earlier ? earlier->interval : 0,
                             .interval = checkpoint->interval,
                             .until = later ? later->interval : backend->interval});
    hand_over(db, *backend, *checkpoint, freed);
    state::delete_checkpoint_row(db, *checkpoint);
    return true;
  });
}

}  // namespace holdfast
