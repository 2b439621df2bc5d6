// Every store through the installed headers alone, and one transaction over all of them.
#include <holdfast/holdfast.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace {

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::exit(1);
}

// One step of an agent, in every store.
void step(holdfast::Database& db, std::uint64_t number) {
  const std::string text = std::to_string(number);
  db.runs().append("run", {R"({"StateUpdated": {"step_id": ")" + text + "\"}}"});
  db.runs().save_snapshot({"run", number, holdfast::to_bytes(text)});
  db.sessions().append("session", "segment", R"({"kind": "user_input", "ts": )" + text + "}");
  db.state("counts").partition({"op", 0, 0}).put("steps", text);
  db.checkpoints().save("trace", {"step-" + text, holdfast::to_bytes(text), number, 0});
  db.manifests("job").save_with_state(holdfast::Manifest(number, number, 1), {text});
}

void expect_steps(const holdfast::Database& db, std::uint64_t count) {
  db.read([&] {
    const std::string text = std::to_string(count);
    expect(db.runs().head("run") == count, "the run's head");
    expect(holdfast::as_text(db.runs().load_latest("run")->state) == text, "the newest snapshot");
    expect(db.sessions().read_entry_count("session", "segment") == count, "the segment's count");
    expect(holdfast::as_text(*db.state("counts").partition({"op", 0, 0}).get("steps")) == text,
           "the keyed state");
    expect(db.checkpoints().load_latest("trace")->id == "step-" + text, "the newest checkpoint");
    expect(db.manifests("job").load_latest()->checkpoint_id() == count, "the newest manifest");
    expect(holdfast::as_text(*db.manifests("job").load_state_data(count)) == text, "its state");
  });
}

void run(holdfast::Database db) {
  for (std::uint64_t number = 1; number <= 3; ++number)
    db.transact([&] { step(db, number); });
  expect_steps(db, 3);
  try {
    db.transact([&] {
      step(db, 4);
      throw std::runtime_error("given up");
    });
    expect(false, "the exception goes on to the caller");
  } catch (const std::runtime_error&) {
  }
  expect_steps(db, 3);

  const auto lease = db.leases().acquire("job", "first", 60'000);
  expect(lease.has_value(), "a free lease is acquired");
  expect(!db.leases().acquire("job", "second", 60'000).has_value(), "a held one is not");
  expect(db.leases().release(*lease), "and given up");
  try {
    db.with_fence(lease->fence()).state("counts").put("key", "value");
    expect(false, "a write with a lease that was given up is fenced");
  } catch (const holdfast::Error& error) {
    expect(error.code() == holdfast::ErrorCode::fenced, "the code is fenced");
  }

  holdfast::Batch batch;
  batch.append("session", "other", "1").put(db.state("counts"), "flat", "2");
  db.commit(batch);
  expect(db.state("counts").get("flat").has_value(), "a batch is committed");
  expect(holdfast::verify(db).sound(), "the file is sound");
  db.close();
  try {
    db.checkpoints().size();
    expect(false, "a closed database refuses");
  } catch (const holdfast::Error& error) {
    expect(error.code() == holdfast::ErrorCode::closed, "the code is closed");
  }
}

}  // namespace

int main() {
  run(holdfast::Database::in_memory());
  run(holdfast::Database::open("all_stores.holdfast"));
  expect_steps(holdfast::Database::open("all_stores.holdfast"), 3);
  expect(!std::filesystem::exists("all_stores.holdfast-wal"), "one file remains");
  std::filesystem::remove("all_stores.holdfast");
}
