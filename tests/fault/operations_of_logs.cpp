#include "fault/operations.hpp"

#include <stdexcept>
#include <string>

namespace holdfast::test {

namespace {

using enum Nature;

void expect(bool holds) {
  if (!holds) throw std::logic_error("an operation has not done what it is for");
}

// Staged in several transactions. A lease of 0 ms: what is given up goes with the next one.
void stream_checkpoint(Database& db) {
  const UploadOptions options{.stage_bytes = 64 << 10, .lease_ms = 0};
  auto writer = db.checkpoints().begin_save("trace", {.id = "streamed"}, options);
  const std::string piece(900'000, 's');
  writer.write(piece);
  writer.write(piece);
  expect(writer.size() == 2 * piece.size());
  writer.commit();
}

const std::vector<Operation> kCheckpoints = {
    {"CheckpointStore::save",
     writes,
     [](Database& db, Beside&) {
       db.checkpoints().save("trace", {"c1", to_bytes("new"), 2, 2});
     }},
    {"CheckpointStore::save large",
     writes,
     [](Database& db, Beside&) {
       db.checkpoints().save("new", {"new", to_bytes(std::string(70'000, 'n')), 2, 2});
     }},
    {"CheckpointStore::load",
     reads,
     [](Database& db, Beside&) {
       expect(db.checkpoints().load("large").value().data.size() == 70'000);
     }},
    {"CheckpointStore::begin_save PayloadWriter::write PayloadWriter::size PayloadWriter::commit",
     slices,
     [](Database& db, Beside&) { stream_checkpoint(db); }},
    {"CheckpointStore::open PayloadReader::size PayloadReader::read",
     reads,
     [](Database& db, Beside&) {
       auto reader = db.checkpoints().open("large").value();
       Bytes bytes(reader.size());
       // Twice, since memory that runs out behind what was read is told by the next call.
       const std::size_t size = reader.read(bytes);
       expect(size + reader.read(bytes) == 70'000);
     }},
    {"CheckpointStore::read",
     reads,
     [](Database& db, Beside&) {
       std::size_t size = 0;
       db.checkpoints().read("large", [&](BytesView piece) { size += piece.size(); });
       expect(size == 70'000);
     }},
    {"CheckpointStore::load_latest",
     reads,
     [](Database& db, Beside&) {
       expect(db.checkpoints().load_latest("trace").value().id == "large");
     }},
    {"CheckpointStore::recover_latest",
     reads,
     [](Database& db, Beside&) {
       expect(db.checkpoints().recover_latest("trace").chosen.value().id == "large");
     }},
    {"CheckpointStore::list",
     reads,
     [](Database& db, Beside&) {
       expect(db.checkpoints().list("trace").size() == 4);
       expect(db.checkpoints().list("trace", {.before = "c2"}).size() == 1);
     }},
    {"CheckpointStore::info",
     reads,
     [](Database& db, Beside&) { expect(db.checkpoints().info("c1").has_value()); }},
    {"CheckpointStore::list_traces",
     reads,
     [](Database& db, Beside&) { expect(db.checkpoints().list_traces().size() == 1); }},
    {"CheckpointStore::remove",
     writes,
     [](Database& db, Beside&) { expect(db.checkpoints().remove("large")); }},
    {"CheckpointStore::prune in slices",
     writes,
     [](Database& db, Beside&) {
       db.transact([&] {
         for (int i = 0; i < 300; ++i)
           db.checkpoints().save("trace", {"new-" + std::to_string(i), to_bytes("1"), 1, 1});
         expect(db.checkpoints().prune("trace", 2) == 302);
       });
     }},
    {"CheckpointStore::prune",
     writes,
     [](Database& db, Beside&) { expect(db.checkpoints().prune("trace", 1) == 3); }},
    {"CheckpointStore::remove_trace",
     writes,
     [](Database& db, Beside&) { expect(db.checkpoints().remove_trace("trace") == 4); }},
    {"CheckpointStore::size CheckpointStore::empty",
     reads,
     [](Database& db, Beside&) {
       expect(db.checkpoints().size() == 4 && db.checkpoints().size("trace") == 4);
       expect(!db.checkpoints().empty());
     }},
};

const std::vector<Operation> kSessions = {
    {"SessionStore::append",
     writes,
     [](Database& db, Beside&) {
       expect(db.sessions().append("session", "segment", "{\"n\":4}", {.expected_count = 3}) == 4);
     }},
    {"SessionStore::append_all",
     writes,
     [](Database& db, Beside&) {
       const std::string large = "\"" + std::string(70'000, 'x') + "\"";
       db.sessions().append_all("new session", "new segment", {"1", large});
     }},
    {"SessionStore::create_segment",
     writes,
     [](Database& db, Beside&) {
       db.sessions().create_segment("session", "made", {"1"}, {.metadata = "{\"m\":1}"});
     }},
    {"SessionStore::read_all",
     reads,
     [](Database& db, Beside&) {
       expect(db.sessions().read_all("session", "segment").size() == 3);
     }},
    {"SessionStore::read",
     reads,
     [](Database& db, Beside&) {
       expect(db.sessions().read("session", "segment", 1, 1).size() == 1);
     }},
    {"SessionStore::tail",
     reads,
     [](Database& db, Beside&) {
       expect(db.sessions().tail("session", "segment", 2).size() == 2);
     }},
    {"SessionStore::for_each",
     reads,
     [](Database& db, Beside&) {
       int seen = 0;
       db.sessions().for_each("session", "segment", [&](const LogEntry&) { ++seen; });
       expect(seen == 3);
     }},
    {"SessionStore::read_entry_count",
     reads,
     [](Database& db, Beside&) { expect(db.sessions().read_entry_count("session", "raw") == 1); }},
    {"SessionStore::exists",
     reads,
     [](Database& db, Beside&) { expect(db.sessions().exists("session", "raw")); }},
    {"SessionStore::info",
     reads,
     [](Database& db, Beside&) { expect(db.sessions().info("segment").value().trace_count == 1); }},
    {"SessionStore::lookup_session_of",
     reads,
     [](Database& db, Beside&) { expect(db.sessions().lookup_session_of("raw") == "session"); }},
    {"SessionStore::list_sessions",
     reads,
     [](Database& db, Beside&) {
       expect(db.sessions().list_sessions().size() == 2);
       expect(db.sessions().list_sessions({.after = "other"}).size() == 1);
     }},
    {"SessionStore::list_segments",
     reads,
     [](Database& db, Beside&) { expect(db.sessions().list_segments("session").size() == 2); }},
    {"SessionStore::truncate",
     writes,
     [](Database& db, Beside&) { expect(db.sessions().truncate("session", "segment", 1) == 2); }},
    {"SessionStore::set_metadata",
     writes,
     [](Database& db, Beside&) { db.sessions().set_metadata("session", "raw", "{\"m\":2}"); }},
    {"SessionStore::append_trace",
     writes,
     [](Database& db, Beside&) { db.sessions().append_trace("session", "raw", "{\"t\":2}"); }},
    {"SessionStore::read_trace",
     reads,
     [](Database& db, Beside&) {
       expect(db.sessions().read_trace("session", "segment").size() == 1);
     }},
    {"SessionStore::remove_session",
     writes,
     [](Database& db, Beside&) { expect(db.sessions().remove_session("session").segments == 2); }},
    {"SessionStore::remove_segment",
     writes,
     [](Database& db, Beside&) { expect(db.sessions().remove_segment("session", "raw") == 1); }},
    {"PodStore::write",
     writes,
     [](Database& db, Beside&) { db.sessions().pods().write("pod", "{\"p\":2}"); }},
    {"PodStore::read_by_name",
     reads,
     [](Database& db, Beside&) { expect(db.sessions().pods().read_by_name("pod").has_value()); }},
    {"PodStore::list_names",
     reads,
     [](Database& db, Beside&) { expect(db.sessions().pods().list_names().size() == 1); }},
    {"PodStore::remove_by_name",
     writes,
     [](Database& db, Beside&) { expect(db.sessions().pods().remove_by_name("pod")); }},
};

const std::vector<Operation> kRuns = {
    {"RunStore::append",
     writes,
     [](Database& db, Beside&) {
       expect(db.runs().append("run", {"9", std::string(70'000, 'e')}, {.expected_head = 8}) == 10);
     }},
    {"RunStore::head", reads, [](Database& db, Beside&) { expect(db.runs().head("run") == 8); }},
    {"RunStore::scan",
     reads,
     [](Database& db, Beside&) { expect(db.runs().scan("run", 3).size() == 6); }},
    {"RunStore::for_each",
     reads,
     [](Database& db, Beside&) {
       int seen = 0;
       db.runs().for_each("run", 1, [&](const LogEntry&) { ++seen; });
       expect(seen == 8);
     }},
    {"RunStore::save_snapshot",
     writes,
     [](Database& db, Beside&) {
       db.runs().save_snapshot({"run", 5, to_bytes("five")});
     }},
    {"RunStore::save_snapshot again",
     writes,
     [](Database& db, Beside&) {
       db.runs().save_snapshot({"run", 8, to_bytes(std::string(70'000, 'n'))});
     }},
    {"RunStore::load_latest",
     reads,
     [](Database& db, Beside&) { expect(db.runs().load_latest("run").value().at_seq == 8); }},
    {"RunStore::load_at",
     reads,
     [](Database& db, Beside&) { expect(db.runs().load_at("run", 5).value().at_seq == 4); }},
    {"RunStore::recover_latest",
     reads,
     [](Database& db, Beside&) {
       expect(db.runs().recover_latest("run").chosen.value().at_seq == 8);
     }},
    {"RunStore::list",
     reads,
     [](Database& db, Beside&) { expect(db.runs().list("run", {.before = 8}).size() == 3); }},
    {"RunStore::prune",
     writes,
     [](Database& db, Beside&) { expect(db.runs().prune("run", 1) == 3); }},
    {"RunStore::info",
     reads,
     [](Database& db, Beside&) { expect(db.runs().info("run").value().snapshots == 4); }},
    {"RunStore::list_runs",
     reads,
     [](Database& db, Beside&) { expect(db.runs().list_runs().size() == 1); }},
    {"RunStore::remove", writes, [](Database& db, Beside&) { expect(db.runs().remove("run")); }},
};

std::vector<Operation> all_of_logs() {
  std::vector<Operation> all = kCheckpoints;
  all.insert(all.end(), kSessions.begin(), kSessions.end());
  all.insert(all.end(), kRuns.begin(), kRuns.end());
  return all;
}

}  // namespace

const std::vector<Operation> kLogOperations = all_of_logs();

}  // namespace holdfast::test
