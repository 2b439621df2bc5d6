#include "state/key_range.hpp"

#include "engine/arguments.hpp"
#include "holdfast/limits.hpp"

namespace holdfast::state {

namespace {

// The first key that does not begin with `prefix` and is above those that do; none if it is all 0xff.
std::optional<Bytes> successor_of_prefix(BytesView prefix) {
  Bytes successor = to_bytes(prefix);
  while (!successor.empty() && successor.back() == std::byte{0xff})
    successor.pop_back();
  if (successor.empty()) return std::nullopt;
  successor.back() = static_cast<std::byte>(std::to_integer<unsigned>(successor.back()) + 1);
  return successor;
}

// No key is longer than kMaxKeyBytes, so this one more byte is above all of them.
const Bytes& beyond_all_keys() {
  static const Bytes bytes(kMaxKeyBytes + 1, std::byte{0xff});
  return bytes;
}

}  // namespace

KeyRange KeyRange::of_prefix(BytesView prefix) {
  engine::check_key(prefix);
  return {to_bytes(prefix), successor_of_prefix(prefix)};
}

KeyRange KeyRange::between(BytesView from, const std::optional<BytesView>& to) {
  engine::check_key(from);
  if (!to) return {to_bytes(from), std::nullopt};
  engine::check_key(*to);
  return {to_bytes(from), to_bytes(*to)};
}

void KeyRange::go_on_after(BytesView key, bool reverse) {
  Bytes bound = to_bytes(key);
  if (reverse) {
    if (!to || bound < *to) to = std::move(bound);
    return;
  }
  bound.push_back(std::byte{0});  // the next possible key
  if (from < bound) from = std::move(bound);
}

BytesView KeyRange::end() const {
  return to ? BytesView(*to) : BytesView(beyond_all_keys());
}

KeyRange within(KeyRange range, const StateScanOptions& options) {
  if (!options.after) return range;
  engine::check_key(*options.after);
  range.go_on_after(*options.after, options.reverse);
  return range;
}

}  // namespace holdfast::state
