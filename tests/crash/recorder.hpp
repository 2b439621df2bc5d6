// Everything that reaches a disk, in order: what a loss of power is made of.
//
// Only what took effect is recorded. Files are told apart by number: a name that is deleted and made again
// leads to another file.
//
// Threads  one: the harnesses that record run their workload in one thread
#pragma once

#include "vfs/interceptor.hpp"
#include "vfs/memory_disk.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace holdfast::test {

struct DiskEvent {
  enum class Kind : std::uint8_t { write, truncate, sync, create, remove, acknowledge };

  Kind kind = Kind::write;
  std::size_t file = 0;
  std::uint64_t offset = 0;  // of a write; the new size of a truncate; how much is acknowledged
  std::string data = {};     // of a write; the name of what is created or removed
  bool with_folder = false;  // sync, remove: the folder is synced, too
};

class Recorder : public vfs::Interceptor {
 public:
  // `image`: what is on the disk when the recording begins, and safe.
  explicit Recorder(const vfs::MemoryDisk::Image& image);

  // From here on, so many steps are acknowledged.
  void acknowledge(std::uint64_t steps);
  [[nodiscard]] const std::vector<DiskEvent>& events() const { return events_; }

  vfs::Verdict before(const vfs::Call& call) override;
  int after(const vfs::Call& call, int result) override;

 private:
  void opened(const vfs::Call& call);
  void removed(const vfs::Call& call);

  std::vector<DiskEvent> events_;
  std::map<std::string, std::size_t> names_;
  std::map<const void*, std::size_t> handles_;
  std::vector<bool>
      folder_due_;  // by file: its first sync syncs the folder, as SQLite does for logs
};

}  // namespace holdfast::test
