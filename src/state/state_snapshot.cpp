// StateBackend's interchange: export and import of the whole content.
#include "engine/arguments.hpp"
#include "engine/link.hpp"
#include "holdfast/error.hpp"
#include "holdfast/state.hpp"
#include "state/backend_edit.hpp"
#include "state/backend_row.hpp"
#include "state/checkpoint_row.hpp"
#include "state/entry_row.hpp"
#include "state/key_range.hpp"
#include "state/partition_row.hpp"
#include "state/snapshot_bytes.hpp"
#include "state/write_back.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace holdfast {

namespace {

using engine::Connection;

std::string prefix_of(const std::optional<PartitionKey>& key) {
  return key ? key->to_prefix() : std::string();
}

// What an export must come to.
struct Totals {
  std::int64_t entry_count = 0;
  std::int64_t size_bytes = 0;
  bool operator==(const Totals&) const = default;
};

// Where the entries of one prefix stand: in the file, and among the changes that are not there yet.
struct Source {
  std::optional<state::Partition> partition = std::nullopt;
  std::vector<state::Change> changes = {};
};
// By prefix, so that what is added is mostly sorted already.
using Sources = std::map<std::string, Source>;

Sources list_sources(Connection& db,
                     const state::BackendRow& backend,
                     std::vector<state::Changes> changes) {
  Sources sources;
  for (const state::NamedPartition& named : state::list_partitions(db, backend))
    sources[prefix_of(named.key)].partition = named.partition;
  for (state::Changes& of_partition : changes)
    sources[prefix_of(of_partition.partition)].changes = std::move(of_partition.entries);
  return sources;
}

// All entries, as they are or as they were at the end of an interval. What is counted is the file's.
Totals add_entries(Connection& db,
                   Sources sources,
                   const std::optional<state::CheckpointRow>& checkpoint,
                   state::SnapshotWriter& writer) {
  Totals totals;
  for (auto& named : sources) {
    const state::EntrySink add = [&](BytesView key, const Bytes& value) {
      writer.add(named.first, key, value);
      return true;
    };
    state::Merge merge(std::move(named.second.changes), false, add);
    const auto count = [&](BytesView key, Bytes value) {
      ++totals.entry_count;
      totals.size_bytes += static_cast<std::int64_t>(key.size() + value.size());
      return merge.take(key, std::move(value));
    };
    if (named.second.partition) {
      const state::Scan scan{.partition = *named.second.partition};
      if (checkpoint) {
        state::scan_entries_at(db, scan, checkpoint->interval, count);
      } else {
        state::scan_entries(db, scan, count);
      }
    }
    merge.finish();
  }
  return totals;
}

// The entries of a snapshot that go to one partition, their keys without its prefix. Sorted, since they
// were sorted with it.
struct Group {
  std::optional<PartitionKey> partition = std::nullopt;  // none: flat
  std::vector<state::SnapshotEntry> entries = {};
};

// By prefix; the flat ones have the empty one.
using Groups = std::map<std::string, Group, std::less<>>;

// Where prefixes contain each other (an operator's name may hold colons), the longest one takes the key.
// Only lengths that a prefix has are tried: a key of 65,535 colons costs no more than any other.
Groups distribute(const state::Snapshot& snapshot, const std::vector<PartitionKey>& partitions) {
  Groups groups;
  std::set<std::size_t, std::greater<>> lengths = {0};
  groups.try_emplace("");
  for (const PartitionKey& key : partitions) {
    engine::check_id("operator", key.operator_id);
    const std::string prefix = key.to_prefix();
    lengths.insert(prefix.size());
    groups.try_emplace(prefix, Group{.partition = key});
  }
  for (const state::SnapshotEntry& entry : snapshot.entries) {
    for (const std::size_t length : lengths) {
      if (length > entry.key.size()) continue;
      const auto group = groups.find(as_text(entry.key.first(length)));
      if (group == groups.end()) continue;
      const BytesView key = entry.key.subspan(length);
      group->second.entries.push_back({.key = key, .value = entry.value});
      break;
    }
  }
  return groups;
}

void check_entries(const engine::Link& link, const Groups& groups) {
  for (const auto& named : groups) {
    for (const state::SnapshotEntry& entry : named.second.entries) {
      engine::check_key(entry.key);
      link.check_payload(entry.value.size());
    }
  }
}

bool has_key(const std::vector<state::SnapshotEntry>& entries, BytesView key) {
  const auto found = std::lower_bound(
      entries.begin(), entries.end(), key, [](const state::SnapshotEntry& entry, BytesView wanted) {
        return as_text(entry.key) < as_text(wanted);
      });
  return found != entries.end() && as_text(found->key) == as_text(key);
}

// Removes what the snapshot does not have, a page of keys at a time.
void remove_others(Connection& db,
                   state::BackendEdit& edit,
                   const state::Partition& partition,
                   const std::vector<state::SnapshotEntry>& wanted) {
  state::KeyRange range;
  for (auto keys = state::list_keys(db, partition, range); !keys.empty();
       keys = state::list_keys(db, partition, range)) {
    for (const Bytes& key : keys) {
      if (!has_key(wanted, key)) edit.remove(partition, key);
    }
    range.go_on_after(keys.back(), false);
  }
}

}  // namespace

Bytes StateBackend::export_snapshot(std::uint64_t id, bool of_checkpoint) const {
  return link_->read([&](Connection& db) {
    state::SnapshotWriter writer(id);
    std::vector<state::Changes> changes;
    if (in_memory() && !of_checkpoint) changes = buffered_->owner->all_changes(db);
    join_for_read(db);
    const auto backend = state::find_backend(db, state_);
    if (!backend) {
      if (of_checkpoint) state::throw_no_checkpoint(state_, id);
      return std::move(writer).finish();
    }
    std::optional<state::CheckpointRow> checkpoint;
    if (of_checkpoint) checkpoint = state::require_checkpoint(db, *backend, id);
    const Totals expected = checkpoint ? Totals{checkpoint->entry_count, checkpoint->size_bytes}
                                       : Totals{backend->entry_count, backend->size_bytes};
    // Rows that are lost have no digest to fail; the totals tell.
    auto sources = list_sources(db, *backend, std::move(changes));
    if (add_entries(db, std::move(sources), checkpoint, writer) != expected) {
      state::throw_corrupt("the count of entries", state_);
    }
    return std::move(writer).finish();
  });
}

std::uint64_t StateBackend::import_snapshot(BytesView bytes,
                                            const std::vector<PartitionKey>& partitions) {
  const state::Snapshot snapshot = state::read_snapshot(bytes);
  const Groups groups = distribute(snapshot, partitions);
  check_entries(*link_, groups);
  const std::int64_t now_us = link_->now_us();
  link_->write(
      [&](Connection& db) {
        state::join(buffered_, db, state::Touch::write_all);
        state::BackendEdit edit(db, state_, now_us);
        edit.require_owner(state::token_of(buffered_));
        const auto old = state::list_partitions(db, edit.row());
        for (const state::NamedPartition& named : old) {
          const auto group = groups.find(prefix_of(named.key));
          remove_others(
              db,
              edit,
              named.partition,
              group == groups.end() ? std::vector<state::SnapshotEntry>() : group->second.entries);
        }
        for (const auto& named : groups) {
          const Group& group = named.second;
          if (group.entries.empty()) continue;
          const state::Partition partition = edit.partition(group.partition);
          for (const auto& entry : group.entries)
            edit.put(partition, entry.key, entry.value);
        }
        for (const auto& named : old)
          state::forget_if_empty(db, named.partition);
        edit.save(1);
      },
      bytes.size());
  return snapshot.id;
}

}  // namespace holdfast
