// What the contenders are given: the same for all, and the same in every run.
#pragma once

#include "holdfast/holdfast.hpp"
#include "support/store.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

// splitmix64
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

 private:
  std::uint64_t state_;
};

// 1 KiB of JSON, as a session log has it.
std::string make_entry();

// Bytes that nothing compresses.
std::string noise(std::size_t size, std::uint64_t seed);

// Text of words and numbers as programs' states are: compresses about threefold.
std::string prose(std::size_t size, std::uint64_t seed);

// Keys of a state of `count` entries: 16 partitions, keys of 16 bytes, values of 100. Key `index` has the same
// name in all runs; in key order, keys of a partition follow each other by index / 16.
constexpr std::size_t kPartitions = 16;
struct StateKey {
  std::size_t partition = 0;
  std::string key = {};
  // As the rivals name it: the partition, big-endian in four bytes, before the key.
  std::string flat() const;
};
StateKey state_key(std::size_t index);
std::string flat_prefix(std::size_t partition, std::string_view prefix);
std::string state_value(std::size_t index, std::size_t version = 0);

// 0..count-1, shuffled.
std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed);

// The key of an entry of a log in an ordered map: segment and ordinal, big-endian.
std::string log_key(std::uint64_t segment, std::uint64_t ordinal);

holdfast::OpenOptions open_options(holdfast::Durability durability = holdfast::Durability::full);
// With room for all of it.
holdfast::StateOptions write_back_options();
std::vector<holdfast::StatePartition> partitions_of(const holdfast::StateBackend& state);

// Fills a store, or a state, with the entries 0..count-1 in key order; nothing of it is timed.
void fill(Store& store, std::size_t count);
void fill(holdfast::Database& database, const holdfast::StateBackend& state, std::size_t count);

}  // namespace bench
