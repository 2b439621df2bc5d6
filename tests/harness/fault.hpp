// A call to the disk that goes wrong: the nth of those that a kind of fault is about, or all from there on.
//
// Threads  one
#pragma once

#include "vfs/interceptor.hpp"

#include <cstdint>

namespace holdfast::test {

enum class FaultKind : std::uint8_t {
  io_error,     // EIO: the call is not carried out, or it is and says that it was not
  full,         // ENOSPC
  short_read,   // a part, in the middle of a file; SQLite's own VFS reads on until there is no more
  short_write,  // a part, and an error
  lying_sync,   // says that it is done, and does nothing
  lock_error,
};
inline constexpr FaultKind kFaultKinds[] = {FaultKind::io_error,
                                            FaultKind::full,
                                            FaultKind::short_read,
                                            FaultKind::short_write,
                                            FaultKind::lying_sync,
                                            FaultKind::lock_error};

const char* to_string(FaultKind kind);

class Fault : public vfs::Interceptor {
 public:
  // The nth call from now on, counted from 1, that this kind is about.
  void arm(FaultKind kind, std::uint64_t nth, bool sticky);
  // True: a call went wrong. From now on none does.
  bool disarm();
  // Whether a sync was made to fail since it was armed.
  [[nodiscard]] bool failed_sync() const { return failed_sync_; }

  vfs::Verdict before(const vfs::Call& call) override;
  int after(const vfs::Call& call, int result) override;

 private:
  [[nodiscard]] vfs::Verdict verdict_for(const vfs::Call& call) const;

  bool armed_ = false;
  FaultKind kind_ = FaultKind::io_error;
  std::uint64_t nth_ = 0;
  std::uint64_t calls_ = 0;
  bool sticky_ = false;
  bool fired_ = false;
  bool failed_sync_ = false;
  int after_all_ = 0;  // what the call that is under way says although it was carried out
};

}  // namespace holdfast::test
