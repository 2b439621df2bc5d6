// What the stores must hold after a sequence of calls: plain containers.
#pragma once

#include "state/state_model.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::test {

struct SegmentModel {
  std::string session = {};
  std::vector<std::string> entries = {};
};

struct RunModel {
  std::vector<std::string> events = {};
  std::map<std::uint64_t, std::string> snapshots = {};
  [[nodiscard]] bool exists() const { return !events.empty() || !snapshots.empty(); }
};

struct StoresModel {
  // By trace: id and bytes in the order of saving.
  std::map<std::string, std::vector<std::pair<std::string, std::string>>> traces = {};
  std::map<std::string, SegmentModel> segments = {};
  std::map<std::string, RunModel> runs = {};
  std::map<std::uint64_t, std::pair<std::string, std::string>> manifests = {};  // JSON, state
  StateModel state = {};
};

}  // namespace holdfast::test
