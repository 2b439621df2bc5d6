// How much does group commit save when many threads append durably?
//
//   append_threads FOLDER [--threads N] [--entries N] [--rounds N]
//
// Contenders, interleaved in rounds in one process, on new files in FOLDER (a real disk, not tmpfs):
//   holdfast  N threads, each appends 1 KiB JSON entries at `full`, one call per entry
//   mutex     the same threads over one SQLite connection behind a mutex: BEGIN IMMEDIATE, INSERT, COMMIT
// The last line is the ratio of the medians, time per entry.
#include <holdfast/holdfast.hpp>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>
#include <sys/vfs.h>

namespace {

constexpr long kTmpfsMagic = 0x01021994;

struct Settings {
  std::filesystem::path folder;
  int threads = 16;
  int entries = 250;  // of each thread
  int rounds = 7;
};

std::string make_entry() {
  std::string entry = R"({"kind": "user_input", "ts": 1767225600000, "text": ")";
  entry.append(1022 - entry.size(), 'x');
  return entry + "\"}";
}

template <class Body>
double us_per_entry(const Settings& settings, const Body& body) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int t = 0; t < settings.threads; ++t)
    threads.emplace_back([&, t] { body(t); });
  for (std::thread& thread : threads)
    thread.join();
  const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - begin;
  return time.count() / (settings.threads * settings.entries);
}

double run_holdfast(const Settings& settings, const std::string& file) {
  auto db = holdfast::Database::open(file);
  const std::string entry = make_entry();
  const double result = us_per_entry(settings, [&](int thread) {
    auto sessions = db.sessions();
    const std::string segment = "segment-" + std::to_string(thread);
    for (int i = 0; i < settings.entries; ++i)
      sessions.append("session", segment, entry);
  });
  db.close();
  return result;
}

void check(int result, sqlite3* handle) {
  if (result == SQLITE_OK || result == SQLITE_DONE) return;
  std::fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(handle));
  std::exit(1);
}

double run_mutex(const Settings& settings, const std::string& file) {
  sqlite3* handle = nullptr;
  check(sqlite3_open(file.c_str(), &handle), handle);
  const auto execute = [&](const char* sql) {
    check(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), handle);
  };
  execute("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  execute("CREATE TABLE entry (key INTEGER PRIMARY KEY, payload TEXT NOT NULL)");
  sqlite3_stmt* insert = nullptr;
  check(sqlite3_prepare_v2(handle, "INSERT INTO entry VALUES (?1, ?2)", -1, &insert, nullptr),
        handle);
  const std::string entry = make_entry();
  std::mutex mutex;
  const double result = us_per_entry(settings, [&](int thread) {
    for (int i = 0; i < settings.entries; ++i) {
      const std::scoped_lock lock(mutex);
      execute("BEGIN IMMEDIATE");
      sqlite3_bind_int64(insert, 1, (std::int64_t{thread} << 32) + i);
      sqlite3_bind_text(insert, 2, entry.data(), static_cast<int>(entry.size()), SQLITE_STATIC);
      check(sqlite3_step(insert), handle);
      sqlite3_reset(insert);
      execute("COMMIT");
    }
  });
  sqlite3_finalize(insert);
  sqlite3_close(handle);
  return result;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

bool parse(int argc, char** argv, Settings& settings) {
  if (argc < 2) return false;
  settings.folder = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    const int value = std::atoi(argv[i + 1]);
    if (value < 1) return false;
    if (std::strcmp(argv[i], "--threads") == 0)
      settings.threads = value;
    else if (std::strcmp(argv[i], "--entries") == 0)
      settings.entries = value;
    else if (std::strcmp(argv[i], "--rounds") == 0)
      settings.rounds = value;
    else
      return false;
  }
  return argc % 2 == 0;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (!parse(argc, argv, settings)) {
    std::fprintf(stderr, "usage: append_threads FOLDER [--threads N] [--entries N] [--rounds N]\n");
    return 2;
  }
  struct statfs status {};
  if (statfs(settings.folder.c_str(), &status) != 0 || status.f_type == kTmpfsMagic) {
    std::fprintf(stderr, "FOLDER must be a folder on a real disk, not tmpfs\n");
    return 2;
  }
  std::printf(
      "append 1 KiB, full, %d threads, %d entries each, %d rounds; holdfast %s, SQLite %s\n",
      settings.threads,
      settings.entries,
      settings.rounds,
      std::string(holdfast::version()).c_str(),
      sqlite3_libversion());
  std::vector<double> ours;
  std::vector<double> rivals;
  for (int round = 0; round < settings.rounds; ++round) {
    const auto file = (settings.folder / ("round-" + std::to_string(round))).string();
    ours.push_back(run_holdfast(settings, file + ".holdfast"));
    rivals.push_back(run_mutex(settings, file + ".mutex"));
    std::printf("round %d: holdfast %.1f us, mutex %.1f us per entry\n",
                round + 1,
                ours.back(),
                rivals.back());
    std::filesystem::remove(file + ".holdfast");
    std::filesystem::remove(file + ".mutex");
  }
  std::printf("ratio of medians: %.3f\n", median(ours) / median(rivals));
}
