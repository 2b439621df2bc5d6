// Read-modify-write: atomic among threads and processes.
#include "holdfast/database.hpp"
#include "state/state_rows.hpp"
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"
#include "support/temporary_folder.hpp"

#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace holdfast;
using test::Ground;
using test::require_error;
using test::text;

namespace {

#ifdef __OPTIMIZE__
constexpr int kIncrements = 20'000;
#else
constexpr int kIncrements = 2'000;
#endif
constexpr int kThreads = 8;

void increment(StateEntries entries, int times) {
  for (int i = 0; i < times; ++i) {
    entries.update("counter", [](const std::optional<Bytes>& current) {
      const long value = current ? std::stol(std::string(as_text(*current))) : 0;
      return to_bytes(std::to_string(value + 1));
    });
  }
}

// In all threads at once; what one of them throws is thrown here.
void increment_in_threads(const StateEntries& entries, int threads, int times) {
  std::vector<std::thread> running;
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(threads));
  for (auto& error : errors) {
    running.emplace_back([&entries, &error, times] {
      try {
        increment(entries, times);
      } catch (...) {
        error = std::current_exception();
      }
    });
  }
  for (std::thread& thread : running)
    thread.join();
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace

TEST_CASE("update reads, decides and writes, and returns what is there now") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  const auto made = orders.update("a", [](const auto& current) {
    REQUIRE_FALSE(current);
    return to_bytes("1");
  });
  REQUIRE(text(made) == "1");
  const auto changed = orders.update("a", [](const auto& current) {
    REQUIRE(text(current) == "1");
    return to_bytes("2");
  });
  REQUIRE(text(changed) == "2");
  REQUIRE(text(orders.get("a")) == "2");
  REQUIRE(orders.version() == 2);
  REQUIRE_FALSE(orders.update("a", [](const auto&) { return std::nullopt; }));
  REQUIRE_FALSE(orders.get("a"));
  REQUIRE_FALSE(orders.update("a", [](const auto&) { return std::nullopt; }));
  REQUIRE(orders.version() == 3);
}

TEST_CASE("an update that throws leaves everything as it was, and its exception comes through") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  orders.put("a", "1");
  const StateEntries::Updater fail = [&](const auto&) -> std::optional<Bytes> {
    orders.put("b", "2");  // joins the transaction of the update
    throw std::runtime_error("no");
  };
  REQUIRE_THROWS_AS(orders.update("a", fail), std::runtime_error);
  REQUIRE(text(orders.range_scan("")) == "a=1");
  db->transact([&] {
    orders.put("c", "3");
    REQUIRE_THROWS_AS(orders.update("a", fail), std::runtime_error);
  });
  REQUIRE(text(orders.range_scan("")) == "a=1 c=3");
}

TEST_CASE("the function of an update runs once, in the caller's thread") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  int runs = 0;
  const auto caller = std::this_thread::get_id();
  orders.update("a", [&](const auto&) {
    ++runs;
    REQUIRE(std::this_thread::get_id() == caller);
    return Bytes();
  });
  REQUIRE(runs == 1);
}

TEST_CASE("an update without a function is invalid_argument") {
  test::TemporaryDatabase db(Ground::memory);
  auto orders = db->state("orders");
  require_error(ErrorCode::invalid_argument, [&] { orders.update("a", nullptr); });
}

TEST_CASE("an update to a value beyond max_payload_bytes is too_large and leaves the old one") {
  test::TemporaryDatabase db(Ground::memory, {.max_payload_bytes = 10});
  auto orders = db->state("orders");
  orders.put("a", "1");
  require_error(ErrorCode::too_large,
                [&] { orders.update("a", [](const auto&) { return Bytes(11); }); });
  REQUIRE(text(orders.get("a")) == "1");
}

TEST_CASE("eight threads that increment one counter lose no increment") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory),
                             {.durability = Durability::normal, .busy_timeout_ms = 100'000});
  auto counters = db->state("counters").partition({"op", 0, 0});
  increment_in_threads(counters, kThreads, kIncrements);
  REQUIRE(text(counters.get("counter")) == std::to_string(kThreads * kIncrements));
  REQUIRE(db->state("counters").version() == kThreads * kIncrements);
}

TEST_CASE("two processes that increment one counter lose no increment") {
  constexpr int kPerThread = kIncrements / 4;
  const test::TemporaryFolder folder;
  const OpenOptions options{.durability = Durability::normal, .busy_timeout_ms = 100'000};
  const auto run = [&] {
    auto db = Database::open(folder.file("counters.holdfast"), options);
    increment_in_threads(db.state("counters"), 2, kPerThread);
  };
  test::ChildProcess child([&] {
    run();
    return 0;
  });
  Database::open(folder.file("counters.holdfast"), options).state("counters").put("counter", "0");
  std::exception_ptr error;
  std::thread running([&] {
    try {
      run();
    } catch (...) {
      error = std::current_exception();
    }
  });
  const int child_result = child.run_to_end();
  running.join();
  if (error) std::rethrow_exception(error);
  REQUIRE(child_result == 0);
  auto db = Database::open(folder.file("counters.holdfast"));
  REQUIRE(text(db.state("counters").get("counter")) == std::to_string(4 * kPerThread));
}
