// Every public operation of every public header that may allocate, as a table: what meets exhausted memory. Not
// import and export: the JSON library that they use allocates in its destructor (docs/operations.md).
//
// Each runs on the database that `fill_for_operations` made, and succeeds there.
#pragma once

#include "holdfast/database.hpp"
#include "support/temporary_folder.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::test {

// Room beside the database, for what is written there.
class Beside {
 public:
  // A path that nothing is at.
  [[nodiscard]] std::string fresh() { return folder_.file("out-" + std::to_string(++made_)); }
  // Whatever was written there is removed.
  void clear_fresh();
  // Anything half written, or a copy that was given up.
  [[nodiscard]] bool has_leftovers() const;

 private:
  TemporaryFolder folder_;
  std::uint64_t made_ = 0;
  std::uint64_t cleared_ = 0;
};

enum class Nature : std::uint8_t {
  reads,   // changes nothing
  writes,  // one transaction
  slices,  // several transactions: what was done stays, and a repeat does the rest
};

struct Operation {
  const char* name;  // as the headers have it: "CheckpointStore::save"
  Nature nature;
  void (*run)(Database&, Beside&);
};

void fill_for_operations(Database& db);

// Some have no effect without others before them: a function in the table may call more than one.
extern const std::vector<Operation> kDatabaseOperations;
extern const std::vector<Operation> kLogOperations;    // checkpoints, sessions, runs
extern const std::vector<Operation> kStateOperations;  // manifests, keyed state, leases
extern const std::vector<Operation> kValueOperations;  // ids, entries, errors
extern const std::vector<Operation> kCareOperations;   // maintenance

}  // namespace holdfast::test
