// The entries of one state that are kept in memory: changes that the file does not have yet, and copies of
// what it has.
//
// Copies go when the memory is needed (second chance: the least recently asked for, roughly); changes stay
// until the file has them. What the state counts with its changes is kept up to date as far as it is known
// what the file has under a changed key. Where it is not, since nobody has looked, the key is in unknown().
//
// Errors   full: the changes alone would be more than the budget; nothing has changed
// Threads  reading by several at a time, changing by one: the owner's lock (write_back.hpp)
#pragma once

#include "holdfast/bytes.hpp"
#include "holdfast/state.hpp"
#include "state/key_range.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace holdfast::state {

class BufferedPartition;

struct BufferedEntry {
  // What the file has: the length of the value, or one of these.
  static constexpr std::int64_t kUnknown = -2;
  static constexpr std::int64_t kAbsent = -1;
  static constexpr std::size_t kNowhere = ~std::size_t{0};

  BufferedPartition* partition = nullptr;
  const std::string* key = nullptr;
  Bytes value = {};
  std::int64_t in_file = kUnknown;
  std::size_t place = kNowhere;  // among those that can go
  bool filled = false;           // false: made for a change that is about to happen
  bool present = false;          // false: the key is not there
  bool changed = false;          // not in the file yet
  mutable std::atomic<bool> asked_for{false};

  std::optional<Bytes> copy() const {
    // Asked first: most of the time it is set, and the line stays shared.
    if (!asked_for.load(std::memory_order_relaxed))
      asked_for.store(true, std::memory_order_relaxed);
    if (!present) return std::nullopt;
    return value;
  }
};

// A key of the file with what it is now.
struct Change {
  Bytes key = {};
  std::optional<Bytes> value = std::nullopt;  // none: removed
};

class BufferedPartition {
 public:
  explicit BufferedPartition(std::optional<PartitionKey> key) : key_(std::move(key)) {}

  const std::optional<PartitionKey>& key() const { return key_; }
  const BufferedEntry* find(BytesView key) const {
    const auto found = entries_.find(as_text(key));
    return found == entries_.end() ? nullptr : &found->second;
  }

 private:
  friend class ChangeBuffer;
  struct Hash {
    using is_transparent = void;
    // Not noexcept: so the table keeps each key's hash, and comparing stays off other keys.
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>()(key);
    }
  };
  struct ByKey {
    using is_transparent = void;
    bool operator()(const BufferedEntry* a, const BufferedEntry* b) const {
      return *a->key < *b->key;
    }
    bool operator()(const BufferedEntry* a, std::string_view b) const { return *a->key < b; }
    bool operator()(std::string_view a, const BufferedEntry* b) const { return a < *b->key; }
  };

  std::optional<PartitionKey> key_;
  std::unordered_map<std::string, BufferedEntry, Hash, std::equal_to<>> entries_;
  // Changed entries; new ones wait until somebody needs the order.
  std::set<BufferedEntry*, ByKey> ordered_;
  std::vector<BufferedEntry*> unordered_;
};

class ChangeBuffer {
 public:
  explicit ChangeBuffer(std::uint64_t budget_bytes) : budget_bytes_(budget_bytes) {}
  ChangeBuffer(const ChangeBuffer&) = delete;
  ChangeBuffer& operator=(const ChangeBuffer&) = delete;
  ~ChangeBuffer() = default;

  // Made if it is not there; it stays as long as the buffer.
  BufferedPartition& partition(const std::optional<PartitionKey>& key);

  void put(BufferedPartition& partition, BytesView key, BytesView value);
  // All of them, or none.
  void put_batch(BufferedPartition& partition,
                 const std::vector<std::pair<BytesView, BytesView>>& entries);
  // Of a key that is here and present, or that is not here and in the file with `in_file` bytes.
  void remove(BufferedPartition& partition, BytesView key, std::int64_t in_file);
  // A copy of what the file has, unless there is an entry or no room.
  void keep(BufferedPartition& partition, BytesView key, const std::optional<Bytes>& value);

  bool has_changes() const { return change_count_ > 0; }
  std::size_t change_count() const { return change_count_; }
  std::uint64_t change_bytes() const { return change_bytes_; }
  // What the changes add to the figures of the file, but for the unknown ones.
  std::int64_t entries_delta() const { return entries_delta_; }
  std::int64_t bytes_delta() const { return bytes_delta_; }
  // Changed entries of which it is not known what the file has.
  const std::vector<BufferedEntry*>& unknown() const { return unknown_; }
  void learn_unknown(const std::vector<std::int64_t>& in_file);  // as unknown() lists them

  // From here to the next change the functions below may be called by several threads at a time.
  void order();
  // Partitions by operator, partition, subtask, the flat entries first; their changes by key.
  template <class Visit>  // visit(partition, entries)
  void for_each_changed(const Visit& visit) const {
    for (const auto& named : partitions_) {
      if (!named.second.ordered_.empty()) visit(named.second, named.second.ordered_);
    }
  }
  // Copies of the changes in a range, in the order of the scan, until `limit` present ones are there.
  static std::vector<Change> changes_in(const BufferedPartition& partition,
                                        const KeyRange& range,
                                        bool reverse,
                                        std::size_t limit);

  // The file has all changes now. Needs no memory.
  void settle() noexcept;
  void forget(BufferedPartition& partition, BytesView key) noexcept;
  // All entries; the partitions stay.
  void clear() noexcept;

 private:
  using Name = std::tuple<std::string, std::uint32_t, std::uint32_t>;

  static std::uint64_t cost_of(std::size_t key_bytes, std::size_t value_bytes);
  static std::uint64_t cost_of(const BufferedEntry& entry) {
    return cost_of(entry.key->size(), entry.value.size());
  }
  BufferedEntry& prepare(BufferedPartition& partition, BytesView key);
  void forget_prepared(BufferedEntry& entry) noexcept;
  void check_budget(std::uint64_t more, std::uint64_t less) const;
  void set(BufferedEntry& entry, BytesView value);
  void replace(BufferedEntry& entry, Bytes&& value) noexcept;
  void begin_change(BufferedEntry& entry) noexcept;
  void end_change(BufferedEntry& entry, bool present) noexcept;
  void settle_entry(BufferedEntry& entry) noexcept;
  void count(const BufferedEntry& entry, std::int64_t sign) noexcept;
  void erase(BufferedEntry& entry) noexcept;
  void enter_ring(BufferedEntry& entry) noexcept;
  void leave_ring(BufferedEntry& entry) noexcept;
  void make_room() noexcept;

  std::uint64_t budget_bytes_;
  std::map<Name, BufferedPartition> partitions_;
  std::size_t entry_count_ = 0;
  std::uint64_t bytes_ = 0;         // of all entries
  std::uint64_t change_bytes_ = 0;  // of the changed ones
  std::size_t change_count_ = 0;
  std::int64_t entries_delta_ = 0;
  std::int64_t bytes_delta_ = 0;
  std::vector<BufferedEntry*> unknown_;
  // Copies that can go, with the hand of the clock. A changed one leaves when the hand meets it.
  std::vector<BufferedEntry*> ring_;
  std::size_t hand_ = 0;
};

}  // namespace holdfast::state
