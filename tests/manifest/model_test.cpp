// Random operations on the store and on a model of it that keeps everything in maps.
#include "holdfast/database.hpp"
#include "manifests.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/temporary_database.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace holdfast {
namespace {

using test::Ground;

struct Item {
  std::string json;
  std::uint64_t epoch = 0;
  bool decodable = true;
  bool valid = true;
  bool committed = true;
  std::optional<std::string> state = std::nullopt;
};

using Items = std::map<std::uint64_t, Item>;

// What a call is expected to do: nothing where it is refused.
enum class Expected { saved, already_there, refused };

class Model {
 public:
  Expected save(std::uint64_t id, Item item, std::size_t max_retained) {
    const auto found = items_.find(id);
    if (found != items_.end()) {
      const bool same =
          found->second.json == item.json && (!item.state || found->second.state == item.state);
      return same ? Expected::already_there : Expected::refused;
    }
    const auto orphan = orphans_.find(id);
    if (!item.state && orphan != orphans_.end()) item.state = orphan->second;
    orphans_.erase(id);
    items_[id] = std::move(item);
    if (max_retained > 0) prune(max_retained);
    return Expected::saved;
  }

  bool update(std::uint64_t id, Item item) {
    const auto found = items_.find(id);
    if (found == items_.end()) return false;
    item.state = found->second.state;
    found->second = std::move(item);
    return true;
  }

  bool save_state(std::uint64_t id, const std::string& state) {
    if (items_.contains(id)) return false;
    orphans_[id] = state;
    return true;
  }

  std::size_t clean_up() {
    const std::size_t count = orphans_.size();
    orphans_.clear();
    return count;
  }

  std::size_t remove_all() {
    const std::size_t count = items_.size();
    items_.clear();
    orphans_.clear();
    return count;
  }

  std::size_t prune(std::size_t keep) {
    const std::size_t before = items_.size();
    if (keep == 0) {
      const auto valid = newest([](const Item& item) { return item.valid; });
      const auto committed = newest([](const Item& item) { return item.committed; });
      std::erase_if(items_, [&](const auto& entry) {
        return entry.first != valid && entry.first != committed;
      });
      return before - items_.size();
    }
    std::vector<std::uint64_t> good;
    for (const auto& [id, item] : items_) {
      if (item.valid && item.committed) good.push_back(id);
    }
    if (good.empty()) return 0;
    const std::uint64_t oldest = good[good.size() - std::min(keep, good.size())];
    items_.erase(items_.begin(), items_.lower_bound(oldest));
    return before - items_.size();
  }

  const Items& items() const { return items_; }

  template <class Predicate>
  std::optional<std::uint64_t> newest(Predicate predicate) const {
    for (auto entry = items_.rbegin(); entry != items_.rend(); ++entry) {
      if (predicate(entry->second)) return entry->first;
    }
    return std::nullopt;
  }

 private:
  Items items_;
  std::map<std::uint64_t, std::string> orphans_;
};

std::string random_state(test::Random& random) {
  const std::size_t size = random.one_in(10) ? 70'000 + random.below(1000) : random.below(40);
  // Few distinct ones, so that saving again meets the same.
  return random.one_in(2) ? "state" : random.bytes(size);
}

// A manifest that save takes. Without a state, or with a wrong checksum, some are not valid.
Item random_item(test::Random& random, std::uint64_t id) {
  Item item;
  item.epoch = 1 + random.below(3);
  std::string more;
  if (random.one_in(3)) {
    more = random.one_in(2) ? test::kPending : test::kFailed;
    item.committed = false;
  }
  if (random.one_in(8)) {
    more += R"(,"state_checksum":"none of any state")";
    item.valid = false;
  }
  if (random.one_in(8)) more += ",\"x\":\"" + std::string(70'000, 'x') + "\"";
  item.json = test::manifest_json(id, item.epoch, more);
  return item;
}

Item random_import(test::Random& random, std::uint64_t id) {
  if (random.one_in(2)) return random_item(random, id);
  Item item;
  item.valid = false;
  if (random.one_in(2)) {
    item.json = "torn" + std::to_string(random.below(2));
    item.decodable = false;
    item.committed = false;
  } else {
    item.json = test::manifest_json(id, 0);
  }
  return item;
}

template <class Call>
Expected outcome_of(Call call) {
  try {
    return call() == SaveOutcome::saved ? Expected::saved : Expected::already_there;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::conflict) throw;
    return Expected::refused;
  }
}

template <class Call>
bool is_done(ErrorCode refusal, Call call) {
  try {
    call();
    return true;
  } catch (const Error& error) {
    if (error.code() != refusal) throw;
    return false;
  }
}

void step(test::Random& random, Database& db, Model& model) {
  const std::size_t max_retained = random.below(4);
  auto store = db.manifests("", {.max_retained = max_retained});
  const std::uint64_t id = 1 + random.below(12);
  switch (random.below(9)) {
    case 0:
    case 1: {
      const Item item = random_item(random, id);
      CHECK(outcome_of([&] { return store.save(Manifest::from_json(item.json)); }) ==
            model.save(id, item, max_retained));
      break;
    }
    case 2:
    case 3: {
      Item item = random_item(random, id);
      item.state = random_state(random);
      CHECK(outcome_of([&] {
              return store.save_with_state(Manifest::from_json(item.json), *item.state);
            }) == model.save(id, item, max_retained));
      break;
    }
    case 4: {
      const Item item = random_item(random, id);
      CHECK(is_done(ErrorCode::not_found, [&] {
              store.update_manifest(Manifest::from_json(item.json));
            }) == model.update(id, item));
      break;
    }
    case 5: {
      const std::string state = random_state(random);
      CHECK(is_done(ErrorCode::conflict, [&] { store.save_state_data(id, {state}); }) ==
            model.save_state(id, state));
      break;
    }
    case 6: {
      const std::uint64_t imported = random.below(13);
      Item item = random_import(random, imported);
      if (imported == 0) item.valid = false;
      if (random.one_in(2)) item.state = random_state(random);
      const auto state = item.state ? std::optional(BytesView(*item.state)) : std::nullopt;
      CHECK(outcome_of([&] { return store.import(imported, item.json, state); }) ==
            model.save(imported, item, 0));
      break;
    }
    case 7: {
      const std::size_t keep = random.below(5);
      CHECK(store.prune(keep) == model.prune(keep));
      break;
    }
    default:
      if (random.one_in(10)) {
        CHECK(store.remove_all() == model.remove_all());
      } else {
        CHECK(store.cleanup_orphans() == model.clean_up());
      }
  }
}

void compare(const ManifestStore& store, const Model& model) {
  std::vector<std::uint64_t> ids;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> entries;
  for (const auto& [id, item] : model.items()) {
    ids.push_back(id);
    if (item.decodable) entries.emplace_back(id, item.epoch);
    CHECK(store.export_json(id) == item.json);
    const auto state = store.load_state_data(id);
    CHECK(state.has_value() == item.state.has_value());
    if (state && item.state) CHECK(test::text_of(*state) == *item.state);
    CHECK(store.validate_checkpoint(id).valid == item.valid);
  }
  CHECK(store.list_ids() == ids);
  CHECK(store.list() == entries);
  const auto recovery = store.recover_latest_validated();
  CHECK(recovery.chosen_id == model.newest([](const Item& item) { return item.valid; }));
  if (ids.empty()) {
    CHECK(store.load_latest() == std::nullopt);
  } else if (model.items().rbegin()->second.decodable) {
    CHECK(store.load_latest()->json() == model.items().rbegin()->second.json);
  }
}

TEST_CASE("random operations do what the model does") {
  const auto ground = GENERATE(Ground::file, Ground::memory);
  test::Random random;
  INFO(random);
  OpenOptions options;
  options.durability = Durability::normal;
  test::TemporaryDatabase db(ground, options);
  Model model;
  for (int round = 0; round < 600; ++round) {
    CAPTURE(round);
    if (random.one_in(6)) {
      // Several of them in one transaction, which may be undone.
      const Model before = model;
      const bool undo = random.one_in(2);
      try {
        db->transact([&] {
          for (int i = 0; i < 4; ++i) {
            step(random, *db, model);
          }
          if (undo) throw 7;
        });
      } catch (int) {
        model = before;
      }
    } else {
      step(random, *db, model);
    }
    compare(db->manifests(), model);
    if (ground == Ground::file && random.one_in(60)) db.reopen();
  }
}

}  // namespace
}  // namespace holdfast
