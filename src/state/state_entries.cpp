// StateEntries: the key operations, on flat entries or on those of one partition.
#include "engine/arguments.hpp"
#include "engine/link.hpp"
#include "holdfast/error.hpp"
#include "holdfast/state.hpp"
#include "state/backend_edit.hpp"
#include "state/entry_row.hpp"
#include "state/key_range.hpp"
#include "state/partition_row.hpp"

#include <utility>

namespace holdfast {

namespace {

using engine::Connection;

// What for_each reads at once.
constexpr std::size_t kPageEntries = 256;
constexpr std::size_t kPageBytes = 1 << 20;

std::vector<StateEntry> read_range(const engine::Link& link,
                                   std::string_view state,
                                   const std::optional<PartitionKey>& partition_key,
                                   state::KeyRange range,
                                   const StateScanOptions& options) {
  range = state::within(std::move(range), options);
  return link.read([&](Connection& db) {
    std::vector<StateEntry> entries;
    const auto partition = state::find_partition(db, state, partition_key);
    if (!partition || options.limit == 0) return entries;
    state::scan_entries(db,
                        {.partition = *partition, .range = range, .reverse = options.reverse},
                        state::collect_into(entries, options.limit));
    return entries;
  });
}

}  // namespace

StateEntries::StateEntries(std::shared_ptr<const engine::Link> link,
                           std::string state,
                           std::optional<PartitionKey> partition)
    : link_(std::move(link)), state_(std::move(state)), partition_(std::move(partition)) {
  engine::check_id("state", state_);
  if (partition_) engine::check_id("operator", partition_->operator_id);
}

std::optional<Bytes> StateEntries::get(BytesView key) const {
  engine::check_key(key);
  return link_->read([&](Connection& db) -> std::optional<Bytes> {
    const auto partition = state::find_partition(db, state_, partition_);
    if (!partition) return std::nullopt;
    return state::get_entry(db, *partition, key);
  });
}

bool StateEntries::contains(BytesView key) const {
  engine::check_key(key);
  return link_->read([&](Connection& db) {
    const auto partition = state::find_partition(db, state_, partition_);
    return partition && state::has_entry(db, *partition, key);
  });
}

std::vector<std::optional<Bytes>> StateEntries::multi_get(const PayloadList& keys) const {
  for (const BytesView& key : keys)
    engine::check_key(key);
  return link_->read([&](Connection& db) {
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
  put_batch({{key, value}});
}

void StateEntries::put_batch(const std::vector<std::pair<BytesView, BytesView>>& entries) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : entries) {
    engine::check_key(key);
    link_->check_payload(value.size());
    bytes += key.size() + value.size();
  }
  if (entries.empty()) return;  // or it would make the state
  const std::int64_t now_us = link_->now_us();
  link_->write(
      [&](Connection& db) {
        state::BackendEdit edit(db, state_, now_us);
        const state::Partition partition = edit.partition(partition_);
        for (const auto& [key, value] : entries)
          edit.put(partition, key, value);
        edit.save(static_cast<std::int64_t>(entries.size()));
      },
      bytes);
}

bool StateEntries::remove(BytesView key) {
  engine::check_key(key);
  return link_->write([&](Connection& db) {
    auto backend = state::find_backend(db, state_);
    if (!backend) return false;
    state::BackendEdit edit(db, *std::move(backend));
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
  return read_range(*link_, state_, partition_, state::KeyRange::of_prefix(prefix), options);
}

std::vector<StateEntry> StateEntries::range(BytesView from,
                                            const std::optional<BytesView>& to,
                                            const StateScanOptions& options) const {
  return read_range(*link_, state_, partition_, state::KeyRange::between(from, to), options);
}

void StateEntries::for_each(BytesView prefix, const EntryVisitor& visit) const {
  state::KeyRange range = state::KeyRange::of_prefix(prefix);
  const auto read_page = [&](Connection& db) {
    std::vector<StateEntry> page;
    const auto partition = state::find_partition(db, state_, partition_);
    if (!partition) return page;
    std::size_t bytes = 0;
    state::scan_entries(
        db, {.partition = *partition, .range = range}, [&](BytesView key, Bytes value) {
          bytes += key.size() + value.size();
          page.push_back({.key = to_bytes(key), .value = std::move(value)});
          return page.size() < kPageEntries && bytes < kPageBytes;
        });
    return page;
  };
  for (auto page = link_->read(read_page); !page.empty(); page = link_->read(read_page)) {
    for (const StateEntry& entry : page)
      visit(entry);
    range.go_on_after(page.back().key, false);
  }
}

}  // namespace holdfast
