// What may be on a disk after the power was lost: everything that was synced, and of the rest whatever the
// disk happened to have written.
//
// Shape    files by number; each has its safe bytes, and the writes and truncations since its last sync.
//          Names change in order (as a file system's journal has it), and are safe with a sync of the folder.
// Threads  one
#pragma once

#include "crash/recorder.hpp"
#include "holdfast/bytes.hpp"
#include "support/random.hpp"
#include "vfs/memory_disk.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace holdfast::test {

// What becomes of the writes that were not synced.
enum class Loss : std::uint8_t {
  nothing,       // all are there
  everything,    // none is
  later,         // the first ones are there, the last of these torn at a byte
  sectors,       // the first ones are there, of the last of these some sectors
  some,          // some are there, in any choice: the disk reorders
  some_sectors,  // some sectors of each
  earlier,       // only the last ones are there
  contents,      // sizes are as they would be, but what is new reads as zeros
  mixed,         // another of these for each file
};
inline constexpr std::size_t kLosses = 9;

class PowerLoss {
 public:
  explicit PowerLoss(const vfs::MemoryDisk::Image& image);

  void apply(const DiskEvent& event);
  // Whether anything is not safe now.
  [[nodiscard]] bool at_risk() const;
  // The disk if the power goes now.
  [[nodiscard]] vfs::MemoryDisk::Image image(Loss loss, Random& random) const;

 private:
  struct File {
    std::string safe;
    std::vector<const DiskEvent*> unsafe;
  };
  static std::string after_loss(const File& file, Loss loss, Random& random);

  std::vector<File> files_;
  std::map<std::string, std::size_t> names_;
  std::vector<const DiskEvent*> renamed_;  // creations and removals that are not safe
};

}  // namespace holdfast::test
