// What is fuzzed: each target takes any bytes. Whatever they are, the library ends in a result or in an Error;
// everything else (a crash, a hang, another exception, a wrong answer) ends the program.
//
// Shape    the first byte of an image says what to do with it; docs of each target beside it
// Threads  one
#pragma once

#include "holdfast/bytes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::test {

struct FuzzTarget {
  const char* name;
  void (*run)(BytesView input);
  // Where a fuzzer begins: small, each for something of its own.
  std::vector<std::string> (*seeds)();
};

// A database image, opened, read, verified and written.
extern const FuzzTarget kDatabaseTarget;
// A write-ahead log beside a good database, likewise.
extern const FuzzTarget kWalTarget;
// The interchange bytes of a state.
extern const FuzzTarget kSnapshotTarget;
// The JSON of a manifest.
extern const FuzzTarget kManifestTarget;
// A folder of files, imported.
extern const FuzzTarget kImportTarget;
// Calls of the API, against a model.
extern const FuzzTarget kCallsTarget;

// Ends the program, for the fuzzer to see.
void must(bool holds, const char* what);

// Numbers and bytes from an input; zeros and nothing at its end.
class Input {
 public:
  explicit Input(BytesView bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  std::uint8_t byte() { return rest_.empty() ? 0 : std::to_integer<std::uint8_t>(take(1)[0]); }
  // 0 .. bound - 1.
  std::size_t below(std::size_t bound) { return byte() % bound; }
  std::size_t pair() { return byte() + std::size_t{256} * byte(); }
  BytesView take(std::size_t size) {
    const BytesView taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  BytesView all() { return take(rest_.size()); }

 private:
  BytesView rest_;
};

}  // namespace holdfast::test
