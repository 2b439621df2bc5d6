// What a state must be: plain maps, with a full copy for each checkpoint.
#pragma once

#include "state/snapshot_image.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::test {

class StateModel {
 public:
  // The number of a partition, 0 for flat entries, and the key.
  using Place = std::pair<std::size_t, std::string>;
  using Entries = std::map<Place, std::string>;

  struct Checkpoint {
    std::uint64_t id = 0;
    Entries entries = {};
    std::uint64_t version = 0;
    std::set<Place> changed = {};  // from here to the next one: each has one undo row
  };

  Entries entries = {};
  std::vector<Checkpoint> checkpoints = {};
  std::uint64_t version = 0;
  bool exists = false;

  void put(const Place& place, const std::string& value) {
    exists = true;
    touch(place);
    entries[place] = value;
    ++version;
  }
  bool remove(const Place& place) {
    if (entries.count(place) == 0) return false;
    touch(place);
    entries.erase(place);
    ++version;
    return true;
  }
  bool checkpoint(std::uint64_t id) {
    if (find(id) != checkpoints.end()) return false;
    exists = true;
    checkpoints.push_back({.id = id, .entries = entries, .version = version});
    return true;
  }
  // The ids dropped; nothing: there is no such checkpoint.
  std::optional<std::vector<std::uint64_t>> restore(std::uint64_t id) {
    const auto found = find(id);
    if (found == checkpoints.end()) return std::nullopt;
    std::vector<std::uint64_t> dropped;
    for (auto later = found + 1; later != checkpoints.end(); ++later)
      dropped.push_back(later->id);
    entries = found->entries;
    found->changed.clear();
    checkpoints.erase(found + 1, checkpoints.end());
    ++version;
    return dropped;
  }
  bool drop(std::uint64_t id) {
    const auto found = find(id);
    if (found == checkpoints.end()) return false;
    if (found != checkpoints.begin()) {
      (found - 1)->changed.insert(found->changed.begin(), found->changed.end());
    }
    checkpoints.erase(found);
    return true;
  }
  // Entries by prefixed key; nothing: two have the same. prefixes[0] is empty.
  static std::optional<SnapshotImage> image(std::uint64_t id,
                                            const Entries& from,
                                            const std::vector<std::string>& prefixes) {
    std::map<std::string, std::string> sorted;
    for (const auto& [place, value] : from)
      sorted.emplace(prefixes[place.first] + place.second, value);
    if (sorted.size() != from.size()) return std::nullopt;
    return SnapshotImage{.id = id, .entries = {sorted.begin(), sorted.end()}};
  }
  void import(const SnapshotImage& image,
              const std::vector<std::string>& prefixes,
              const std::set<std::size_t>& declared) {
    Entries imported;
    for (const auto& [key, value] : image.entries) {
      std::size_t best = 0;
      for (const std::size_t partition : declared) {
        const std::string& prefix = prefixes[partition];
        if (key.rfind(prefix, 0) == 0 && prefix.size() > prefixes[best].size()) best = partition;
      }
      imported[{best, key.substr(prefixes[best].size())}] = value;
    }
    for (const auto& old : entries)
      touch(old.first);
    for (const auto& made : imported)
      touch(made.first);
    entries = std::move(imported);
    exists = true;
    ++version;
  }

  std::vector<Checkpoint>::iterator find(std::uint64_t id) {
    return std::find_if(
        checkpoints.begin(), checkpoints.end(), [id](const auto& c) { return c.id == id; });
  }
  std::size_t undo_rows() const {
    std::size_t rows = 0;
    for (const Checkpoint& checkpoint : checkpoints)
      rows += checkpoint.changed.size();
    return rows;
  }
  static std::uint64_t size_bytes(const Entries& of) {
    std::uint64_t bytes = 0;
    for (const auto& [place, value] : of)
      bytes += place.second.size() + value.size();
    return bytes;
  }

 private:
  void touch(const Place& place) {
    if (!checkpoints.empty()) checkpoints.back().changed.insert(place);
  }
};

}  // namespace holdfast::test
