#include "state/snapshot_bytes.hpp"

#include "holdfast/error.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace holdfast::state {

namespace {

constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kCountOffset = 8;
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kMinRecordBytes = 2 * kLengthBytes;

[[noreturn]] void throw_damaged(const char* how) {
  throw Error(ErrorCode::corrupt, std::string("the snapshot ") + how);
}

// Takes bytes from the front of a snapshot.
class Cursor {
 public:
  explicit Cursor(BytesView bytes) : rest_(bytes) {}

  std::uint64_t number(std::size_t bytes) {
    const BytesView field = take(bytes);
    std::uint64_t value = 0;
    for (std::size_t i = bytes; i-- > 0;) {
      value = value << 8 | std::to_integer<std::uint64_t>(field[i]);
    }
    return value;
  }

  BytesView take(std::uint64_t bytes) {
    if (bytes > rest_.size()) throw_damaged("is truncated");
    const BytesView taken = rest_.first(static_cast<std::size_t>(bytes));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  std::size_t left() const { return rest_.size(); }

 private:
  BytesView rest_;
};

void append_number(Bytes& to, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i)
    to.push_back(static_cast<std::byte>(value >> (8 * i)));
}

void append(Bytes& to, BytesView bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// memcmp, then the shorter one: std::byte compares without a sign, as char_traits does.
bool before(BytesView a, BytesView b) {
  return as_text(a) < as_text(b);
}

}  // namespace

Snapshot read_snapshot(BytesView bytes) {
  Cursor cursor(bytes);
  Snapshot snapshot;
  snapshot.id = cursor.number(8);
  const std::uint64_t count = cursor.number(8);
  // Before anything is allocated: each record takes its two lengths at least.
  if (count > cursor.left() / kMinRecordBytes) throw_damaged("counts more than its bytes can hold");
  snapshot.entries.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    const BytesView key = cursor.take(cursor.number(kLengthBytes));
    const BytesView value = cursor.take(cursor.number(kLengthBytes));
    snapshot.entries.push_back({.key = key, .value = value});
  }
  if (cursor.left() > 0) throw_damaged("goes on after its end");
  std::sort(snapshot.entries.begin(),
            snapshot.entries.end(),
            [](const SnapshotEntry& a, const SnapshotEntry& b) { return before(a.key, b.key); });
  const auto twice = std::adjacent_find(snapshot.entries.begin(),
                                        snapshot.entries.end(),
                                        [](const SnapshotEntry& a, const SnapshotEntry& b) {
                                          return as_text(a.key) == as_text(b.key);
                                        });
  if (twice != snapshot.entries.end()) throw_damaged("has a key twice");
  return snapshot;
}

SnapshotWriter::SnapshotWriter(std::uint64_t id) {
  append_number(bytes_, id, 8);
  append_number(bytes_, 0, 8);  // the count, until it is known
}

void SnapshotWriter::add(std::string_view prefix, BytesView key, BytesView value) {
  constexpr std::uint64_t kMaxLength = std::numeric_limits<std::uint32_t>::max();
  if (value.size() > kMaxLength) {
    throw Error(ErrorCode::too_large,
                "a value does not fit into a snapshot",
                {.expected = kMaxLength, .actual = value.size()});
  }
  const std::size_t offset = bytes_.size();
  const std::size_t key_bytes = prefix.size() + key.size();
  append_number(bytes_, key_bytes, kLengthBytes);
  append(bytes_, prefix);
  append(bytes_, key);
  append_number(bytes_, value.size(), kLengthBytes);
  append(bytes_, value);
  records_.push_back({.offset = offset, .key_bytes = key_bytes, .bytes = bytes_.size() - offset});
}

Bytes SnapshotWriter::finish() && {
  const auto ascends = [&](const Record& a, const Record& b) {
    return before(key_of(a), key_of(b));
  };
  const bool sorted_already = std::is_sorted(records_.begin(), records_.end(), ascends);
  if (!sorted_already) std::sort(records_.begin(), records_.end(), ascends);
  const auto twice =
      std::adjacent_find(records_.begin(), records_.end(), [&](const Record& a, const Record& b) {
        return as_text(key_of(a)) == as_text(key_of(b));
      });
  if (twice != records_.end()) {
    throw Error(ErrorCode::conflict, "two entries of the state have the same prefixed key");
  }
  Bytes count;
  append_number(count, records_.size(), 8);
  std::copy(count.begin(), count.end(), bytes_.begin() + kCountOffset);
  return sorted_already ? std::move(bytes_) : sorted();
}

BytesView SnapshotWriter::key_of(const Record& record) const {
  return BytesView(bytes_).subspan(record.offset + kLengthBytes, record.key_bytes);
}

Bytes SnapshotWriter::sorted() {
  Bytes sorted = to_bytes(BytesView(bytes_).first(kHeaderBytes));
  sorted.reserve(bytes_.size());
  for (const Record& record : records_) {
    append(sorted, BytesView(bytes_).subspan(record.offset, record.bytes));
  }
  return sorted;
}

}  // namespace holdfast::state
