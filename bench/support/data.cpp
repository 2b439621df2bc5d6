#include "support/data.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace bench {

namespace {

constexpr std::size_t kFillBatch = 10'000;

void put_big_endian(std::string& bytes, std::uint64_t value, int width) {
  for (int shift = (width - 1) * 8; shift >= 0; shift -= 8)
    bytes.push_back(static_cast<char>(value >> shift & 0xFF));
}

// In key order: all of one partition, then all of the next.
std::vector<std::size_t> in_key_order(std::size_t count) {
  std::vector<std::size_t> order;
  for (std::size_t partition = 0; partition < kPartitions; ++partition)
    for (std::size_t index = partition; index < count; index += kPartitions)
      order.push_back(index);
  return order;
}

}  // namespace

std::uint64_t Random::next() {
  std::uint64_t z = (state_ += 0x9E3779B97F4A7C15);
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return z ^ z >> 31;
}

std::string make_entry() {
  std::string entry = R"({"kind": "user_input", "ts": 1767225600000, "text": ")";
  entry += prose(1022 - entry.size(), 1);
  return entry + "\"}";
}

std::string noise(std::size_t size, std::uint64_t seed) {
  Random random(seed);
  std::string bytes;
  bytes.reserve(size + 8);
  while (bytes.size() < size)
    put_big_endian(bytes, random.next(), 8);
  bytes.resize(size);
  return bytes;
}

std::string prose(std::size_t size, std::uint64_t seed) {
  static const std::vector<std::string> words{
      "step",   "result", "of",    "the",    "tool",  "call",     "is",     "stored", "in",
      "folder", "value",  "with",  "error",  "count", "checkout", "branch", "main",   "file",
      "model",  "answer", "token", "window", "plan",  "next",     "state",  "agent"};
  Random random(seed);
  std::string text;
  text.reserve(size + 16);
  while (text.size() < size) {
    text += random.below(4) == 0 ? std::to_string(random.below(100'000))
                                 : words[random.below(words.size())];
    text += ' ';
  }
  text.resize(size);
  return text;
}

std::string flat_prefix(std::size_t partition, std::string_view prefix) {
  std::string key;
  put_big_endian(key, partition, 4);
  key += prefix;
  return key;
}

std::string StateKey::flat() const {
  return flat_prefix(partition, key);
}

StateKey state_key(std::size_t index) {
  char text[32];
  std::snprintf(text, sizeof text, "entry-%010zu", index / kPartitions);
  return {index % kPartitions, text};
}

std::string state_value(std::size_t index, std::size_t version) {
  return noise(40, index * 1'000'003 + version) + std::string(60, 'v');
}

std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(seed);
  for (std::size_t i = count; i > 1; --i)
    std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

std::string log_key(std::uint64_t segment, std::uint64_t ordinal) {
  std::string key;
  put_big_endian(key, segment, 8);
  put_big_endian(key, ordinal, 8);
  return key;
}

holdfast::OpenOptions open_options(holdfast::Durability durability) {
  holdfast::OpenOptions options;
  options.durability = durability;
  options.cache_bytes = kCacheBytes;
  return options;
}

holdfast::StateOptions write_back_options() {
  return {.mode = holdfast::StateMode::write_back, .memory_budget_bytes = 1ULL << 30};
}

std::vector<holdfast::StatePartition> partitions_of(const holdfast::StateBackend& state) {
  std::vector<holdfast::StatePartition> partitions;
  for (std::size_t i = 0; i < kPartitions; ++i)
    partitions.push_back(state.partition({"operator", static_cast<std::uint32_t>(i), 0}));
  return partitions;
}

void fill(Store& store, std::size_t count) {
  store.set_sync(false);
  const std::vector<std::size_t> order = in_key_order(count);
  for (std::size_t begin = 0; begin < count; begin += kFillBatch) {
    std::vector<Pair> owned;
    for (std::size_t i = begin; i < std::min(count, begin + kFillBatch); ++i)
      owned.emplace_back(state_key(order[i]).flat(), state_value(order[i]));
    store.write(std::vector<PairView>(owned.begin(), owned.end()));
  }
  store.set_sync(true);
}

void fill(holdfast::Database& database, const holdfast::StateBackend& state, std::size_t count) {
  const auto partitions = partitions_of(state);
  const std::vector<std::size_t> order = in_key_order(count);
  for (std::size_t begin = 0; begin < count; begin += kFillBatch) {
    database.transact(
        [&] {
          for (std::size_t i = begin; i < std::min(count, begin + kFillBatch); ++i) {
            const StateKey key = state_key(order[i]);
            auto entries = partitions[key.partition];
            entries.put(key.key, state_value(order[i]));
          }
        },
        {.durability = holdfast::Durability::normal});
  }
}

}  // namespace bench
