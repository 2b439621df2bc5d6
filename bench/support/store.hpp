// The rivals as ordered maps of bytes, each used as its own documents advise: keys and values go in by
// batches that are atomic, and come out as owned copies.
//
// A rival that was not found when the bench was configured has no `open`; the questions say so and go on.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

// For every contender that has a cache, holdfast too.
constexpr std::size_t kCacheBytes = std::size_t{64} << 20;

struct StoreOptions {
  std::filesystem::path folder = {};
  bool sync = true;  // a write that has returned survives power loss; else the death of the process
};

// A value of no address (a string_view made of nothing) removes the key.
using PairView = std::pair<std::string_view, std::string_view>;
using Pair = std::pair<std::string, std::string>;

inline bool removes(const PairView& pair) {
  return pair.second.data() == nullptr;
}

class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  virtual void write(std::span<const PairView> batch) = 0;
  virtual std::optional<std::string> get(std::string_view key) = 0;
  // Entries whose keys begin with `prefix`, in key order.
  virtual std::vector<Pair> scan(std::string_view prefix) = 0;
  // From here on all reads are of one snapshot; until release_reads(). Nothing where there is none to hold.
  virtual void hold_reads() {}
  virtual void release_reads() {}
  // For what is stored before the clock starts.
  virtual void set_sync(bool sync) = 0;

  void put(std::string_view key, std::string_view value) {
    const PairView pair{key, value};
    write({&pair, 1});
  }
};

struct Rival {
  std::string name = {};
  std::string version = {};
  std::function<std::unique_ptr<Store>(const StoreOptions&)> open = nullptr;
  std::string missing = {};  // which package would bring it
};

// SQLite, LMDB, LevelDB, RocksDB.
const std::vector<Rival>& rivals();

// The way of programs without a database: a hash map under a shared lock, which is serialised as a whole. It
// stands for itself, beside rivals(): what it holds is durable only once somebody has saved it.
std::unique_ptr<Store> open_map();

std::unique_ptr<Store> open_sqlite(const StoreOptions& options);
std::unique_ptr<Store> open_lmdb(const StoreOptions& options);
std::unique_ptr<Store> open_leveldb(const StoreOptions& options);
std::unique_ptr<Store> open_rocksdb(const StoreOptions& options);
std::string lmdb_version();
std::string leveldb_version();
std::string rocksdb_version();

// A failure in a rival ends the program: its figures would mean nothing.
[[noreturn]] void fail(const std::string& what);

}  // namespace bench
