#include "fault/operations.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <stdexcept>

namespace holdfast::test {

namespace {

using enum Nature;

const PartitionKey kPartition = {"operator", 0, 0};

void expect(bool holds) {
  if (!holds) throw std::logic_error("an operation has not done what it is for");
}

// Changes of a state in write-back mode, once, whatever became of them: what is in memory stays there.
StateBackend change_in_memory(Database& db) {
  const StateOptions options = {
      .mode = StateMode::write_back, .memory_budget_bytes = 10'000, .owner = "owner"};
  auto state = db.state("state", options);
  auto entries = state.partition({"in memory", 0, 0});
  if (!entries.contains("a")) entries.put_batch({{"a", "1"}, {"b", "2"}});
  if (!entries.contains("c")) {
    entries.update("c", [](const auto&) { return to_bytes("3"); });
  }
  if (entries.contains("b")) entries.remove("b");
  expect(entries.range_scan("").size() == 2);
  expect(state.list_partitions().size() == 2);
  expect(!state.export_snapshot(1).empty());
  expect(state.stats().entries > 2);
  return state;
}

// One piece of a state, then its end.
std::size_t read_piece(std::span<std::byte> buffer, bool& done) {
  if (done) return 0;
  done = true;
  const auto size = std::min<std::size_t>(buffer.size(), 70'000);
  std::fill_n(buffer.begin(), size, std::byte{'s'});
  return size;
}

const std::vector<Operation> kManifests = {
    {"ManifestStore::save",
     writes,
     [](Database& db, Beside&) { db.manifests("", {.max_retained = 2}).save(Manifest(4, 4, 4)); }},
    {"ManifestStore::save_with_state",
     writes,
     [](Database& db, Beside&) {
       db.manifests().save_with_state(Manifest(4, 4, 4), {"a", std::string(70'000, 'b')});
     }},
    {"ManifestStore::save_with_state stream",
     writes,
     [](Database& db, Beside&) {
       bool done = false;
       db.manifests().save_with_state(Manifest(4, 4, 4), [&](std::span<std::byte> buffer) {
         return read_piece(buffer, done);
       });
     }},
    {"ManifestStore::save over an orphan",
     writes,
     [](Database& db, Beside&) { db.manifests().save(Manifest(9, 9, 9)); }},
    {"ManifestStore::update_manifest",
     writes,
     [](Database& db, Beside&) { db.manifests().update_manifest(Manifest(2, 7, 7)); }},
    {"ManifestStore::save_state_data",
     writes,
     [](Database& db, Beside&) {
       auto store = db.manifests();
       db.transact([&] {
         store.save_state_data(9, {"another orphan"});
         store.save(Manifest(9, 9, 9));  // else it could not be seen
       });
     }},
    {"ManifestStore::load_state_data",
     reads,
     [](Database& db, Beside&) {
       expect(db.manifests().load_state_data(2).value().size() == 70'000);
     }},
    {"ManifestStore::cleanup_orphans",
     writes,
     [](Database& db, Beside&) { db.manifests().cleanup_orphans({.protecting_lease = "free"}); }},
    {"ManifestStore::load_latest",
     reads,
     [](Database& db, Beside&) {
       expect(db.manifests().load_latest().value().checkpoint_id() == 3);
     }},
    {"ManifestStore::load_by_id",
     reads,
     [](Database& db, Beside&) { expect(db.manifests().load_by_id(1).has_value()); }},
    {"ManifestStore::list_ids",
     reads,
     [](Database& db, Beside&) { expect(db.manifests().list_ids().size() == 3); }},
    {"ManifestStore::list",
     reads,
     [](Database& db, Beside&) { expect(db.manifests().list({.after = 1}).size() == 2); }},
    {"ManifestStore::prune",
     writes,
     [](Database& db, Beside&) { expect(db.manifests().prune(1) == 2); }},
    {"ManifestStore::validate_checkpoint",
     reads,
     [](Database& db, Beside&) { expect(db.manifests().validate_checkpoint(2).valid); }},
    {"ManifestStore::recover_latest_validated",
     reads,
     [](Database& db, Beside&) {
       expect(db.manifests().recover_latest_validated({.committed_only = true}).chosen_id == 3U);
     }},
    {"ManifestStore::import",
     writes,
     [](Database& db, Beside&) {
       db.manifests().import(4, Manifest(4, 4, 4).json(), BytesView("state"));
     }},
    {"ManifestStore::export_json",
     reads,
     [](Database& db, Beside&) { expect(db.manifests().export_json(2).has_value()); }},
    {"ManifestStore::state_checksum",
     reads,
     [](Database& db, Beside&) { expect(db.manifests().state_checksum(2).has_value()); }},
    {"ManifestStore::list_streams",
     reads,
     [](Database& db, Beside&) { expect(db.manifests().list_streams().size() == 1); }},
    {"ManifestStore::remove_all",
     writes,
     [](Database& db, Beside&) { expect(db.manifests().remove_all() == 3); }},
};

const std::vector<Operation> kEntries = {
    {"StateEntries::get",
     reads,
     [](Database& db, Beside&) { expect(db.state("state").get("a").value().size() == 70'000); }},
    {"StateEntries::contains",
     reads,
     [](Database& db, Beside&) { expect(db.state("state").partition(kPartition).contains("a")); }},
    {"StateEntries::multi_get",
     reads,
     [](Database& db, Beside&) {
       expect(db.state("state").multi_get({"a", "b", "c"}).size() == 3);
     }},
    {"StateEntries::put",
     writes,
     [](Database& db, Beside&) { db.state("state").partition(kPartition).put("a", "new"); }},
    {"StateEntries::put of a new state",
     writes,
     [](Database& db, Beside&) { db.state("new").put("a", std::string(70'000, 'p')); }},
    {"StateEntries::put_batch",
     writes,
     [](Database& db, Beside&) {
       db.state("state").put_batch({{"a", "1"}, {"z", "2"}, {"a", "3"}});
     }},
    {"StateEntries::remove",
     writes,
     [](Database& db, Beside&) { expect(db.state("state").remove("a")); }},
    {"StateEntries::update",
     writes,
     [](Database& db, Beside&) {
       db.state("state").update("c", [](const std::optional<Bytes>& now) {
         return to_bytes(std::string(as_text(now.value())) + "+");
       });
     }},
    {"StateEntries::range_scan",
     reads,
     [](Database& db, Beside&) {
       expect(db.state("state").range_scan("", {.reverse = true}).size() == 2);
     }},
    {"StateEntries::range",
     reads,
     [](Database& db, Beside&) { expect(db.state("state").range("b", "d").size() == 1); }},
    {"StateEntries::for_each",
     reads,
     [](Database& db, Beside&) {
       int seen = 0;
       db.state("state").for_each("", [&](const StateEntry&) { ++seen; });
       expect(seen == 2);
     }},
    {"StateView::get StateBackend::read_at",
     reads,
     [](Database& db, Beside&) {
       const auto view = db.state("state").read_at(1);
       expect(view.get("b").has_value() && view.get(kPartition, "a").has_value());
     }},
    {"StateView::range_scan",
     reads,
     [](Database& db, Beside&) {
       const auto view = db.state("state").read_at(1);
       expect(view.range_scan("").size() == 2 && view.range_scan(kPartition, "").size() == 1);
     }},
};

const std::vector<Operation> kBackends = {
    {"StateBackend::list_partitions",
     reads,
     [](Database& db, Beside&) { expect(db.state("state").list_partitions().size() == 1); }},
    {"StateBackend::checkpoint",
     writes,
     [](Database& db, Beside&) { db.state("state").checkpoint(3); }},
    {"StateBackend::list_checkpoints",
     reads,
     [](Database& db, Beside&) { expect(db.state("state").list_checkpoints().size() == 2); }},
    {"StateBackend::restore",
     writes,
     [](Database& db, Beside&) { expect(db.state("state").restore(1).size() == 1); }},
    {"StateBackend::drop_checkpoint",
     writes,
     [](Database& db, Beside&) { expect(db.state("state").drop_checkpoint(1)); }},
    {"StateBackend::export_snapshot",
     reads,
     [](Database& db, Beside&) {
       expect(!db.state("state").export_snapshot(7).empty());
       expect(!db.state("state").export_snapshot(1, true).empty());
     }},
    {"StateBackend::import_snapshot",
     writes,
     [](Database& db, Beside&) {
       auto state = db.state("state");
       expect(db.state("copy").import_snapshot(state.export_snapshot(7), {kPartition}) == 7);
     }},
    {"StateBackend::stats StateBackend::version StateBackend::size_bytes",
     reads,
     [](Database& db, Beside&) {
       const auto state = db.state("state");
       expect(state.stats().entries == 3 && state.version() > 0 && state.size_bytes() > 0);
     }},
    {"StateBackend::list_states",
     reads,
     [](Database& db, Beside&) { expect(db.state("any").list_states().size() == 1); }},
    {"StateBackend::remove_all",
     writes,
     [](Database& db, Beside&) { expect(db.state("state").remove_all()); }},
    {"StateBackend::flush", slices, [](Database& db, Beside&) { change_in_memory(db).flush(); }},
    {"StateBackend::close", slices, [](Database& db, Beside&) { change_in_memory(db).close(); }},
};

const std::vector<Operation> kLeases = {
    {"Leases::acquire",
     writes,
     [](Database& db, Beside&) {
       expect(db.leases().acquire("new lease", "holder", 3'600'000).has_value());
     }},
    {"Leases::renew",
     writes,
     [](Database& db, Beside&) {
       expect(db.leases().renew(db.leases().find("lease").value(), 3'600'000));
     }},
    {"Leases::release",
     writes,
     [](Database& db, Beside&) { expect(db.leases().release(db.leases().find("lease").value())); }},
    {"Leases::find",
     reads,
     [](Database& db, Beside&) { expect(db.leases().find("lease").has_value()); }},
    {"Leases::list", reads, [](Database& db, Beside&) { expect(db.leases().list().size() == 1); }},
};

std::vector<Operation> all_of_state() {
  std::vector<Operation> all = kManifests;
  for (const auto* more : {&kEntries, &kBackends, &kLeases})
    all.insert(all.end(), more->begin(), more->end());
  return all;
}

}  // namespace

const std::vector<Operation> kStateOperations = all_of_state();

}  // namespace holdfast::test
