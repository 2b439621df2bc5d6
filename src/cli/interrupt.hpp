// Ctrl-C and SIGTERM during long work: the work is asked to stop, and cleans up after itself.
//
// Threads  one Interrupt at a time, in the main thread; the second signal ends the process as ever
#pragma once

namespace holdfast::cli {

// While it lives, the first SIGINT or SIGTERM only raises a flag.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  static bool raised() noexcept;
};

}  // namespace holdfast::cli
