// Which manifests go, and their removal.
//
// The rule: the newest `keep` that are valid and committed stay, and everything newer than the oldest
// of these (a checkpoint that is still under way); everything older goes, be it damaged, uncommitted or
// merely old. Where none is valid and committed, nothing is known to be superseded, and nothing goes.
// keep = 0 removes all but two: the newest valid one and the newest committed one, which may be the same.
//
// Threads  those of the connection
#pragma once

#include "engine/connection.hpp"
#include "manifest/streams.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace holdfast::manifest {

struct Standing {
  bool valid = false;
  bool committed = false;
};

// `judge` is asked from the newest on, and only until the rule is decided.
std::vector<std::int64_t> choose_pruned(const std::vector<std::int64_t>& ids_descending,
                                        std::size_t keep,
                                        const std::function<Standing(std::int64_t)>& judge);

// Removes what the rule says, and returns how many manifests went.
//
// To judge a state it must be read, as large as it is. A prune of its own reads them all, as far as the
// rule looks. One that follows a save (`just_saved`) reads one: the newest valid and committed state
// before the one just written. So every save costs one state, as it does anyway, each state is
// read back once while an older one still stands in for it, and a save never costs `keep` states.
std::size_t prune(engine::Connection& db,
                  Stream& stream,
                  std::size_t keep,
                  std::optional<std::int64_t> just_saved = std::nullopt);

}  // namespace holdfast::manifest
