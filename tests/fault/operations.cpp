#include "fault/operations.hpp"

#include "holdfast/maintain.hpp"

#include <filesystem>
#include <stdexcept>

namespace holdfast::test {

namespace {

using enum Nature;

const std::string kLarge = std::string(70'000, 'l');

void expect(bool holds) {
  if (!holds) throw std::logic_error("an operation has not done what it is for");
}

void expect_sound(const VerifyReport& report) {
  if (!report.sound()) throw std::logic_error("found: " + report.findings.front().what);
}

struct GivenUp {};

void fill_logs(Database& db) {
  auto checkpoints = db.checkpoints();
  for (const char* id : {"c1", "c2", "c3"})
    checkpoints.save("trace", {id, to_bytes("{\"a\":1}"), 1, 1});
  checkpoints.save("trace", {"large", to_bytes(kLarge), 1, 1});
  auto sessions = db.sessions();
  sessions.create_segment("session", "segment", {"{\"n\":1}", "2", "3"}, {.metadata = "{}"});
  sessions.append_trace("session", "segment", "{\"t\":1}");
  sessions.append("session", "raw", kLarge, {.codec = "raw"});
  sessions.append("other", "other-segment", "1");
  sessions.pods().write("pod", "{\"p\":1}");
  auto runs = db.runs();
  for (int i = 0; i < 4; ++i)
    runs.append("run", {"{\"kind\":\"k\"}", "bytes"});
  for (const std::uint64_t seq : {2U, 4U, 6U})
    runs.save_snapshot({"run", seq, to_bytes("state")});
  runs.save_snapshot({"run", 8, to_bytes(kLarge)});
}

void fill_state(Database& db) {
  auto manifests = db.manifests();
  manifests.save_with_state(Manifest(1, 1, 1), "state of 1");
  manifests.save_with_state(Manifest(2, 2, 2), kLarge);
  manifests.save(Manifest(3, 3, 3));
  manifests.save_state_data(9, {"an orphan"});
  auto state = db.state("state");
  state.put("a", "1");
  state.put("b", "2");
  state.partition({"operator", 0, 0}).put("a", "of it");
  state.checkpoint(1);
  state.put("a", kLarge);
  state.remove("b");
  state.checkpoint(2);
  state.put("c", "3");
  db.leases().acquire("lease", "holder", 3'600'000);
}

}  // namespace

void Beside::clear_fresh() {
  if (cleared_ == made_) return;
  cleared_ = made_;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    if (entry.path().filename().string().starts_with("out-"))
      std::filesystem::remove_all(entry.path());
  }
}

bool Beside::has_leftovers() const {
  namespace fs = std::filesystem;
  for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
    const auto name = entry.path().filename().string();
    const bool unfinished =
        name.find(".partial-") != std::string::npos || name.starts_with(".holdfast-");
    if (unfinished || (name.starts_with("out-") && entry.is_regular_file())) return true;
  }
  return false;
}

void fill_for_operations(Database& db) {
  fill_logs(db);
  fill_state(db);
}

const std::vector<Operation> kDatabaseOperations = {
    {"Database::in_memory",
     reads,
     [](Database&, Beside&) { expect(Database::in_memory().path().empty()); }},
    {"Database::close", reads, [](Database&, Beside&) { Database::in_memory().close(); }},
    {"Database::transact",
     writes,
     [](Database& db, Beside&) {
       db.transact([&] {
         db.runs().append("run", {"1"});
         try {
           db.transact([&] {
             db.state("state").put("z", "1");
             throw GivenUp();
           });
         } catch (const GivenUp&) {
           db.checkpoints().save("trace", {"new", to_bytes("1"), 1, 1});
         }
         db.manifests().save(Manifest(4, 4, 4));
       });
     }},
    {"Database::read",
     reads,
     [](Database& db, Beside&) {
       expect(db.read([&] { return db.runs().head("run") + db.checkpoints().size(); }) == 12);
     }},
    {"Database::commit",
     writes,
     [](Database& db, Beside&) {
       Batch batch;
       batch.save("trace", {"new", to_bytes("1"), 1, 1})
           .append("session", "segment", "4")
           .append_trace("session", "segment", "5")
           .append_events("run", {"6"})
           .save_snapshot({"run", 9, to_bytes("7")})
           .save_with_state(db.manifests(), Manifest(4, 4, 4), {"8"})
           .put(db.state("state"), "z", "9")
           .remove(db.state("state"), "a")
           .checkpoint(db.state("state"), 3);
       db.commit(batch);
     }},
    {"Database::commit_async",
     writes,
     [](Database& db, Beside&) {
       Batch batch;
       batch.put(db.state("state"), "z", "9");
       const Ticket ticket = db.commit_async(batch);
       ticket.wait();
       expect(ticket.done());
     }},
    {"Database::with_fence",
     writes,
     [](Database& db, Beside&) {
       const auto lease = db.leases().find("lease").value();
       db.with_fence(lease.fence()).state("state").put("z", "1");
     }},
    {"Database::statistics",
     reads,
     [](Database& db, Beside&) { expect(!db.statistics().poisoned); }},
    {"Database::store_id Database::incarnation Database::max_payload_bytes",
     reads,
     [](Database& db, Beside&) {
       expect(!db.store_id().empty() && !db.incarnation().empty() && db.max_payload_bytes() > 0);
     }},
    {"Batch::clear",
     reads,
     [](Database& db, Beside&) {
       Batch batch;
       batch.put(db.state("state"), "a", "b");
       expect(batch.size() == 1);
       batch.clear();
       expect(batch.empty());
     }},
};

const std::vector<Operation> kValueOperations = {
    {"Uuid::parse",
     reads,
     [](Database&, Beside&) {
       const auto uuid = Uuid::make_v7(7, 1, 2);
       expect(Uuid::parse(uuid.to_string()) == uuid && uuid.unix_ms() == 7);
       expect(IdRef(uuid).str() == uuid.to_string());
     }},
    {"entry_facts",
     reads,
     [](Database&, Beside&) { expect(entry_facts("{\"kind\":\"a\"}").value().kind == "a"); }},
    {"Error",
     reads,
     [](Database&, Beside&) {
       const Error error(
           ErrorCode::conflict, "a message longer than what fits inline", {.id = "i"});
       expect(Error(error).detail().id == "i" && to_string(error.code()) == "conflict");
     }},
    {"Manifest::from_json",
     reads,
     [](Database&, Beside&) {
       const Manifest manifest(7, 8, 9);
       expect(Manifest::from_json(manifest.json()) == manifest);
     }},
    {"PartitionKey::to_prefix",
     reads,
     [](Database&, Beside&) {
       expect(PartitionKey{"an operator with a name", 1, 2}.to_prefix() ==
              "an operator with a name:1:2:");
     }},
    {"PayloadList",
     reads,
     [](Database&, Beside&) {
       const std::vector<std::string> texts = {"a", "b"};
       expect(PayloadList(texts).size() == 2 && to_bytes("a").size() == 1);
     }},
};

const std::vector<Operation> kCareOperations = {
    {"verify", reads, [](Database& db, Beside&) { expect_sound(verify(db)); }},
    {"verify quick",
     reads,
     [](Database& db, Beside&) { expect_sound(verify(db, {.quick = true})); }},
    {"info", reads, [](Database& db, Beside&) { expect(info(db).events == 8); }},
    {"storage_by_owner",
     reads,
     [](Database& db, Beside&) { expect(!storage_by_owner(db).empty()); }},
    {"shrink", slices, [](Database& db, Beside&) { shrink(db); }},
    {"backup", reads, [](Database& db, Beside& beside) { expect(backup(db, beside.fresh())); }},
};

}  // namespace holdfast::test
