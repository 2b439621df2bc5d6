// WriteBack outside of transactions: in memory where it can be, else in the file beside the changes.
#include "holdfast/error.hpp"
#include "state/partition_row.hpp"
#include "state/write_back.hpp"

#include <algorithm>
#include <map>
#include <mutex>

namespace holdfast::state {

namespace {

using engine::Connection;

}  // namespace

// While it lives, nobody else changes the state, and no transaction joins.
class WriteBack::UpdateHold {
 public:
  explicit UpdateHold(WriteBack& owner) : owner_(owner) {
    Lock lock(owner_.mutex_);
    owner_.require_open();
    owner_.wait_until_free(lock);
    owner_.held_ = Held::by_update;
    owner_.updater_ = std::this_thread::get_id();
  }
  UpdateHold(const UpdateHold&) = delete;
  UpdateHold& operator=(const UpdateHold&) = delete;
  ~UpdateHold() {
    {
      const Lock lock(owner_.mutex_);
      owner_.held_ = Held::by_nobody;
    }
    owner_.freed_.notify_all();
  }

 private:
  WriteBack& owner_;
};

std::optional<Bytes> WriteBack::get(BufferedPartition& partition, BytesView key) {
  check_call();
  {
    const SharedLock lock(mutex_);
    require_open();
    const BufferedEntry* entry = committing_ ? nullptr : partition.find(key);
    if (entry != nullptr) return entry->copy();
  }
  return read_entry(partition, key);
}

bool WriteBack::contains(BufferedPartition& partition, BytesView key) {
  check_call();
  {
    const SharedLock lock(mutex_);
    require_open();
    const BufferedEntry* entry = committing_ ? nullptr : partition.find(key);
    if (entry != nullptr) return entry->present;
  }
  return read_entry(partition, key).has_value();
}

std::vector<std::optional<Bytes>> WriteBack::multi_get(BufferedPartition& partition,
                                                       const PayloadList& keys) {
  check_call();
  {
    const SharedLock lock(mutex_);
    require_open();
    std::vector<std::optional<Bytes>> values;
    values.reserve(keys.size());
    for (const BytesView& key : keys) {
      const BufferedEntry* entry = committing_ ? nullptr : partition.find(key);
      if (entry == nullptr) break;
      values.push_back(entry->copy());
    }
    if (values.size() == keys.size()) return values;
  }
  return link_->read([&](Connection& db) {
    std::vector<std::optional<Bytes>> values(keys.size());
    std::vector<bool> in_memory(keys.size());
    {
      const SharedLock lock(mutex_);
      require_open();
      const bool buffered = goes_with(base_of(find_backend(db, name_)));
      for (std::size_t i = 0; buffered && i < keys.size(); ++i) {
        const BufferedEntry* entry = partition.find(keys[i]);
        in_memory[i] = entry != nullptr;
        if (entry != nullptr) values[i] = entry->copy();
      }
    }
    const auto place = find_partition(db, name_, partition.key());
    for (std::size_t i = 0; place && i < keys.size(); ++i) {
      if (!in_memory[i]) values[i] = get_entry(db, *place, keys[i]);
    }
    return values;
  });
}

// What was read is kept, unless a commit has begun since the snapshot.
std::optional<Bytes> WriteBack::read_entry(BufferedPartition& partition, BytesView key) {
  std::optional<std::uint64_t> generation;
  auto value = link_->read([&](Connection& db) -> std::optional<Bytes> {
    {
      const SharedLock lock(mutex_);
      require_open();
      if (goes_with(base_of(find_backend(db, name_)))) {
        const BufferedEntry* entry = partition.find(key);
        if (entry != nullptr) return entry->copy();
        generation = generation_;
      }
    }
    const auto place = find_partition(db, name_, partition.key());
    if (!place) return std::nullopt;
    return get_entry(db, *place, key);
  });
  if (!generation) return value;
  const Lock lock(mutex_, std::try_to_lock);
  const bool valid = lock.owns_lock() && condition_ == Condition::open &&
                     generation_ == *generation && held_ != Held::by_transaction;
  if (valid) buffer_.keep(partition, key, value);
  return value;
}

void WriteBack::put(BufferedPartition& partition, BytesView key, BytesView value) {
  check_call();
  Lock lock(mutex_);
  require_open();
  wait_until_free(lock);
  buffer_.put(partition, key, value);
  ++versions_;
}

void WriteBack::put_batch(BufferedPartition& partition,
                          const std::vector<std::pair<BytesView, BytesView>>& entries) {
  check_call();
  Lock lock(mutex_);
  require_open();
  wait_until_free(lock);
  buffer_.put_batch(partition, entries);
  versions_ += static_cast<std::int64_t>(entries.size());
}

// With the lock, and no entry but a present one.
void WriteBack::set_removed(BufferedPartition& partition,
                            BytesView key,
                            const std::optional<Bytes>& in_file) {
  buffer_.remove(partition,
                 key,
                 in_file ? static_cast<std::int64_t>(in_file->size()) : BufferedEntry::kAbsent);
  ++versions_;
}

bool WriteBack::remove(BufferedPartition& partition, BytesView key) {
  check_call();
  for (;;) {
    std::uint64_t generation = 0;
    {
      Lock lock(mutex_);
      require_open();
      wait_until_free(lock);
      if (const BufferedEntry* entry = partition.find(key)) {
        if (!entry->present) return false;
        set_removed(partition, key, std::nullopt);
        return true;
      }
      generation = generation_;
    }
    const auto found = read_entry(partition, key);
    Lock lock(mutex_);
    require_open();
    wait_until_free(lock);
    // Somebody was quicker: what was read is not what is there.
    if (generation_ != generation) continue;
    const BufferedEntry* entry = partition.find(key);
    if (entry != nullptr ? !entry->present : !found.has_value()) return false;
    set_removed(partition, key, found);
    return true;
  }
}

std::optional<Bytes> WriteBack::update(BufferedPartition& partition,
                                       BytesView key,
                                       const StateEntries::Updater& update) {
  check_call();
  const UpdateHold hold(*this);
  const auto current = get(partition, key);
  auto now = update(current);
  if (now) link_->check_payload(now->size());
  const Lock lock(mutex_);
  require_open();
  if (now) {
    buffer_.put(partition, key, *now);
    ++versions_;
  } else if (current) {
    set_removed(partition, key, current);
  }
  return now;
}

void WriteBack::scan(BufferedPartition& partition,
                     const KeyRange& range,
                     bool reverse,
                     std::size_t limit,
                     const EntrySink& sink) {
  check_call();
  link_->read([&](Connection& db) {
    std::vector<Change> changes;
    {
      const Lock lock(mutex_);
      require_open();
      if (goes_with(base_of(find_backend(db, name_)))) {
        if (held_ != Held::by_transaction) buffer_.order();
        changes = ChangeBuffer::changes_in(partition, range, reverse, limit);
      }
    }
    const auto place = find_partition(db, name_, partition.key());
    Merge merge(std::move(changes), reverse, sink);
    if (place) {
      scan_entries(db,
                   {.partition = *place, .range = range, .reverse = reverse},
                   [&](BytesView key, Bytes value) { return merge.take(key, std::move(value)); });
    }
    merge.finish();
  });
}

std::vector<Changes> WriteBack::all_changes(Connection& db) {
  std::vector<Changes> all;
  const Lock lock(mutex_);
  require_open();
  if (!goes_with(base_of(find_backend(db, name_)))) return all;
  if (held_ != Held::by_transaction) buffer_.order();
  buffer_.for_each_changed([&](const BufferedPartition& partition, const auto& entries) {
    all.push_back({.partition = partition.key()});
    for (const BufferedEntry* entry : entries) {
      all.back().entries.push_back({.key = to_bytes(*entry->key)});
      if (entry->present) all.back().entries.back().value = entry->value;
    }
  });
  return all;
}

StateStats WriteBack::stats() {
  check_call();
  const auto figures = [&](const Base& base) {
    return StateStats{
        .size_bytes = static_cast<std::uint64_t>(base.size_bytes + buffer_.bytes_delta()),
        .entries = static_cast<std::uint64_t>(base.entry_count + buffer_.entries_delta()),
        .changed_entries = buffer_.change_count(),
        .changed_bytes = buffer_.change_bytes()};
  };
  {
    const SharedLock lock(mutex_);
    require_open();
    if (!committing_ && buffer_.unknown().empty()) return figures(base_);
  }
  return link_->read([&](Connection& db) {
    const Lock lock(mutex_);
    require_open();
    const Base seen = base_of(find_backend(db, name_));
    if (!goes_with(seen)) {
      return StateStats{.size_bytes = static_cast<std::uint64_t>(seen.size_bytes),
                        .entries = static_cast<std::uint64_t>(seen.entry_count)};
    }
    learn_unknown(db);
    return figures(base_);
  });
}

// Each changed key is looked up once at most, whoever asks first.
void WriteBack::learn_unknown(Connection& db) {
  std::map<const BufferedPartition*, std::optional<Partition>> places;
  std::vector<std::int64_t> in_file;
  for (const BufferedEntry* entry : buffer_.unknown()) {
    auto found = places.find(entry->partition);
    if (found == places.end()) {
      found = places.emplace(entry->partition, find_partition(db, name_, entry->partition->key()))
                  .first;
    }
    std::optional<std::int64_t> bytes;
    if (found->second) bytes = find_value_bytes(db, *found->second, *entry->key);
    in_file.push_back(bytes.value_or(BufferedEntry::kAbsent));
  }
  buffer_.learn_unknown(in_file);
}

std::uint64_t WriteBack::version() {
  check_call();
  {
    const SharedLock lock(mutex_);
    require_open();
    if (!committing_) return static_cast<std::uint64_t>(base_.version + versions_);
  }
  return link_->read([&](Connection& db) {
    const SharedLock lock(mutex_);
    require_open();
    const Base seen = base_of(find_backend(db, name_));
    return static_cast<std::uint64_t>(seen.version + (goes_with(seen) ? versions_ : 0));
  });
}

}  // namespace holdfast::state
