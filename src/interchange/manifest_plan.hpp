// Which files of a folder are checkpoint manifests, and their state.
//
// Shape    v2: manifests/manifest-%06d.json, checkpoints/state-%06d.bin, manifests/latest.json
//          v1: checkpoints/checkpoint_%06d/{manifest.json,state.bin}, checkpoints/latest.txt
//          A folder may hold both: for each file of an id v2 is looked for first, then v1. Ids wider
//          than six digits simply grow.
#pragma once

#include "interchange/source_folder.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::interchange {

inline constexpr const char* kManifestFolder = "manifests";
inline constexpr const char* kCheckpointFolder = "checkpoints";

// How the layouts write an id: at least six digits.
std::string id_digits(std::uint64_t id);

// A manifest or a state, in each layout that has it.
struct LayoutFiles {
  const SourceFile* v2 = nullptr;
  const SourceFile* v1 = nullptr;

  const SourceFile* chosen() const { return v2 != nullptr ? v2 : v1; }
  const SourceFile* passed_over() const { return v2 != nullptr ? v1 : nullptr; }
};

struct ManifestFiles {
  LayoutFiles manifest = {};
  LayoutFiles state = {};
};

struct ManifestPlan {
  std::map<std::uint64_t, ManifestFiles> by_id = {};
  const SourceFile* latest_v1 = nullptr;
  const SourceFile* latest_v2 = nullptr;
  std::vector<const SourceFile*> markers = {};  // of decisions
  std::uint64_t files = 0;                      // that the plan names
  std::uint64_t bytes = 0;
};

ManifestPlan plan_manifests(const SourceFolder& folder);

}  // namespace holdfast::interchange
