// StateEntries: the key operations, on flat entries or on those of one partition.
#include "engine/arguments.hpp"
#include "engine/link.hpp"
#include "holdfast/error.hpp"
#include "holdfast/state.hpp"
#include "state/backend_edit.hpp"
#include "state/entry_row.hpp"
#include "state/key_range.hpp"
#include "state/ownership.hpp"
#include "state/partition_row.hpp"
#include "state/write_back.hpp"

#include <utility>

namespace holdfast {

namespace {

using engine::Connection;

// What for_each reads at once.
constexpr std::size_t kPageEntries = 256;
constexpr std::size_t kPageBytes = 1 << 20;

}  // namespace

StateEntries::StateEntries(std::shared_ptr<const engine::Link> link,
                           std::string state,
                           std::optional<PartitionKey> partition)
    : link_(std::move(link)), state_(std::move(state)), partition_(std::move(partition)) {
  engine::check_id("state", state_);
  if (partition_) engine::check_id("operator", partition_->operator_id);
}

// In a transaction of this thread the file is worked on, where the changes are (write_back.hpp); in read()
// it is read as of its instant.
bool StateEntries::in_memory() const {
  return buffered_ && !link_->in_transaction();
}

void StateEntries::join_for_read(Connection& db) const {
  if (buffered_ && link_->in_write()) state::join(buffered_, db, state::Touch::read);
}

std::optional<Bytes> StateEntries::get(BytesView key) const {
  engine::check_key(key);
  if (in_memory()) return buffered_->owner->get(*buffered_->partition, key);
  return link_->read([&](Connection& db) -> std::optional<Bytes> {
    join_for_read(db);
    const auto partition = state::find_partition(db, state_, partition_);
    if (!partition) return std::nullopt;
    return state::get_entry(db, *partition, key);
  });
}

bool StateEntries::contains(BytesView key) const {
  engine::check_key(key);
  if (in_memory()) return buffered_->owner->contains(*buffered_->partition, key);
  return link_->read([&](Connection& db) {
    join_for_read(db);
    const auto partition = state::find_partition(db, state_, partition_);
    return partition && state::has_entry(db, *partition, key);
  });
}

std::vector<std::optional<Bytes>> StateEntries::multi_get(const PayloadList& keys) const {
  for (const BytesView& key : keys)
    engine::check_key(key);
  if (in_memory()) return buffered_->owner->multi_get(*buffered_->partition, keys);
  return link_->read([&](Connection& db) {
    join_for_read(db);
    std::vector<std::optional<Bytes>> values(keys.size());
    const auto partition = state::find_partition(db, state_, partition_);
    if (!partition) return values;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      values[i] = state::get_entry(db, *partition, keys[i]);
    }
    return values;
  });
}

void StateEntries::put(BytesView key, BytesView value) {
  if (!in_memory()) return put_batch({{key, value}});
  engine::check_key(key);
  link_->check_payload(value.size());
  buffered_->owner->put(*buffered_->partition, key, value);
}

void StateEntries::put_batch(const std::vector<std::pair<BytesView, BytesView>>& entries) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : entries) {
    engine::check_key(key);
    link_->check_payload(value.size());
    bytes += key.size() + value.size();
  }
  if (entries.empty()) return;  // or it would make the state
  if (in_memory()) return buffered_->owner->put_batch(*buffered_->partition, entries);
  const std::int64_t now_us = link_->now_us();
  link_->write(
      [&](Connection& db) {
        state::join(buffered_, db, state::Touch::write);
        state::BackendEdit edit(db, state_, now_us);
        edit.require_owner(state::token_of(buffered_));
        const state::Partition partition = edit.partition(partition_);
        for (const auto& [key, value] : entries) {
          if (buffered_) buffered_->owner->touch(*buffered_->partition, key);
          edit.put(partition, key, value);
        }
        edit.save(static_cast<std::int64_t>(entries.size()));
      },
      bytes);
}

bool StateEntries::remove(BytesView key) {
  engine::check_key(key);
  if (in_memory()) return buffered_->owner->remove(*buffered_->partition, key);
  return link_->write([&](Connection& db) {
    state::join(buffered_, db, state::Touch::write);
    auto backend = state::find_backend(db, state_);
    if (!backend) return false;
    state::BackendEdit edit(db, *std::move(backend));
    edit.require_owner(state::token_of(buffered_));
    if (buffered_) buffered_->owner->touch(*buffered_->partition, key);
    const auto partition = state::find_partition(db, edit.row(), partition_);
    if (!partition || !edit.remove(*partition, key)) return false;
    state::forget_if_empty(db, *partition);
    edit.save(1);
    return true;
  });
}

// The caller's function must run in the caller's thread, and once: so this is a transaction that it
// runs in, not a closed operation.
std::optional<Bytes> StateEntries::update(BytesView key, const Updater& update) {
  engine::check_key(key);
  if (!update) throw Error(ErrorCode::invalid_argument, "the update function is empty");
  if (in_memory()) return buffered_->owner->update(*buffered_->partition, key, update);
  std::optional<Bytes> now;
  link_->transact(
      [&] {
        now = update(get(key));
        if (now) {
          put(key, *now);
        } else {
          remove(key);
        }
      },
      {});
  return now;
}

std::vector<StateEntry> StateEntries::range_scan(BytesView prefix,
                                                 const StateScanOptions& options) const {
  return scan(state::KeyRange::of_prefix(prefix), options);
}

std::vector<StateEntry> StateEntries::range(BytesView from,
                                            const std::optional<BytesView>& to,
                                            const StateScanOptions& options) const {
  return scan(state::KeyRange::between(from, to), options);
}

std::vector<StateEntry> StateEntries::scan(const state::KeyRange& whole,
                                           const StateScanOptions& options) const {
  const state::KeyRange range = state::within(whole, options);
  std::vector<StateEntry> entries;
  if (options.limit == 0) return entries;
  const auto sink = state::collect_into(entries, options.limit);
  if (in_memory()) {
    buffered_->owner->scan(*buffered_->partition, range, options.reverse, options.limit, sink);
    return entries;
  }
  link_->read([&](Connection& db) {
    join_for_read(db);
    const auto partition = state::find_partition(db, state_, partition_);
    if (!partition) return;
    state::scan_entries(
        db, {.partition = *partition, .range = range, .reverse = options.reverse}, sink);
  });
  return entries;
}

void StateEntries::for_each(BytesView prefix, const EntryVisitor& visit) const {
  state::KeyRange range = state::KeyRange::of_prefix(prefix);
  const auto read_page = [&] {
    std::vector<StateEntry> page;
    std::size_t bytes = 0;
    const auto sink = [&](BytesView key, Bytes value) {
      bytes += key.size() + value.size();
      page.push_back({.key = to_bytes(key), .value = std::move(value)});
      return page.size() < kPageEntries && bytes < kPageBytes;
    };
    if (in_memory()) {
      buffered_->owner->scan(*buffered_->partition, range, false, kPageEntries, sink);
      return page;
    }
    link_->read([&](Connection& db) {
      join_for_read(db);
      const auto partition = state::find_partition(db, state_, partition_);
      if (partition) state::scan_entries(db, {.partition = *partition, .range = range}, sink);
    });
    return page;
  };
  for (auto page = read_page(); !page.empty(); page = read_page()) {
    for (const StateEntry& entry : page)
      visit(entry);
    range.go_on_after(page.back().key, false);
  }
}

}  // namespace holdfast
