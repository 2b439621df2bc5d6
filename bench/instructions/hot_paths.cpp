// The hot paths, a number of calls each, for callgrind to count: it writes a dump per path, named after it.
//
//   valgrind --tool=callgrind --instr-atstart=no --combine-dumps=no hot_paths FOLDER
//
// Nothing in it depends on the moment: ids and times come from counters, the log is never moved into the file. Without
// an argument it says what it was compiled with, and for which libraries its counts hold.
#include <gnu/libc-version.h>
#include <holdfast/holdfast.hpp>
#include <sqlite3.h>
#include <valgrind/callgrind.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace {

constexpr int kCalls = 200;     // of each path
constexpr int kEntries = 2000;  // that are there before

std::string text_of(std::size_t size, int number) {
  std::string text =
      R"({"kind": "step", "ts": 1767225600000, "n": )" + std::to_string(number) + ", \"x\": \"";
  while (text.size() + 2 < size)
    text += static_cast<char>('a' + (text.size() * 7 + static_cast<std::size_t>(number)) % 26);
  return text + "\"}";
}

std::string key_of(int number) {
  return "key-" + std::to_string(1'000'000 + number * 7919 % kEntries);
}

holdfast::OpenOptions options() {
  holdfast::OpenOptions options;
  options.durability = holdfast::Durability::normal;
  options.wal_checkpoint_bytes = 1ULL << 30;
  options.wal_soft_limit_bytes = 2ULL << 30;
  options.clock = [now = std::int64_t{1'767'225'600'000'000}]() mutable { return now += 10; };
  options.random = [state = std::uint64_t{1}]() mutable {
    return state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  };
  return options;
}

// The first call, which prepares statements, is not counted.
template <class Call>
void count(const char* path, const Call& call) {
  call(-1);
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  for (int i = 0; i < kCalls; ++i)
    call(i);
  CALLGRIND_DUMP_STATS_AT(path);
  CALLGRIND_STOP_INSTRUMENTATION;
}

void run(const std::string& folder) {
  auto db = holdfast::Database::open(folder + "/hot_paths.holdfast", options());
  auto state = db.state("state");
  db.transact([&] {
    for (int i = 0; i < kEntries; ++i)
      state.put(key_of(i), text_of(100, i));
  });
  std::vector<std::string> values;
  for (int i = -1; i < kCalls; ++i)
    values.push_back(text_of(100, i));
  const auto put = [&](int key, int i) {
    state.put(key_of(key), values[static_cast<std::size_t>(i + 1)]);
  };
  const std::string entry = text_of(1024, 0);
  const holdfast::Bytes payload = holdfast::to_bytes(text_of(1024, 1));

  count("append", [&](int) { db.sessions().append("session", "segment", entry); });
  count("put", [&](int i) { put(i + 1, i); });
  count("get", [&](int i) { state.get(key_of(i + 1)); });
  db.read([&] { count("get in read", [&](int i) { state.get(key_of(i + 1)); }); });
  count("scan of 20", [&](int) { state.range_scan("key-1000", {.limit = 20}); });
  const std::vector<std::string> entries(20, entry);
  count("append_all of 20", [&](int) { db.sessions().append_all("session", "batches", entries); });
  count("read of 20", [&](int i) {
    db.sessions().read("session", "batches", static_cast<std::uint64_t>(i + 1) * 10, 20);
  });
  count("save", [&](int i) {
    db.checkpoints().save("trace", {.id = "id-" + std::to_string(i), .data = payload});
  });
  count("load_latest", [&](int) { db.checkpoints().load_latest("trace"); });
  // One key changes between two marks, so that there is something to keep.
  count("put and checkpoint", [&](int i) {
    put(1, i);
    state.checkpoint(static_cast<std::uint64_t>(i + 2));
  });
  db.close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) {
    run(argv[1]);
  } else {
    std::printf("calls %d\n", kCalls);
    std::printf("compiler %s, SQLite %s, glibc %s\n",
                HOLDFAST_COMPILER,
                sqlite3_libversion(),
                gnu_get_libc_version());
  }
}
