// The checker itself: what it has to accept, what it has to reject, and that it agrees with the plain definition.
#include "process/linearizability.hpp"

#include "harness/scale.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <iostream>
#include <optional>

using holdfast::test::is_linearizable;
using holdfast::test::Random;
using holdfast::test::RegisterOperation;
using Kind = RegisterOperation::Kind;
using History = std::vector<RegisterOperation>;

namespace {

constexpr std::int64_t kNever = RegisterOperation::kNever;

RegisterOperation read(std::int64_t call, std::int64_t response, std::uint64_t seen) {
  return {Kind::read, call, response, seen, 0, 0};
}
RegisterOperation write(std::int64_t call, std::int64_t response, std::uint64_t value) {
  return {Kind::write, call, response, 0, 0, value};
}
RegisterOperation compare_and_set(std::int64_t call,
                                  std::int64_t response,
                                  std::uint64_t seen,
                                  std::uint64_t expected,
                                  std::uint64_t value) {
  return {Kind::compare_and_set, call, response, seen, expected, value};
}

// By the definition: tries every order.
bool has_order(const History& history, std::vector<bool>& done, std::uint64_t state) {
  std::int64_t first_response = kNever;
  bool all_ended_are_done = true;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (done[i] || !history[i].ended()) continue;
    all_ended_are_done = false;
    first_response = std::min(first_response, history[i].response);
  }
  if (all_ended_are_done) return true;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (done[i] || history[i].call > first_response) continue;
    std::uint64_t after = state;
    if (!history[i].apply(after)) continue;
    done[i] = true;
    const bool found = has_order(history, done, after);
    done[i] = false;
    if (found) return true;
  }
  return false;
}
bool has_order(const History& history) {
  std::vector<bool> done(history.size());
  return has_order(history, done, 0);
}

// A few operations at any times, which saw anything.
History random_history(Random& random) {
  History history(1 + random.below(7));
  for (RegisterOperation& operation : history) {
    operation.kind = static_cast<Kind>(random.below(3));
    operation.call = static_cast<std::int64_t>(random.below(12));
    operation.response = operation.call + 1 + static_cast<std::int64_t>(random.below(6));
    if (random.one_in(6)) operation.response = kNever;
    operation.seen = random.below(3);
    operation.expected = random.below(3);
    operation.value = random.below(3);
  }
  return history;
}

// What clients see of a real register: each operation happens at one instant within its time.
History true_history(Random& random, std::size_t clients, std::size_t operations) {
  struct Client {
    std::int64_t free_at = 0;
  };
  std::vector<Client> all(clients);
  std::vector<std::pair<std::int64_t, RegisterOperation>> by_instant;
  for (std::size_t i = 0; i < operations; ++i) {
    Client& client = random.pick(all);
    RegisterOperation operation;
    operation.kind = static_cast<Kind>(random.below(3));
    operation.call = client.free_at + 1 + static_cast<std::int64_t>(random.below(20));
    const auto instant = operation.call + static_cast<std::int64_t>(random.below(20));
    operation.response = instant + static_cast<std::int64_t>(random.below(20));
    operation.value = i + 1;
    client.free_at = operation.response;
    by_instant.emplace_back(instant, operation);
  }
  std::stable_sort(by_instant.begin(), by_instant.end(), [](const auto& a, const auto& b) {
    return a.first < b.first;
  });
  History history;
  std::uint64_t state = 0;
  for (auto& [instant, operation] : by_instant) {
    operation.seen = state;
    operation.expected = random.one_in(2) ? state : random.below(operations);
    operation.apply(state);
    history.push_back(operation);
  }
  return history;
}

}  // namespace

TEST_CASE("what can have happened one after the other is accepted") {
  CHECK(is_linearizable({}, 0));
  CHECK(is_linearizable({write(1, 2, 7), read(3, 4, 7)}, 0));
  // A read beside a write sees either.
  CHECK(is_linearizable({write(1, 5, 7), read(2, 3, 0)}, 0));
  CHECK(is_linearizable({write(1, 5, 7), read(2, 3, 7)}, 0));
  CHECK(is_linearizable({compare_and_set(1, 4, 0, 0, 7), compare_and_set(2, 5, 7, 0, 8)}, 0));
  // Without a response: at once, late, or never.
  CHECK(is_linearizable({write(1, kNever, 7), read(2, 3, 7)}, 0));
  CHECK(is_linearizable({write(1, kNever, 7), read(2, 3, 0), read(4, 5, 7)}, 0));
  CHECK(is_linearizable({write(1, kNever, 7), read(2, 3, 0)}, 0));
  CHECK(is_linearizable({write(1, kNever, 7), compare_and_set(1, kNever, 0, 7, 8), read(4, 5, 8)},
                        0));
}

TEST_CASE("what cannot have happened is rejected") {
  // Stale, after a write had been acknowledged.
  CHECK_FALSE(is_linearizable({write(1, 2, 7), read(3, 4, 0)}, 0));
  // Lost: nobody overwrote it.
  CHECK_FALSE(is_linearizable({write(1, 2, 7), write(3, 4, 8), read(5, 6, 7)}, 0));
  // Never written.
  CHECK_FALSE(is_linearizable({read(1, 2, 9)}, 0));
  // Seen, and then not seen.
  CHECK_FALSE(is_linearizable({write(1, 9, 7), read(2, 3, 7), read(4, 5, 0)}, 0));
  // Two that both found the old value.
  CHECK_FALSE(is_linearizable({compare_and_set(1, 4, 0, 0, 7), compare_and_set(2, 5, 0, 0, 8)}, 0));
  // Without a response, and yet before its call.
  CHECK_FALSE(is_linearizable({read(1, 2, 7), write(3, kNever, 7)}, 0));
  CHECK_FALSE(is_linearizable({write(1, kNever, 7), read(2, 3, 7), read(4, 5, 0)}, 0));
}

TEST_CASE("the checker agrees with the definition on any small history") {
  Random random;
  INFO(random);
  std::size_t accepted = 0;
  const std::size_t cases = holdfast::test::scaled(200'000);
  for (std::size_t i = 0; i < cases; ++i) {
    const History history = random_history(random);
    const bool expected = has_order(history);
    CAPTURE(i);
    REQUIRE(is_linearizable(history, 0) == expected);
    if (expected) ++accepted;
  }
  CHECK(accepted > 0);
  CHECK(accepted < cases);
  std::cout << cases << " small histories, of which " << accepted << " can have happened\n";
}

TEST_CASE("long true histories are accepted, and rejected with one value seen too late") {
  Random random;
  INFO(random);
  for (std::size_t i = 0; i < 20; ++i) {
    History history = true_history(random, 8, 2000);
    REQUIRE(is_linearizable(history, 0));
    // The one who asks last of all sees the first value that was overwritten.
    history.push_back(read(1'000'000'000, 1'000'000'001, 0));
    REQUIRE_FALSE(is_linearizable(history, 0));
  }
}
