// The writes of an import, committed together in bounded transactions.
//
// A folder of thousands of small files must not cost a sync for each, nor a large one a transaction as
// large as it is. A killed import leaves whole writes behind, in their order; running it again goes on
// after them.
//
// Errors   what a store refuses is a finding for the write's file, and the file's later writes are left
//          out; everything else (busy, full, io, ...) ends the import
// Threads  one
#pragma once

#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::interchange {

struct QueuedWrite {
  std::string file = {};  // for findings
  std::string segment = {};
  std::uint64_t bytes = 0;                  // that it holds in memory
  std::function<void()> apply = nullptr;    // inside the transaction
  std::function<void()> counted = nullptr;  // once it is committed
};

class WriteQueue {
 public:
  WriteQueue(Database& database, ImportReport& report) : database_(database), report_(report) {}

  // Commits what has gathered, if it is enough.
  void add(QueuedWrite write);
  void commit();
  // Was a write of this file refused?
  bool refused(const std::string& file) const { return refused_file_ == file; }
  // Makes sure that no write to the segment waits, so that the store shows them all.
  void settle(const std::string& segment);

 private:
  std::optional<ImportFinding> apply(const QueuedWrite& write);

  Database& database_;
  ImportReport& report_;
  std::vector<QueuedWrite> writes_;
  std::uint64_t bytes_ = 0;
  std::string refused_file_;  // files come one after the other
};

}  // namespace holdfast::interchange
