// The table of open files of this process: the one thing that is global.
//
// It has to be: POSIX locks belong to a process and an inode, so two engines on one file would drop each
// other's locks. The table is keyed by inode; opening a file again shares its engine, and a
// descriptor of anybody else on that inode is refused, since closing it would drop our locks.
//
// Errors   of open(): see database.hpp
// Threads  any; openings and last closings are made one at a time
#pragma once

#include "engine/engine.hpp"
#include "engine/opening.hpp"
#include "holdfast/options.hpp"
#include "vfs/file_identity.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace holdfast::engine {

class OpenFiles {
 public:
  static OpenFiles& instance();

  std::shared_ptr<Opening> open(const std::string& path, const OpenOptions& options);
  static std::shared_ptr<Opening> open_in_memory(const OpenOptions& options);
  // A descriptor to read with, on a file that no engine of this process has open (else `conflict`); none
  // can open it as long as the descriptor is. Errors as closed_file.hpp says.
  int open_closed(const std::string& path);
  // One opening of this engine has ended; the last one shuts it down.
  void release(Engine& engine);

 private:
  struct Entry {
    vfs::FileIdentity identity;
    std::shared_ptr<Engine> engine;
    std::size_t openings = 0;
  };

  Entry* find(const vfs::FileIdentity& identity);
  void refuse_replacement(const std::string& path) const;
  static std::shared_ptr<Opening> share(Entry& entry, const OpenOptions& options);

  std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace holdfast::engine
