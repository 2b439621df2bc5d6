#include "support/machine.hpp"

#include "holdfast/holdfast.hpp"
#include "support/store.hpp"

#include <sqlite3.h>

#include <fstream>
#include <sstream>
#include <thread>
#include <sys/utsname.h>
#include <sys/vfs.h>

namespace bench {

namespace {

constexpr long kTmpfsMagic = 0x01021994;
constexpr long kRamfsMagic = 0x858458f6;

// The rest of the first line of the file that begins with `key`.
std::string line_of(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const auto begin = line.find_first_not_of(" \t:", key.size());
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "unknown";
}

// The mount with the longest path that the folder lies under.
std::string file_system(const std::filesystem::path& folder) {
  const std::string path = std::filesystem::canonical(folder).string();
  std::ifstream in("/proc/mounts");
  std::string best;
  std::string type = "unknown";
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string device;
    std::string point;
    std::string kind;
    fields >> device >> point >> kind;
    const bool under = point == "/" || path == point || path.rfind(point + "/", 0) == 0;
    if (!under || point.size() < best.size()) continue;
    best = point;
    type = kind;
  }
  return type;
}

}  // namespace

Facts machine(const std::filesystem::path& folder) {
  utsname system{};
  uname(&system);
  Facts facts{
      {"CPU", line_of("/proc/cpuinfo", "model name")},
      {"cores", std::to_string(std::thread::hardware_concurrency())},
      {"memory", line_of("/proc/meminfo", "MemTotal")},
      {"kernel", std::string(system.sysname) + " " + system.release},
      {"file system", file_system(folder)},
      {"compiler", __VERSION__},
#ifdef __OPTIMIZE__
      {"optimised", "yes"},
#else
      {"optimised", "NO: these figures say nothing"},
#endif
      {"holdfast", std::string(holdfast::version())},
      {"SQLite", sqlite3_libversion()},
  };
  for (const Rival& rival : rivals())
    if (rival.open && rival.name != "SQLite") facts.emplace_back(rival.name, rival.version);
  return facts;
}

std::string load_average() {
  std::ifstream in("/proc/loadavg");
  std::string first;
  in >> first;
  return first;
}

bool on_disk(const std::filesystem::path& folder) {
  struct statfs status {};
  return std::filesystem::is_directory(folder) && statfs(folder.c_str(), &status) == 0 &&
         status.f_type != kTmpfsMagic && status.f_type != kRamfsMagic;
}

}  // namespace bench
