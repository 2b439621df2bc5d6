#include "holdfast/database.hpp"
#include "manifests.hpp"
#include "support/catch.hpp"
#include "support/temporary_database.hpp"

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace holdfast {
namespace {

using test::Ground;
using test::manifest;

// Runs `work(thread)` in as many threads at once; the first exception comes out of here.
void run_threads(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::vector<std::exception_ptr> errors(count);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      try {
        work(i);
      } catch (...) {
        errors[i] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

constexpr std::size_t kThreads = 6;
constexpr std::uint64_t kIds = 20;

TEST_CASE("of several threads that save the same id with the same content, one saves") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  std::atomic<std::size_t> saved{0};
  std::atomic<std::size_t> already_there{0};
  run_threads(kThreads, [&](std::size_t) {
    auto store = db->manifests("race");
    for (std::uint64_t id = 1; id <= kIds; ++id) {
      const auto outcome = store.save_with_state(manifest(id), "state of " + std::to_string(id));
      ++(outcome == SaveOutcome::saved ? saved : already_there);
    }
  });
  CHECK(saved == kIds);
  CHECK(already_there == kIds * (kThreads - 1));
  CHECK(db->manifests("race").list_ids().size() == kIds);
}

TEST_CASE(
    "of several threads that save the same id with other contents, one wins, manifest and state") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  std::vector<std::vector<bool>> won(kThreads, std::vector<bool>(kIds + 1));
  std::atomic<std::size_t> conflicts{0};
  run_threads(kThreads, [&](std::size_t thread) {
    auto store = db->manifests("race");
    for (std::uint64_t id = 1; id <= kIds; ++id) {
      try {
        store.save_with_state(manifest(id, thread + 1), "state of " + std::to_string(thread + 1));
        won[thread][id] = true;
      } catch (const Error& error) {
        if (error.code() != ErrorCode::conflict) throw;
        ++conflicts;
      }
    }
  });
  CHECK(conflicts == kIds * (kThreads - 1));
  auto store = db->manifests("race");
  for (std::uint64_t id = 1; id <= kIds; ++id) {
    const std::uint64_t winner = store.load_by_id(id)->epoch();
    CHECK(won[winner - 1][id]);
    CHECK(test::text_of(store.load_state_data(id).value()) == "state of " + std::to_string(winner));
    CHECK(store.validate_checkpoint(id).valid);
  }
}

TEST_CASE("a reader sees whole checkpoints only, while others save, update and prune") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  std::atomic<bool> done{false};
  std::atomic<std::size_t> seen{0};
  db->manifests().save_with_state(manifest(1), "1");
  run_threads(3, [&](std::size_t thread) {
    auto store = db->manifests("", {.max_retained = 2});
    if (thread == 0) {
      for (std::uint64_t id = 2; id <= 60; ++id) {
        store.save_with_state(manifest(id, 1, test::kPending), std::to_string(id));
        store.update_manifest(manifest(id, 1, test::kCommitted));
      }
      done = true;
      return;
    }
    do {
      db->read([&] {
        const auto latest = store.load_latest();
        if (!latest) throw std::runtime_error("there is no latest manifest");
        const auto state = store.load_state_data(latest->checkpoint_id());
        if (!state || test::text_of(*state) != std::to_string(latest->checkpoint_id())) {
          throw std::runtime_error("manifest and state are of different saves");
        }
        if (!store.validate_checkpoint(latest->checkpoint_id()).valid) {
          throw std::runtime_error("the latest checkpoint is not valid");
        }
      });
      ++seen;
    } while (!done);
  });
  CHECK(seen >= 2);
  CHECK(db->manifests().list_ids() == std::vector<std::uint64_t>{58, 59, 60});
}

}  // namespace
}  // namespace holdfast
