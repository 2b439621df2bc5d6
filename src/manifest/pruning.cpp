#include "manifest/pruning.hpp"

#include "defect.hpp"
#include "manifest/examination.hpp"
#include "manifest/manifest_rows.hpp"

#include <iterator>

namespace holdfast::manifest {
namespace {

using Ids = std::vector<std::int64_t>;
using Judge = std::function<Standing(std::int64_t)>;

Ids all_but_the_newest(const Ids& ids, const Judge& judge) {
  std::optional<std::int64_t> valid;
  std::optional<std::int64_t> committed;
  for (auto id = ids.begin(); id != ids.end() && !(valid && committed); ++id) {
    const Standing standing = judge(*id);
    if (standing.valid && !valid) valid = *id;
    if (standing.committed && !committed) committed = *id;
  }
  Ids pruned;
  for (const std::int64_t id : ids) {
    if (id != valid && id != committed) pruned.push_back(id);
  }
  return pruned;
}

}  // namespace

Ids choose_pruned(const Ids& ids_descending, std::size_t keep, const Judge& judge) {
  if (keep == 0) return all_but_the_newest(ids_descending, judge);
  auto first_pruned = ids_descending.end();
  std::size_t kept = 0;
  for (auto id = ids_descending.begin(); id != ids_descending.end() && kept < keep; ++id) {
    const Standing standing = judge(*id);
    if (!standing.valid || !standing.committed) continue;
    ++kept;
    first_pruned = std::next(id);
  }
  if (planted("prune_takes_the_newest") && first_pruned != ids_descending.end())
    return {ids_descending.begin(), first_pruned};
  return {first_pruned, ids_descending.end()};
}

std::size_t prune(engine::Connection& db,
                  Stream& stream,
                  std::size_t keep,
                  std::optional<std::int64_t> just_saved) {
  bool one_was_read = false;
  const auto judge = [&](std::int64_t id) {
    const bool trusted = just_saved && (one_was_read || id == *just_saved);
    const auto examined = examine(db, {stream.key, id}, trusted ? Depth::row : Depth::content);
    if (!trusted && examined.valid && examined.committed) one_was_read = true;
    return Standing{examined.valid, examined.committed};
  };
  const Ids pruned = choose_pruned(list_ids_descending(db, stream), keep, judge);
  for (const std::int64_t id : pruned) {
    remove_manifest(db, {stream.key, id});
  }
  note_removed(db, stream, pruned);
  return pruned.size();
}

}  // namespace holdfast::manifest
