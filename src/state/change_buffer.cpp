#include "state/change_buffer.hpp"

#include "holdfast/error.hpp"

#include <algorithm>
#include <iterator>

namespace holdfast::state {

namespace {

// Of an entry beside its key and value: the nodes of the table and of the order, and their allocations.
constexpr std::uint64_t kEntryBytes = 250;

// Room for `more`, doubled as push_back does.
template <class Vector>
void reserve_more(Vector& vector, std::size_t more) {
  const std::size_t size = vector.size() + more;
  if (vector.capacity() < size) vector.reserve(std::max<std::size_t>(64, 2 * size));
}

}  // namespace

BufferedPartition& ChangeBuffer::partition(const std::optional<PartitionKey>& key) {
  const Name name = key ? Name(key->operator_id, key->partition, key->subtask) : Name("", 0, 0);
  return partitions_.try_emplace(name, key).first->second;
}

std::uint64_t ChangeBuffer::cost_of(std::size_t key_bytes, std::size_t value_bytes) {
  return kEntryBytes + key_bytes + value_bytes;
}

void ChangeBuffer::check_budget(std::uint64_t more, std::uint64_t less) const {
  const std::uint64_t bytes = change_bytes_ - less + more;
  if (bytes <= budget_bytes_ || more <= less) return;
  throw Error(
      ErrorCode::full,
      "the changes in memory would be more than StateOptions::memory_budget_bytes: flush first",
      {.expected = budget_bytes_, .actual = bytes});
}

// The entry, and room for whatever becomes of it: from here on nothing allocates but its value.
BufferedEntry& ChangeBuffer::prepare(BufferedPartition& partition, BytesView key) {
  reserve_more(partition.unordered_, 1);
  const auto found = partition.entries_.find(as_text(key));
  if (found != partition.entries_.end()) return found->second;
  reserve_more(unknown_, 1);
  reserve_more(ring_, entry_count_ + 1 - ring_.size());
  const auto made = partition.entries_.try_emplace(std::string(as_text(key))).first;
  BufferedEntry& entry = made->second;
  entry.partition = &partition;
  entry.key = &made->first;
  ++entry_count_;
  bytes_ += cost_of(entry);
  return entry;
}

void ChangeBuffer::forget_prepared(BufferedEntry& entry) noexcept {
  if (!entry.filled) erase(entry);
}

void ChangeBuffer::put(BufferedPartition& partition, BytesView key, BytesView value) {
  BufferedEntry& entry = prepare(partition, key);
  try {
    check_budget(cost_of(key.size(), value.size()), entry.changed ? cost_of(entry) : 0);
    set(entry, value);
  } catch (...) {
    forget_prepared(entry);
    throw;
  }
  make_room();
}

// In place where the value fits and does not leave much unused.
void ChangeBuffer::set(BufferedEntry& entry, BytesView value) {
  const std::size_t room = entry.value.capacity();
  if (value.size() > room || room > 2 * value.size() + 64) {
    return replace(entry, to_bytes(value));
  }
  begin_change(entry);
  entry.value.assign(value.begin(), value.end());
  end_change(entry, true);
}

void ChangeBuffer::replace(BufferedEntry& entry, Bytes&& value) noexcept {
  begin_change(entry);
  entry.value.swap(value);
  end_change(entry, true);
}

void ChangeBuffer::put_batch(BufferedPartition& partition,
                             const std::vector<std::pair<BytesView, BytesView>>& entries) {
  std::vector<Bytes> values;
  std::vector<BufferedEntry*> prepared;
  values.reserve(entries.size());
  prepared.reserve(entries.size());
  reserve_more(partition.unordered_, entries.size());
  reserve_more(unknown_, entries.size());
  std::uint64_t more = 0;
  std::uint64_t less = 0;
  try {
    for (const auto& [key, value] : entries) {
      values.push_back(to_bytes(value));
      BufferedEntry& entry = prepare(partition, key);
      prepared.push_back(&entry);
      more += cost_of(key.size(), value.size());
      if (entry.changed) less += cost_of(entry);
    }
    check_budget(more, std::min(less, change_bytes_));
  } catch (...) {
    // A key given twice has one entry.
    std::sort(prepared.begin(), prepared.end());
    prepared.erase(std::unique(prepared.begin(), prepared.end()), prepared.end());
    for (BufferedEntry* entry : prepared)
      forget_prepared(*entry);
    throw;
  }
  for (std::size_t i = 0; i < prepared.size(); ++i)
    replace(*prepared[i], std::move(values[i]));
  make_room();
}

void ChangeBuffer::remove(BufferedPartition& partition, BytesView key, std::int64_t in_file) {
  BufferedEntry& entry = prepare(partition, key);
  try {
    check_budget(cost_of(key.size(), 0), entry.changed ? cost_of(entry) : 0);
  } catch (...) {
    forget_prepared(entry);
    throw;
  }
  begin_change(entry);
  if (!entry.filled) entry.in_file = in_file;
  Bytes().swap(entry.value);
  end_change(entry, false);
  make_room();
}

void ChangeBuffer::keep(BufferedPartition& partition,
                        BytesView key,
                        const std::optional<Bytes>& value) {
  const std::size_t value_bytes = value ? value->size() : 0;
  if (change_bytes_ + cost_of(key.size(), value_bytes) > budget_bytes_) return;
  Bytes copy = value.value_or(Bytes());
  BufferedEntry& entry = prepare(partition, key);
  if (entry.filled) return;
  bytes_ += value_bytes;
  entry.value = std::move(copy);
  entry.filled = true;
  entry.present = value.has_value();
  entry.in_file = value ? static_cast<std::int64_t>(value_bytes) : BufferedEntry::kAbsent;
  enter_ring(entry);
  make_room();
}

void ChangeBuffer::learn_unknown(const std::vector<std::int64_t>& in_file) {
  for (std::size_t i = 0; i < unknown_.size(); ++i) {
    unknown_[i]->in_file = in_file.at(i);
    count(*unknown_[i], 1);
  }
  unknown_.clear();
}

void ChangeBuffer::order() {
  for (auto& named : partitions_) {
    BufferedPartition& partition = named.second;
    while (!partition.unordered_.empty()) {
      partition.ordered_.insert(partition.unordered_.back());
      partition.unordered_.pop_back();
    }
  }
}

std::vector<Change> ChangeBuffer::changes_in(const BufferedPartition& partition,
                                             const KeyRange& range,
                                             bool reverse,
                                             std::size_t limit) {
  std::vector<Change> changes;
  const auto first = partition.ordered_.lower_bound(as_text(range.from));
  const auto last = partition.ordered_.lower_bound(as_text(range.end()));
  const auto take = [&](const BufferedEntry& entry) {
    changes.push_back({.key = to_bytes(*entry.key)});
    if (!entry.present) return true;
    changes.back().value = entry.value;
    return --limit > 0;
  };
  if (limit == 0 || as_text(range.from) >= as_text(range.end())) return changes;
  if (reverse) {
    for (auto entry = last; entry != first && take(**std::prev(entry)); --entry) {
    }
  } else {
    for (auto entry = first; entry != last && take(**entry); ++entry) {
    }
  }
  return changes;
}

void ChangeBuffer::settle() noexcept {
  for (auto& named : partitions_) {
    BufferedPartition& partition = named.second;
    for (BufferedEntry* entry : partition.unordered_)
      settle_entry(*entry);
    partition.unordered_.clear();
    while (!partition.ordered_.empty()) {
      BufferedEntry* entry = *partition.ordered_.begin();
      partition.ordered_.erase(partition.ordered_.begin());
      settle_entry(*entry);
    }
  }
  change_bytes_ = 0;
  change_count_ = 0;
  entries_delta_ = 0;
  bytes_delta_ = 0;
  unknown_.clear();
}

void ChangeBuffer::settle_entry(BufferedEntry& entry) noexcept {
  entry.changed = false;
  if (!entry.present) return erase(entry);
  entry.in_file = static_cast<std::int64_t>(entry.value.size());
  if (entry.place == BufferedEntry::kNowhere) enter_ring(entry);
}

void ChangeBuffer::forget(BufferedPartition& partition, BytesView key) noexcept {
  const auto found = partition.entries_.find(as_text(key));
  if (found != partition.entries_.end()) erase(found->second);
}

void ChangeBuffer::clear() noexcept {
  for (auto& named : partitions_) {
    named.second.ordered_.clear();
    named.second.unordered_.clear();
    named.second.entries_.clear();
  }
  ring_.clear();
  unknown_.clear();
  hand_ = 0;
  entry_count_ = 0;
  bytes_ = change_bytes_ = 0;
  change_count_ = 0;
  entries_delta_ = bytes_delta_ = 0;
}

// What the entry was leaves the sums.
void ChangeBuffer::begin_change(BufferedEntry& entry) noexcept {
  count(entry, -1);
  const std::uint64_t cost = cost_of(entry);
  bytes_ -= cost;
  if (entry.changed) change_bytes_ -= cost;
}

// What it is now enters them.
void ChangeBuffer::end_change(BufferedEntry& entry, bool present) noexcept {
  entry.filled = true;
  entry.present = present;
  if (!entry.changed) {
    entry.changed = true;
    ++change_count_;
    entry.partition->unordered_.push_back(&entry);
    if (entry.in_file == BufferedEntry::kUnknown) unknown_.push_back(&entry);
  }
  const std::uint64_t cost = cost_of(entry);
  bytes_ += cost;
  change_bytes_ += cost;
  count(entry, 1);
}

// Nothing for an entry that is as the file has it.
void ChangeBuffer::count(const BufferedEntry& entry, std::int64_t sign) noexcept {
  if (entry.in_file == BufferedEntry::kUnknown) return;
  const auto key_bytes = static_cast<std::int64_t>(entry.key->size());
  if (entry.present) {
    entries_delta_ += sign;
    bytes_delta_ += sign * (key_bytes + static_cast<std::int64_t>(entry.value.size()));
  }
  if (entry.in_file >= 0) {
    entries_delta_ -= sign;
    bytes_delta_ -= sign * (key_bytes + entry.in_file);
  }
}

void ChangeBuffer::erase(BufferedEntry& entry) noexcept {
  leave_ring(entry);
  bytes_ -= cost_of(entry);
  --entry_count_;
  auto& entries = entry.partition->entries_;
  entries.erase(entries.find(*entry.key));
}

void ChangeBuffer::enter_ring(BufferedEntry& entry) noexcept {
  entry.place = ring_.size();
  ring_.push_back(&entry);
}

void ChangeBuffer::leave_ring(BufferedEntry& entry) noexcept {
  if (entry.place == BufferedEntry::kNowhere) return;
  ring_[entry.place] = ring_.back();
  ring_[entry.place]->place = entry.place;
  ring_.pop_back();
  entry.place = BufferedEntry::kNowhere;
}

void ChangeBuffer::make_room() noexcept {
  while (bytes_ > budget_bytes_ && !ring_.empty()) {
    if (hand_ >= ring_.size()) hand_ = 0;
    BufferedEntry& entry = *ring_[hand_];
    if (entry.changed) {
      leave_ring(entry);
    } else if (entry.asked_for.exchange(false, std::memory_order_relaxed)) {
      ++hand_;
    } else {
      erase(entry);
    }
  }
}

}  // namespace holdfast::state
