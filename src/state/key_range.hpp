// Ranges of keys: half-open, in byte order (memcmp, then the shorter one).
#pragma once

#include "holdfast/bytes.hpp"
#include "holdfast/state.hpp"

#include <optional>

namespace holdfast::state {

struct KeyRange {
  Bytes from = {};                         // the first key, if it is there
  std::optional<Bytes> to = std::nullopt;  // the first key beyond; none: there is no end

  // All keys that begin with `prefix`.
  static KeyRange of_prefix(BytesView prefix);
  // Refuses bounds that no key can have: too_large.
  static KeyRange between(BytesView from, const std::optional<BytesView>& to);

  // What is left of the range once a scan has seen `key`.
  void go_on_after(BytesView key, bool reverse);

  // `to`, or bytes that every key is below: so that each statement has both bounds, and one text serves
  // ranges with an end and without (`?2 IS NULL OR key < ?2` would lose the index).
  [[nodiscard]] BytesView end() const;
};

// The range as the options of a scan leave it.
KeyRange within(KeyRange range, const StateScanOptions& options);

}  // namespace holdfast::state
