// The interchange form of a state, little endian:
//
//   u64 checkpoint id, u64 count, then count times { u32 key length, key, u32 value length, value }
//
// Written sorted by key; read in any order. Keys of partitions begin with the partition's prefix.
//
// Errors   reading: corrupt (truncated, trailing bytes, a count that the bytes cannot hold, a key twice);
//          memory is bounded by the length of the input. Writing: conflict (a key twice), too_large (a
//          value of 4 GiB)
#pragma once

#include "holdfast/bytes.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace holdfast::state {

struct SnapshotEntry {
  BytesView key = {};
  BytesView value = {};
};

// Sorted by key. It borrows the bytes that it was read from.
struct Snapshot {
  std::uint64_t id = 0;
  std::vector<SnapshotEntry> entries = {};
};

Snapshot read_snapshot(BytesView bytes);

class SnapshotWriter {
 public:
  explicit SnapshotWriter(std::uint64_t id);

  // The entry's key is prefix + key.
  void add(std::string_view prefix, BytesView key, BytesView value);

  Bytes finish() &&;

 private:
  struct Record {
    std::size_t offset = 0;  // in bytes_
    std::size_t key_bytes = 0;
    std::size_t bytes = 0;
  };

  [[nodiscard]] BytesView key_of(const Record& record) const;
  Bytes sorted();

  Bytes bytes_;  // the header, and the records in the order of add()
  std::vector<Record> records_;
};

}  // namespace holdfast::state
