// StateBackend: what a state is as a whole. Checkpoints, snapshots and views have sources of their own.
#include "content/payload.hpp"
#include "engine/link.hpp"
#include "holdfast/state.hpp"
#include "state/backend_row.hpp"
#include "state/checkpoint_row.hpp"
#include "state/entry_row.hpp"
#include "state/ownership.hpp"
#include "state/partition_row.hpp"
#include "state/undo_log.hpp"
#include "state/write_back.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace holdfast {

namespace {

using engine::Connection;

// As list_partitions orders them.
using Name = std::tuple<std::string, std::uint32_t, std::uint32_t>;

Name name_of(const PartitionKey& key) {
  return {key.operator_id, key.partition, key.subtask};
}

std::map<Name, state::Changes> by_name(std::vector<state::Changes> changes) {
  std::map<Name, state::Changes> named;
  for (state::Changes& of_partition : changes) {
    const Name name = of_partition.partition ? name_of(*of_partition.partition) : Name();
    named.emplace(name, std::move(of_partition));
  }
  return named;
}

}  // namespace

std::string PartitionKey::to_prefix() const {
  return operator_id + ':' + std::to_string(partition) + ':' + std::to_string(subtask) + ':';
}

StateBackend::StateBackend(std::shared_ptr<const engine::Link> link, std::string state)
    : StateEntries(std::move(link), std::move(state), std::nullopt) {}

StateBackend::StateBackend(std::shared_ptr<const engine::Link> link,
                           std::string state,
                           const StateOptions& options)
    : StateEntries(std::move(link), std::move(state), std::nullopt) {
  if (options.mode == StateMode::write_through) return;
  auto owner = state::open_write_back(*link_, state_, options);
  auto* const flat = &owner->partition(std::nullopt);
  buffered_ = std::make_shared<const state::Buffered>(state::Buffered{std::move(owner), flat});
}

StatePartition StateBackend::partition(const PartitionKey& key) const {
  StatePartition partition(link_, state_, key);
  if (buffered_) {
    partition.buffered_ = std::make_shared<const state::Buffered>(
        state::Buffered{buffered_->owner, &buffered_->owner->partition(key)});
  }
  return partition;
}

StateMode StateBackend::mode() const {
  return buffered_ ? StateMode::write_back : StateMode::write_through;
}

void StateBackend::flush() {
  if (buffered_) buffered_->owner->flush();
}

void StateBackend::close() {
  if (buffered_) buffered_->owner->close();
}

std::vector<PartitionKey> StateBackend::list_partitions() const {
  return link_->read([&](Connection& db) {
    std::map<Name, state::Changes> changes;
    if (in_memory()) changes = by_name(buffered_->owner->all_changes(db));
    join_for_read(db);
    std::map<Name, PartitionKey> keys;
    const auto backend = state::find_backend(db, state_);
    if (!backend) return std::vector<PartitionKey>();
    for (const auto& [name, changed] : changes) {
      if (!changed.partition) continue;
      const auto is_there = [](const state::Change& change) { return change.value.has_value(); };
      if (std::any_of(changed.entries.begin(), changed.entries.end(), is_there))
        keys.emplace(name, *changed.partition);
    }
    for (state::NamedPartition& named : state::list_partitions(db, *backend)) {
      if (!named.key) continue;
      const auto changed = changes.find(name_of(*named.key));
      const bool stays =
          changed == changes.end()
              ? state::has_entries(db, named.partition)
              : state::has_others(db, named.partition, *backend, changed->second.entries);
      if (stays) keys.emplace(name_of(*named.key), *named.key);
    }
    std::vector<PartitionKey> list;
    list.reserve(keys.size());
    for (auto& named : keys)
      list.push_back(std::move(named.second));
    return list;
  });
}

std::uint64_t StateBackend::size_bytes() const {
  return stats().size_bytes;
}

std::uint64_t StateBackend::version() const {
  if (in_memory()) return buffered_->owner->version();
  return link_->read([&](Connection& db) {
    join_for_read(db);
    const auto backend = state::find_backend(db, state_);
    return backend ? static_cast<std::uint64_t>(backend->version) : 0;
  });
}

StateStats StateBackend::stats() const {
  if (in_memory()) {
    StateStats stats = buffered_->owner->stats();
    stats.collected_at_us = link_->now_us();
    return stats;
  }
  StateStats stats = link_->read([&](Connection& db) {
    join_for_read(db);
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
  const std::int64_t now_us = link_->now_us();
  return link_->write([&](Connection& db) {
    state::join(buffered_, db, state::Touch::write_all);
    auto backend = state::find_backend(db, state_);
    if (!backend) return false;
    const std::int64_t token = state::token_of(buffered_);
    state::require_owner(db, *backend, token);
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
    if (token == 0) return true;
    // Its owner goes on with an empty one.
    state::BackendRow empty = state::find_or_make_backend(db, state_, now_us);
    empty.owner_token = token;
    state::save_backend(db, empty);
    return backend->version > 0 || backend->newest_checkpoint > 0;
  });
}

}  // namespace holdfast
