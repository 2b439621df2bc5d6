// What a transaction leaves to be done once it is committed: freeing, in slices, what it has made
// invisible.
//
// Nothing here allocates: a call that has made its change cannot fail any more for want of memory.
//
// Threads  plain values
#pragma once

#include <array>
#include <cassert>
#include <cstddef>

namespace holdfast::engine {

class Connection;

// Frees a bounded part of what is to be freed, in the transaction that it is called in. False: nothing
// is left.
using Slice = bool (*)(Connection& db);

// Each slice once, however often it was added.
class Slices {
 public:
  void add(Slice slice) noexcept {
    for (const Slice known : *this)
      if (known == slice) return;
    assert(count_ < slices_.size());
    slices_[count_++] = slice;
  }
  const Slice* begin() const noexcept { return slices_.data(); }
  const Slice* end() const noexcept { return slices_.data() + count_; }

 private:
  std::array<Slice, 4> slices_{};
  std::size_t count_ = 0;
};

}  // namespace holdfast::engine
