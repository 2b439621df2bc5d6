// A town of processes on one file: what they share in memory, so that it survives any of them. Each notes what it
// does before it calls and after it was answered; a note without an answer was cut off by a kill.
//
//   ledger      entries appended to one segment, each with an id of its own
//   bank        transfers between accounts, each with an event in a run; the sum stays 0
//   registers   read, written, compared and set
//   led         entries that only the holder of a lease may append, with its token
//   steps       each writer's own (steps.hpp)
#pragma once

#include "holdfast/database.hpp"
#include "process/steps.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>
#include <sys/mman.h>

namespace holdfast::test {

constexpr std::size_t kTownWriters = 4;
constexpr std::size_t kTownReaders = 3;
constexpr std::size_t kTownWriterActions = 1250;  // of each writer
constexpr std::size_t kTownRegisters = 8;
constexpr std::size_t kTownAccounts = 10;

struct Action {
  enum class Kind : std::uint8_t { append, transfer, led, read, write, compare_and_set };
  Kind kind = Kind::append;
  std::size_t which = 0;  // register
  std::uint64_t expected = 0;
  std::uint64_t value = 0;  // the id that is appended, the value that is written, the token
  std::int64_t call = 0;
  std::uint64_t seen = 0;     // what was read; the count after an append, if it was told
  std::int64_t response = 0;  // 0: none came
};

struct Journal {
  static constexpr std::size_t kRoom = 20'000;
  std::atomic<std::uint64_t> begun;
  std::array<Action, kRoom> actions;
};

struct Town {
  std::uint64_t seed;
  std::atomic<std::uint64_t> lives;  // processes that were started
  std::array<Journal, kTownWriters + kTownReaders> journals;
  std::array<std::atomic<std::uint64_t>, kTownWriters> acknowledged_steps;
  std::atomic<std::uint64_t> acknowledged_appends;
  std::atomic<std::uint64_t> observations;  // reads of one instant, and backups
  std::atomic<std::uint64_t> fenced;
  std::atomic<bool> over;
  std::atomic<int> violations;
  std::array<char, 500> violation;  // the first

  Random random_of_a_life() { return Random(seed + lives.fetch_add(1) * 0x9e37'79b9'7f4a'7c15ULL); }
  void violate(const std::string& text) {
    if (violations.fetch_add(1) == 0)
      std::strncpy(violation.data(), text.c_str(), violation.size() - 1);
  }
};

inline std::int64_t town_time() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

// One town in memory that all processes forked later have in common.
class SharedTown {
 public:
  explicit SharedTown(std::uint64_t seed)
      : memory_(mmap(
            nullptr, sizeof(Town), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    town_ = new (memory_) Town();
    town_->seed = seed;
  }
  SharedTown(const SharedTown&) = delete;
  SharedTown& operator=(const SharedTown&) = delete;
  ~SharedTown() { munmap(memory_, sizeof(Town)); }
  Town& operator*() const { return *town_; }
  Town* operator->() const { return town_; }

 private:
  void* memory_;
  Town* town_;
};

// What has to hold at any instant of the file, or of a copy of it.
inline void check_instant(const Database& db) {
  db.read([&] {
    std::int64_t sum = 0;
    for (const StateEntry& entry : db.state("bank").range_scan("balance "))
      sum += std::stoll(std::string(as_text(entry.value)));
    if (sum != 0) throw std::logic_error("money was made or lost");
    std::uint64_t sides = 0;
    for (const StateEntry& entry : db.state("bank").range_scan("transfers "))
      sides += std::stoull(std::string(as_text(entry.value)));
    if (sides != 2 * db.runs().head("transfers"))
      throw std::logic_error("a transfer is there without its event, or an event without it");
  });
}

inline Steps steps_in_town(std::size_t writer) {
  return Steps("p" + std::to_string(writer));
}

inline std::string register_name(std::size_t number) {
  return "register " + std::to_string(number);
}
inline std::uint64_t value_of(const std::optional<Bytes>& stored) {
  return stored ? std::stoull(std::string(as_text(*stored))) : 0;
}

// The processes' lives. Each opens the file, works until the town is over (a writer: until it has done its share),
// and throws what should not be.
void live_as_writer(Town& town, const std::string& path, std::size_t writer);
void live_as_reader(Town& town, const std::string& path, std::size_t reader);
void live_as_pruner(Town& town, const std::string& path);
void live_as_checkpointer(Town& town, const std::string& path);
void live_as_backup(Town& town, const std::string& path);

}  // namespace holdfast::test
