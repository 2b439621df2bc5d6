// Opens what a loss of power left, and compares it with the ledger.
//
// Each image is recovered by SQLite, through the shim; what the file then holds is known from before (then the
// ledger knows after how many steps it was), or the whole of it is looked at: opened by the engine, dumped, verified,
// written to and dumped again. One image in `look_every` is looked at whatever it holds; some of these lose
// their power again while they are opened.
//
// Errors   throws std::runtime_error that says what does not hold
// Threads  one
#pragma once

#include "crash/recorder.hpp"
#include "harness/ledger.hpp"
#include "harness/workload.hpp"
#include "vfs/memory_disk.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace holdfast::test {

class Recovery {
 public:
  // After how many steps the database may be.
  struct Window {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
  };
  // The ledger reaches beyond the last window: what is opened takes more steps.
  Recovery(const Workload& workload, const Ledger& ledger, OpenOptions options, Random& random);

  // Images that were seen before are left out.
  void check(const vfs::MemoryDisk::Image& image, Window window);

  [[nodiscard]] std::uint64_t images() const { return seen_.size(); }
  [[nodiscard]] std::uint64_t opened() const { return opened_; }
  [[nodiscard]] std::uint64_t interrupted() const { return interrupted_; }

 private:
  void check_recovered(const vfs::MemoryDisk::Image& image, Window window, bool may_interrupt);
  std::uint64_t look(const vfs::MemoryDisk::Image& image, Window window);
  std::uint64_t look_at(Database db, Window window) const;
  std::uint64_t step_of(std::uint64_t dumped, Window window, const std::string& text) const;
  void interrupt(const vfs::MemoryDisk::Image& image, std::uint64_t step, Window window);

  const Workload& workload_;
  const Ledger& ledger_;
  const OpenOptions options_;
  Random& random_;
  std::unordered_set<std::uint64_t> seen_;  // images
  std::unordered_map<std::uint64_t, std::uint64_t>
      dumped_of_;  // contents of the file: digest of its dump
  std::uint64_t opened_ = 0;
  std::uint64_t interrupted_ = 0;
};

}  // namespace holdfast::test
