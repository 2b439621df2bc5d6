// StateBackend: what a state is as a whole. Checkpoints, snapshots and views have sources of their own.
#include "content/payload.hpp"
#include "engine/link.hpp"
#include "holdfast/state.hpp"
#include "state/backend_row.hpp"
#include "state/checkpoint_row.hpp"
#include "state/entry_row.hpp"
#include "state/partition_row.hpp"
#include "state/undo_log.hpp"

#include <utility>

namespace holdfast {

namespace {

using engine::Connection;

}  // namespace

std::string PartitionKey::to_prefix() const {
  return operator_id + ':' + std::to_string(partition) + ':' + std::to_string(subtask) + ':';
}

StateBackend::StateBackend(std::shared_ptr<const engine::Link> link, std::string state)
    : StateEntries(std::move(link), std::move(state), std::nullopt) {}

StatePartition StateBackend::partition(const PartitionKey& key) const {
  return {link_, state_, key};
}

std::vector<PartitionKey> StateBackend::list_partitions() const {
  return link_->read([&](Connection& db) {
    std::vector<PartitionKey> keys;
    const auto backend = state::find_backend(db, state_);
    if (!backend) return keys;
    for (state::NamedPartition& named : state::list_partitions(db, *backend)) {
      if (named.key && state::has_entries(db, named.partition)) keys.push_back(*named.key);
    }
    return keys;
  });
}

std::uint64_t StateBackend::size_bytes() const {
  return stats().size_bytes;
}

std::uint64_t StateBackend::version() const {
  return link_->read([&](Connection& db) {
    const auto backend = state::find_backend(db, state_);
    return backend ? static_cast<std::uint64_t>(backend->version) : 0;
  });
}

StateStats StateBackend::stats() const {
  StateStats stats = link_->read([&](Connection& db) {
    const auto backend = state::find_backend(db, state_);
    if (!backend) return StateStats{};
    return StateStats{.size_bytes = static_cast<std::uint64_t>(backend->size_bytes),
                      .entries = static_cast<std::uint64_t>(backend->entry_count)};
  });
  stats.collected_at_us = link_->now_us();
  return stats;
}

std::vector<std::string> StateBackend::list_states() const {
  return link_->read([&](Connection& db) {
    std::vector<std::string> names;
    for (state::BackendRow& backend : state::list_backends(db)) {
      names.push_back(std::move(backend.name));
    }
    return names;
  });
}

bool StateBackend::remove_all() {
  return link_->write([&](Connection& db) {
    const auto backend = state::find_backend(db, state_);
    if (!backend) return false;
    state::for_each_undo_after(db, *backend, 0, [&](const state::UndoRow& undo) {
      content::remove(db, undo.content_key);
    });
    state::delete_undo_after(db, *backend, 0);
    for (const auto& checkpoint : state::list_checkpoints(db, *backend)) {
      state::delete_checkpoint_row(db, checkpoint);
    }
    for (const state::NamedPartition& named : state::list_partitions(db, *backend)) {
      state::delete_entries(db, named.partition);
    }
    state::delete_partition_rows(db, backend->backend_key);
    state::delete_backend_row(db, backend->backend_key);
    return true;
  });
}

}  // namespace holdfast
