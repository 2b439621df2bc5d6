// StateView: a state as it was at a retained checkpoint.
#include "engine/arguments.hpp"
#include "engine/link.hpp"
#include "holdfast/state.hpp"
#include "state/backend_row.hpp"
#include "state/checkpoint_row.hpp"
#include "state/entry_row.hpp"
#include "state/key_range.hpp"
#include "state/partition_row.hpp"

#include <utility>

namespace holdfast {

namespace {

using engine::Connection;

// The checkpoint is looked up at each read, since it may have been dropped.
struct Instant {
  state::BackendRow backend;
  std::int64_t interval;

  Instant(Connection& db, std::string_view name, std::uint64_t checkpoint)
      : backend(find(db, name, checkpoint)),
        interval(state::require_checkpoint(db, backend, checkpoint).interval) {}

 private:
  static state::BackendRow find(Connection& db, std::string_view name, std::uint64_t checkpoint) {
    auto found = state::find_backend(db, name);
    if (!found) state::throw_no_checkpoint(name, checkpoint);
    return *std::move(found);
  }
};

}  // namespace

StateView::StateView(std::shared_ptr<const engine::Link> link,
                     std::string state,
                     std::uint64_t checkpoint)
    : link_(std::move(link)), state_(std::move(state)), checkpoint_(checkpoint) {}

StateView StateBackend::read_at(std::uint64_t id) const {
  link_->read([&](Connection& db) { Instant(db, state_, id); });
  return {link_, state_, id};
}

std::optional<Bytes> StateView::get(BytesView key) const {
  return get_from(std::nullopt, key);
}

std::optional<Bytes> StateView::get(const PartitionKey& partition, BytesView key) const {
  engine::check_id("operator", partition.operator_id);
  return get_from(partition, key);
}

std::vector<StateEntry> StateView::range_scan(BytesView prefix,
                                              const StateScanOptions& options) const {
  return scan(std::nullopt, prefix, options);
}

std::vector<StateEntry> StateView::range_scan(const PartitionKey& partition,
                                              BytesView prefix,
                                              const StateScanOptions& options) const {
  engine::check_id("operator", partition.operator_id);
  return scan(partition, prefix, options);
}

std::optional<Bytes> StateView::get_from(const std::optional<PartitionKey>& key_of_partition,
                                         BytesView key) const {
  engine::check_key(key);
  return link_->read([&](Connection& db) -> std::optional<Bytes> {
    const Instant instant(db, state_, checkpoint_);
    const auto partition = state::find_partition(db, instant.backend, key_of_partition);
    if (!partition) return std::nullopt;
    return state::get_entry_at(db, *partition, instant.interval, key);
  });
}

std::vector<StateEntry> StateView::scan(const std::optional<PartitionKey>& key_of_partition,
                                        BytesView prefix,
                                        const StateScanOptions& options) const {
  const auto range = state::within(state::KeyRange::of_prefix(prefix), options);
  return link_->read([&](Connection& db) {
    std::vector<StateEntry> entries;
    const Instant instant(db, state_, checkpoint_);
    const auto partition = state::find_partition(db, instant.backend, key_of_partition);
    if (!partition || options.limit == 0) return entries;
    state::scan_entries_at(db,
                           {.partition = *partition, .range = range, .reverse = options.reverse},
                           instant.interval,
                           state::collect_into(entries, options.limit));
    return entries;
  });
}

}  // namespace holdfast
