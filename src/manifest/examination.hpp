// One checkpoint looked at from all sides: what validation reports, and what pruning and recovery go by.
//
// Threads  those of the connection
// Source   docs/stores/manifests.md lists the issues
#pragma once

#include "engine/connection.hpp"
#include "holdfast/manifest.hpp"
#include "manifest/manifest_rows.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace holdfast::manifest {

struct Examination {
  bool valid = true;       // no fatal issue
  bool committed = false;  // known to be: a manifest that cannot be read is not
  std::vector<ManifestIssue> issues = {};
};

// With Depth::row, what stands in the content tables is taken to be right, and there are no warnings:
// the cost is then that of the rows, however large the state is.
Examination examine(engine::Connection& db,
                    const RowKey& key,
                    Depth depth,
                    std::optional<std::uint64_t> expected_vnode_count = std::nullopt);

}  // namespace holdfast::manifest
