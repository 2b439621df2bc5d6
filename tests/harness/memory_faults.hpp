// Exhausted memory, on purpose: the nth allocation of the calling thread fails, ours (operator new) or
// SQLite's. For this whole test program both allocators are replaced by ones that can do that.
#pragma once

#include <cstdint>

namespace holdfast::test {

enum class Exhaustion : std::uint8_t {
  once,   // the nth allocation fails, and the next one succeeds again
  stays,  // from the nth on, all fail
};

// While it lives, in the thread that made it.
class MemoryFault {
 public:
  MemoryFault(int nth, Exhaustion exhaustion);
  MemoryFault(const MemoryFault&) = delete;
  MemoryFault& operator=(const MemoryFault&) = delete;
  ~MemoryFault() { disarm(); }

  // True: an allocation has failed. From now on none does.
  bool disarm();
};

// What operator new has given out and not got back, in all threads.
std::int64_t live_allocations();

}  // namespace holdfast::test
