// Real data, where it is given: HOLDFAST_TEST_DATA names a folder with documents/ and events/.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace bench {

// nullopt: not set.
std::optional<std::string> data_folder();

// What the command prints; it must succeed.
std::string output_of(const std::string& command);

// About `count` successive states of the document that an editing trace (JSON, gzip) replays, the last one its end.
std::vector<std::string> document_states(const std::string& file, std::size_t count);

// The files of an archive (tar, zstd) in their order; what is no state is left out.
std::vector<std::string> archived_states(const std::string& file);

struct Change {
  std::string key = {};
  std::optional<std::string> value = std::nullopt;  // none: removed
};
using Changes = std::vector<Change>;

// One list per transaction of the stream.
std::vector<Changes> tree_events(const std::string& file);
std::vector<Changes> earthquakes(const std::string& file);

}  // namespace bench
