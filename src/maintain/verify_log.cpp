// What the recovery of the write-ahead log has dropped, by this opening or by one before.

#include "maintain/kept_logs.hpp"
#include "maintain/verification.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <dirent.h>

namespace holdfast::maintain {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPlace = "log";

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

void tell_recovery(Verification& verification, const LogRecovery& found) {
  const std::string pages = std::to_string(found.dropped_pages) + " pages";
  switch (found.finding) {
    case LogRecovery::Finding::clean:
      return;
    case LogRecovery::Finding::unfinished:
      return verification.add(
          Severity::info, kPlace, "a transaction that was not finished was dropped: " + pages);
    case LogRecovery::Finding::uncertain:
      return verification.add(Severity::warning,
                              kPlace,
                              "the newest commits were dropped, after damage or after a power loss "
                              "at normal durability: " +
                                  pages);
    case LogRecovery::Finding::damaged:
      return verification.add(
          Severity::error,
          kPlace,
          "the log was damaged, and acknowledged commits were dropped: " + pages);
  }
}

}  // namespace

// Without std::filesystem::directory_iterator: that of libstdc++ 12 ends the process where memory runs out.
std::vector<std::string> kept_logs(const std::string& database_path) {
  std::vector<std::string> found;
  if (database_path.empty()) return found;
  const fs::path path(database_path);
  const std::string prefix = path.filename().string() + "-wal_damaged_";
  const std::unique_ptr<DIR, CloseFolder> folder(opendir(path.parent_path().c_str()));
  if (!folder) return found;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (name.starts_with(prefix)) found.push_back((path.parent_path() / name).string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool check_log(Verification& verification) {
  verification.begin_part();
  tell_recovery(verification, verification.database().statistics().log_recovery);
  for (const auto& copy : kept_logs(verification.database().path())) {
    verification.add(Severity::warning,
                     kPlace,
                     "a damaged log was found once, and is kept as " + copy +
                         ": remove it when it is of no more use");
  }
  verification.end_part(kPlace);
  return verification.go_on(0);
}

}  // namespace holdfast::maintain
