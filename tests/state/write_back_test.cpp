// Write-back: who owns a state, what reaches the file and when, and what is refused.
#include "holdfast/database.hpp"
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"
#include "support/temporary_folder.hpp"

#include <atomic>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace holdfast;
using test::Ground;
using test::require_error;

namespace {

const StateOptions kWriteBack = {.mode = StateMode::write_back};

std::optional<std::string> value_of(const StateEntries& entries, BytesView key) {
  const auto value = entries.get(key);
  if (!value) return std::nullopt;
  return std::string(as_text(*value));
}

struct RolledBack {};

// Runs the functions in threads at once; what one of them throws is thrown here.
void run_together(const std::vector<std::function<void()>>& functions) {
  std::vector<std::thread> threads;
  std::vector<std::exception_ptr> errors(functions.size());
  for (std::size_t i = 0; i < functions.size(); ++i) {
    threads.emplace_back([&, i] {
      try {
        functions[i]();
      } catch (...) {
        errors[i] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace

TEST_CASE("changes are seen by every handle of the owner, and by others once they are flushed") {
  test::TemporaryDatabase db(Ground::memory);
  auto state = db->state("s", kWriteBack);
  const auto again = db->state("s", kWriteBack);
  const auto file = db->state("s");
  state.partition({"op", 1, 2}).put("k", "1");
  state.put("flat", "2");
  REQUIRE(value_of(again.partition({"op", 1, 2}), "k") == "1");
  REQUIRE(again.contains("flat"));
  REQUIRE(again.stats().changed_entries == 2);
  REQUIRE(again.stats().entries == 2);
  REQUIRE(again.version() == 2);
  REQUIRE_FALSE(file.contains("flat"));
  REQUIRE(file.version() == 0);
  state.flush();
  REQUIRE(value_of(file.partition({"op", 1, 2}), "k") == "1");
  REQUIRE(file.version() == 2);
  REQUIRE(state.stats().changed_entries == 0);
  REQUIRE(state.stats().entries == 2);
}

TEST_CASE("an owned state is written by its owner alone, until it is given up") {
  test::TemporaryDatabase db(Ground::memory);
  db->state("s").put("k", "0");
  db->state("s").checkpoint(1);
  auto owner = db->state("s", kWriteBack);
  auto other = db->state("s");
  require_error(ErrorCode::conflict, [&] { other.put("k", "1"); });
  require_error(ErrorCode::conflict, [&] { other.remove("k"); });
  require_error(ErrorCode::conflict, [&] { other.checkpoint(2); });
  require_error(ErrorCode::conflict, [&] { other.restore(1); });
  require_error(ErrorCode::conflict, [&] { other.drop_checkpoint(1); });
  require_error(ErrorCode::conflict, [&] { other.import_snapshot(owner.export_snapshot(1)); });
  require_error(ErrorCode::conflict, [&] { other.remove_all(); });
  require_error(ErrorCode::conflict,
                [&] { other.update("k", [](const auto&) { return to_bytes("1"); }); });
  owner.put("k", "2");
  owner.close();
  REQUIRE(value_of(other, "k") == "2");
  other.put("k", "3");
  require_error(ErrorCode::closed, [&] { owner.get("k"); });
  require_error(ErrorCode::closed, [&] { owner.put("k", "4"); });
  auto next = db->state("s", kWriteBack);
  REQUIRE(value_of(next, "k") == "3");
}

TEST_CASE("giving a state up is undone with its transaction") {
  test::TemporaryDatabase db(Ground::memory);
  auto state = db->state("s", kWriteBack);
  state.put("k", "1");
  const auto close = [&](bool commit) {
    db->transact([&] {
      state.close();
      require_error(ErrorCode::closed, [&] { state.put("k", "late"); });
      if (!commit) throw RolledBack();
    });
  };
  REQUIRE_THROWS_AS(close(false), RolledBack);
  REQUIRE(value_of(state, "k") == "1");
  REQUIRE_FALSE(db->state("s").contains("k"));
  db->transact([&] { state.close(); });
  require_error(ErrorCode::closed, [&] { state.contains("k"); });
  db->state("s").put("k", "2");
}

TEST_CASE("a second owner is refused, and so are other options") {
  test::TemporaryDatabase db;
  auto owner = db->state("s", kWriteBack);
  owner.put("k", "1");
  auto second = Database::open(db.file());
  require_error(ErrorCode::conflict, [&] { second.state("s", kWriteBack); });
  require_error(ErrorCode::conflict,
                [&] { db->state("s", {.mode = StateMode::write_back, .memory_budget_bytes = 1}); });
  second.close();
  owner.close();
  auto third = Database::open(db.file());
  REQUIRE(value_of(third.state("s", kWriteBack), "k") == "1");
}

TEST_CASE("an owner whose state was taken over cannot flush, and loses what it had") {
  test::TemporaryDatabase db;
  auto other = Database::open(db.file());
  const bool by_name = GENERATE(true, false);
  const StateOptions options = {.mode = StateMode::write_back,
                                .owner = by_name ? "job" : "",
                                .lease_ms = by_name ? 60'000 : 1};
  auto first = db->state("s", options);
  first.put("k", "old");
  first.flush();
  first.put("k", "lost");
  if (!by_name) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  auto second = other.state("s", options);
  REQUIRE(value_of(second, "k") == "old");
  second.put("k", "new");
  second.flush();
  require_error(ErrorCode::fenced, [&] { first.flush(); });
  require_error(ErrorCode::fenced, [&] { first.get("k"); });
  require_error(ErrorCode::fenced, [&] { first.put("k", "again"); });
  require_error(ErrorCode::fenced, [&] { db->transact([&] { first.put("k", "again"); }); });
  REQUIRE(value_of(second, "k") == "new");
}

TEST_CASE("who writes through an owner whose lease has expired fences it") {
  test::TemporaryDatabase db(Ground::memory);
  auto owner = db->state("s", {.mode = StateMode::write_back, .lease_ms = 1});
  owner.put("k", "lost");
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  db->state("s").put("k", "1");
  require_error(ErrorCode::fenced, [&] { owner.checkpoint(1); });
  REQUIRE(value_of(db->state("s"), "k") == "1");
  REQUIRE(db->state("s").list_checkpoints().empty());
}

TEST_CASE(
    "a transaction that touched the state commits the whole buffer, a rolled back one nothing") {
  test::TemporaryDatabase db(Ground::memory);
  auto state = db->state("s", kWriteBack);
  const auto file = db->state("s");
  state.put("before", "1");
  db->transact([&] { db->runs().append("run", {"{}"}); });
  REQUIRE_FALSE(file.contains("before"));  // it did not touch it
  const auto roll_back = [&] {
    db->transact([&] {
      state.put("inside", "1");
      REQUIRE(state.contains("inside"));
      throw RolledBack();
    });
  };
  REQUIRE_THROWS_AS(roll_back(), RolledBack);
  REQUIRE_FALSE(file.contains("before"));
  REQUIRE_FALSE(state.contains("inside"));
  REQUIRE(state.contains("before"));
  db->transact([&] {
    REQUIRE_THROWS_AS(roll_back(), RolledBack);  // a savepoint, with the first touch in it
    db->runs().append("run", {"{}"});
  });
  REQUIRE_FALSE(file.contains("before"));
  db->transact([&] {
    REQUIRE_THROWS_AS(roll_back(), RolledBack);
    REQUIRE(value_of(state, "before") == "1");  // reading is touching
  });
  REQUIRE(file.contains("before"));
  state.put("again", "1");
  Batch batch;
  batch.put(state, "batch", "1").remove(state, "before").checkpoint(state, 7);
  db->commit(batch);
  REQUIRE(file.contains("again"));
  REQUIRE(file.contains("batch"));
  REQUIRE_FALSE(state.contains("before"));
  REQUIRE(file.list_checkpoints().size() == 1);
}

TEST_CASE("what a transaction does is not seen by other threads before it commits") {
  test::TemporaryDatabase db(Ground::memory, {.busy_timeout_ms = 50});
  auto state = db->state("s", kWriteBack);
  state.put("a", "1");
  db->transact([&] {
    state.put("a", "2");
    state.put("b", "2");
    run_together({[&] {
      REQUIRE(value_of(state, "a") == "1");
      REQUIRE_FALSE(state.contains("b"));
      REQUIRE(state.range_scan("").size() == 1);
      REQUIRE(state.version() == 1);
      require_error(ErrorCode::busy, [&] { state.put("a", "3"); });
    }});
  });
  REQUIRE(value_of(state, "a") == "2");
  REQUIRE(state.version() == 3);
}

TEST_CASE("read() sees the last commit, of one instant with everything else") {
  test::TemporaryDatabase db(Ground::memory);
  auto state = db->state("s", kWriteBack);
  state.put("a", "1");
  state.flush();
  state.put("a", "2");
  db->read([&] { REQUIRE(value_of(state, "a") == "1"); });
  REQUIRE(value_of(state, "a") == "2");
}

TEST_CASE("changes beyond the memory budget are refused, and a flush makes room") {
  test::TemporaryDatabase db(Ground::memory);
  auto state = db->state("s", {.mode = StateMode::write_back, .memory_budget_bytes = 10'000});
  const std::string value(1'000, 'v');
  int put = 0;
  require_error(ErrorCode::full, [&] {
    for (;; ++put)
      state.put("k" + std::to_string(put), value);
  });
  REQUIRE(put > 1);
  REQUIRE(state.stats().entries == static_cast<std::uint64_t>(put));
  require_error(ErrorCode::full, [&] { state.put_batch({{"x", "1"}, {"y", value}}); });
  REQUIRE_FALSE(state.contains("x"));
  state.flush();
  state.put("x", value);
  // What was flushed makes way, and is read from the file again.
  for (int i = 0; i < put; ++i)
    REQUIRE(state.contains("k" + std::to_string(i)));
  // A transaction works on the file and has no such limit.
  db->transact([&] { state.put("large", std::string(50'000, 'v')); });
  REQUIRE(state.get("large")->size() == 50'000);
}

TEST_CASE("update works in memory, and its function must leave the state alone") {
  test::TemporaryDatabase db(Ground::memory);
  auto state = db->state("s", kWriteBack);
  state.update("n", [&](const auto& now) {
    REQUIRE_FALSE(now);
    REQUIRE_FALSE(state.contains("n"));
    require_error(ErrorCode::invalid_argument, [&] { state.put("n", "0"); });
    require_error(ErrorCode::invalid_argument, [&] { state.flush(); });
    return to_bytes("1");
  });
  REQUIRE_THROWS_AS(
      state.update("n", [](const auto&) -> std::optional<Bytes> { throw RolledBack(); }),
      RolledBack);
  REQUIRE(value_of(state, "n") == "1");
  state.flush();
  state.update("n", [](const auto&) { return std::nullopt; });
  REQUIRE_FALSE(state.contains("n"));
  REQUIRE(state.version() == 2);
  REQUIRE(db->state("s").contains("n"));
}

TEST_CASE("closing the database flushes, and so does letting it go") {
  test::TemporaryFolder folder;
  const std::string file = folder.file("test.holdfast");
  {
    auto db = Database::open(file);
    db.state("s", kWriteBack).put("closed", "1");
    db.close();
  }
  Database::open(file).state("s", kWriteBack).put("let go", "1");
  auto db = Database::open(file);
  auto state = db.state("s", kWriteBack);  // it was given up as well
  REQUIRE(state.contains("closed"));
  REQUIRE(state.contains("let go"));
  db.close();
  require_error(ErrorCode::closed, [&] { state.contains("closed"); });
  require_error(ErrorCode::closed, [&] { state.flush(); });
}

TEST_CASE("closing says what it could not write, and has closed") {
  test::TemporaryDatabase db;
  auto other = Database::open(db.file());
  const StateOptions options = {.mode = StateMode::write_back, .owner = "job"};
  auto first = db->state("s", options);
  first.put("k", "lost");
  const auto second = other.state("s", options);
  require_error(ErrorCode::fenced, [&] { db->close(); });
  require_error(ErrorCode::closed, [&] { db->state("s").get("k"); });
}

TEST_CASE("a state is not opened in write-back mode inside a transaction, nor read-only") {
  test::TemporaryDatabase db;
  db->transact(
      [&] { require_error(ErrorCode::invalid_argument, [&] { db->state("s", kWriteBack); }); });
  db.close();
  auto reader = Database::open(db.file(), {.read_only = true});
  require_error(ErrorCode::read_only, [&] { reader.state("s", kWriteBack); });
}

TEST_CASE("tickets and changes in memory keep their order") {
  test::TemporaryDatabase db(Ground::memory, {.committer_thread = true});
  auto state = db->state("s", kWriteBack);
  for (int i = 0; i < 100; ++i) {
    Batch batch;
    batch.put(state, "k", "ticket");
    auto ticket = db->commit_async(batch);
    if (i % 2 == 0) REQUIRE(value_of(state, "k") == "ticket");
    state.put("k", "memory");
    ticket.wait();
    REQUIRE(value_of(state, "k") == "memory");
  }
}

TEST_CASE("threads see whole transactions, and lose no update") {
  test::TemporaryDatabase db(Ground::memory, {.durability = Durability::normal});
  auto state = db->state(
      "s", {.mode = StateMode::write_back, .memory_budget_bytes = GENERATE(4'000U, 1U << 20)});
  constexpr int kSteps = 300;
  const auto number = [](const std::optional<Bytes>& value) {
    return value ? std::stol(std::string(as_text(*value))) : 0;
  };
  std::atomic<int> writers = 4;
  const auto increment = [&] {
    for (int i = 0; i < kSteps; ++i) {
      state.update("n", [&](const auto& now) { return to_bytes(std::to_string(number(now) + 1)); });
    }
    --writers;
  };
  const auto move = [&] {  // a + b stays what it is
    for (int i = 0; i < kSteps; ++i) {
      db->transact([&] {
        state.put("a", std::to_string(number(state.get("a")) + 1));
        state.put("b", std::to_string(number(state.get("b")) - 1));
      });
    }
    --writers;
  };
  const auto flush = [&] {
    while (writers > 0)
      state.flush();
  };
  const auto look = [&] {
    long last = 0;
    while (writers > 0) {
      const auto both = state.multi_get({"a", "b"});
      if (number(both[0]) + number(both[1]) != 0) throw std::runtime_error("half a transaction");
      long sum = 0;
      for (const auto& entry : state.range(BytesView("a"), BytesView("c")))
        sum += number(entry.value);
      if (sum != 0) throw std::runtime_error("half a transaction in a scan");
      const long a = number(state.get("a"));
      if (a < last) throw std::runtime_error("time went back");
      last = a;
      state.stats();
    }
  };
  run_together({increment, increment, increment, move, flush, look, look});
  REQUIRE(value_of(state, "n") == std::to_string(3 * kSteps));
  REQUIRE(value_of(state, "a") == std::to_string(kSteps));
  REQUIRE(state.stats().entries == 3);
  REQUIRE(state.version() == 5 * kSteps);
  state.close();
  REQUIRE(value_of(db->state("s"), "n") == std::to_string(3 * kSteps));
}
