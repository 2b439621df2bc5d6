// Whether what several clients saw of a register can have happened one after the other, each operation at some
// instant between its call and its response.
//
// The search of Wing and Gong over all orders that respect real time, with Lowe's memory of what has been
// tried: (operations done, value) never twice.
//
// Source   Wing, Gong: Testing and verifying concurrent objects (1993); Lowe: Testing for linearizability (2017)
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

namespace holdfast::test {

struct RegisterOperation {
  enum class Kind : std::uint8_t { read, write, compare_and_set };
  // No response came: it may have happened at any time after its call, or never.
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  Kind kind = Kind::read;
  std::int64_t call = 0;
  std::int64_t response = kNever;
  std::uint64_t seen = 0;      // read, compare_and_set: what was there; unknown without a response
  std::uint64_t expected = 0;  // compare_and_set: `value` is written if this is what was seen
  std::uint64_t value = 0;     // write, compare_and_set

  [[nodiscard]] bool ended() const { return response != kNever; }
  // Can it happen next? Then `state` becomes what is there afterwards.
  bool apply(std::uint64_t& state) const {
    if (kind != Kind::write && ended() && state != seen) return false;
    if (kind == Kind::write || (kind == Kind::compare_and_set && state == expected)) state = value;
    return true;
  }
};

class LinearizabilitySearch {
 public:
  explicit LinearizabilitySearch(std::vector<RegisterOperation> history)
      : history_(without_effect_removed(std::move(history))), done_(history_.size() / 64 + 1) {
    link_events();
  }

  bool run(std::uint64_t state) {
    std::vector<std::pair<std::size_t, std::uint64_t>>
        stack;  // an operation, what was there before
    std::size_t event = next_[kHead];
    while (event != kEnd) {
      const std::size_t operation = operation_of(event);
      std::uint64_t after = state;
      if (is_call(event) && history_[operation].apply(after) && is_new(operation, after)) {
        stack.emplace_back(operation, std::exchange(state, after));
        take(operation);
        event = next_[kHead];
      } else if (is_call(event)) {
        event = next_[event];
      } else {
        // This one has responded, and nothing before it lets it happen: another order.
        if (stack.empty()) return false;
        const auto [last, before] = stack.back();
        stack.pop_back();
        state = before;
        put_back(last);
        event = next_[call_of(last)];
      }
    }
    return true;  // what is left has not responded
  }

 private:
  // Events are a list in order of time: 0 is its head, 1 its end, then a call and a response of each
  // operation.
  static constexpr std::size_t kHead = 0;
  static constexpr std::size_t kEnd = 1;
  static std::size_t call_of(std::size_t operation) { return 2 * operation + 2; }
  static std::size_t response_of(std::size_t operation) { return 2 * operation + 3; }
  static std::size_t operation_of(std::size_t event) { return event / 2 - 1; }
  static bool is_call(std::size_t event) { return event % 2 == 0; }

  // What has not responded and was seen by nobody may as well happen last of all.
  static std::vector<RegisterOperation> without_effect_removed(
      std::vector<RegisterOperation> history) {
    std::set<std::uint64_t> seen;
    for (const RegisterOperation& operation : history)
      seen.insert(operation.ended() ? operation.seen : operation.expected);
    const auto has_effect = [&](const RegisterOperation& operation) {
      return operation.ended() ||
             (operation.kind != RegisterOperation::Kind::read && seen.count(operation.value) > 0);
    };
    history.erase(std::stable_partition(history.begin(), history.end(), has_effect), history.end());
    return history;
  }

  void link_events() {
    // At the same time, calls come first: those overlap.
    std::vector<std::tuple<std::int64_t, bool, std::size_t>> events;
    for (std::size_t i = 0; i < history_.size(); ++i) {
      events.emplace_back(history_[i].call, false, call_of(i));
      if (history_[i].ended()) events.emplace_back(history_[i].response, true, response_of(i));
    }
    std::sort(events.begin(), events.end());
    next_.resize(2 * history_.size() + 2);
    previous_.resize(next_.size());
    std::size_t last = kHead;
    for (const auto& event : events) {
      join(last, std::get<2>(event));
      last = std::get<2>(event);
    }
    join(last, kEnd);
  }

  void join(std::size_t first, std::size_t second) {
    next_[first] = second;
    previous_[second] = first;
  }
  void unlink(std::size_t event) { join(previous_[event], next_[event]); }
  void link_again(std::size_t event) {
    next_[previous_[event]] = event;
    previous_[next_[event]] = event;
  }
  void take(std::size_t operation) {
    flip(operation);
    unlink(call_of(operation));
    if (history_[operation].ended()) unlink(response_of(operation));
  }
  // In the opposite order.
  void put_back(std::size_t operation) {
    flip(operation);
    if (history_[operation].ended()) link_again(response_of(operation));
    link_again(call_of(operation));
  }

  void flip(std::size_t operation) { done_[operation / 64] ^= std::uint64_t{1} << operation % 64; }
  bool is_new(std::size_t operation, std::uint64_t state) {
    std::vector<std::uint64_t> key = done_;
    key[operation / 64] |= std::uint64_t{1} << operation % 64;
    key.push_back(state);
    return tried_.insert(std::move(key)).second;
  }

  struct Hash {
    std::size_t operator()(const std::vector<std::uint64_t>& words) const {
      std::uint64_t hash = 0;
      for (const std::uint64_t word : words)
        hash = (hash ^ word) * 0x9e37'79b9'7f4a'7c15ULL + (hash >> 29);
      return static_cast<std::size_t>(hash);
    }
  };

  std::vector<RegisterOperation> history_;
  std::vector<std::uint64_t> done_;  // a bit for each operation
  std::vector<std::size_t> next_;
  std::vector<std::size_t> previous_;
  std::unordered_set<std::vector<std::uint64_t>, Hash> tried_;
};

inline bool is_linearizable(std::vector<RegisterOperation> history, std::uint64_t initial) {
  return LinearizabilitySearch(std::move(history)).run(initial);
}

}  // namespace holdfast::test
