#include "access.hpp"
#include "defect.hpp"
#include "engine/closed_file.hpp"
#include "engine/connection.hpp"
#include "engine/store_row.hpp"
#include "holdfast/error.hpp"
#include "holdfast/maintain.hpp"
#include "maintain/new_file.hpp"

#include <algorithm>
#include <string>

namespace holdfast {

namespace {

// One bar for two halves: the bytes as they are copied, and the check of the copy.
class Halves {
 public:
  Halves(const Progress& progress, std::uint64_t bytes) : progress_(progress), bytes_(bytes) {}

  bool first(std::uint64_t done) const { return !progress_ || progress_(done, 2 * bytes_); }
  Progress second() const {
    return [this](std::uint64_t done, std::uint64_t total) {
      const double share =
          total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
      const auto bytes = static_cast<std::uint64_t>(share * static_cast<double>(bytes_));
      return !progress_ || progress_(bytes_ + std::min(bytes, bytes_), 2 * bytes_);
    };
  }

 private:
  const Progress& progress_;
  std::uint64_t bytes_;
};

// The file as it lies there, and its log if one was left behind. By its bytes and not through an
// engine: the folder of a backup need not be writable, and nothing of it changes.
bool copy_bytes(const engine::ClosedFile& backup,
                maintain::NewFile& target,
                const Halves& progress) {
  std::uint64_t before = 0;
  const auto told = [&](std::uint64_t done) { return progress.first(before + done); };
  if (!target.copy_from(backup.database(), "", told)) return false;
  before = backup.database().size();
  if (backup.log() != nullptr && backup.log()->size() > 0) {
    if (!target.copy_from(*backup.log(), "-wal", told)) return false;
  }
  backup.require_unchanged();
  return true;
}

// False: stopped.
bool require_sound(const Database& copy, const Progress& progress) {
  const VerifyReport report = verify(copy, {.progress = progress});
  for (const Finding& finding : report.findings) {
    if (finding.severity != Severity::error) continue;
    throw Error(ErrorCode::corrupt,
                "the backup is damaged: " + finding.place + ": " + finding.what +
                    "; salvage exports what is not");
  }
  return !report.stopped;
}

// From here on it is another life of the store: who compares positions or leases must see that.
void give_incarnation(const Database& copy) {
  const engine::Link& link = engine::Access::link(copy);
  const std::string incarnation = link.make_uuid().to_string();
  link.write([&](engine::Connection& db) { engine::change_incarnation(db, incarnation); });
}

}  // namespace

bool restore(const std::string& backup_path,
             const std::string& path,
             const RestoreOptions& options) {
  const engine::ClosedFile backup(backup_path);
  maintain::NewFile target(path, maintain::make_unique_name());
  const std::uint64_t log_bytes = backup.log() != nullptr ? backup.log()->size() : 0;
  const Halves progress(options.progress, backup.database().size() + log_bytes);
  if (!copy_bytes(backup, target, progress)) return false;
  if (backup.database().size() == 0) {
    throw Error(ErrorCode::not_a_database, backup_path + " is empty");
  }
  {
    Database copy = Database::open(target.partial_path(), {.create = false});
    const bool sound =
        planted("restored_copy_not_verified") || require_sound(copy, progress.second());
    if (!sound) return false;
    give_incarnation(copy);
    copy.close();
  }
  target.publish();
  return true;
}

}  // namespace holdfast
