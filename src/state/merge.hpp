// A scan of the file with changes that are not there yet.
#pragma once

#include "holdfast/bytes.hpp"
#include "state/change_buffer.hpp"
#include "state/entry_row.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace holdfast::state {

// Gives both to a sink. The changes are in the order of the scan, and all that the sink may get to see.
class Merge {
 public:
  // `sink` must outlive it.
  Merge(std::vector<Change> changes, bool reverse, const EntrySink& sink)
      : changes_(std::move(changes)), reverse_(reverse), sink_(sink) {}

  // The next entry of the file. False: that was enough.
  bool take(BytesView key, Bytes value) {
    give_changes_before(key);
    if (!more_ || next_ == changes_.size() || as_text(changes_[next_].key) != as_text(key))
      return more_ && give(key, std::move(value));
    give_change();
    return more_;
  }
  void finish() {
    while (more_ && next_ < changes_.size())
      give_change();
  }

 private:
  void give_changes_before(BytesView key) {
    while (more_ && next_ < changes_.size() && precedes(changes_[next_].key, key))
      give_change();
  }
  bool precedes(BytesView a, BytesView b) const {
    return reverse_ ? as_text(b) < as_text(a) : as_text(a) < as_text(b);
  }
  void give_change() {
    Change& change = changes_[next_++];
    if (change.value) give(change.key, *std::move(change.value));
  }
  bool give(BytesView key, Bytes value) { return more_ = sink_(key, std::move(value)); }

  std::vector<Change> changes_;
  std::size_t next_ = 0;
  bool reverse_;
  bool more_ = true;
  const EntrySink& sink_;
};

}  // namespace holdfast::state
