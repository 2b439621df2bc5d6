#include "interchange/export_manifests.hpp"

#include "holdfast/error.hpp"
#include "interchange/json_text.hpp"
#include "interchange/manifest_plan.hpp"
#include "interchange/progress_meter.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::interchange {

namespace {

constexpr std::string_view kChecksum = "state_checksum";

struct Paths {
  std::string manifest = {};
  std::string state = {};
};

Paths paths_of(std::uint64_t id, int layout) {
  const std::string digits = id_digits(id);
  const std::string checkpoints = kCheckpointFolder;
  if (layout == 1) {
    const std::string folder = checkpoints + "/checkpoint_" + digits;
    return {folder + "/manifest.json", folder + "/state.bin"};
  }
  return {std::string(kManifestFolder) + "/manifest-" + digits + ".json",
          checkpoints + "/state-" + digits + ".bin"};
}

// The pointer file, which names the newest manifest that can be read.
struct Latest {
  std::string path = {};
  std::string text = {};
};

Latest latest_file(std::uint64_t id, int layout) {
  if (layout == 1) {
    return {std::string(kCheckpointFolder) + "/latest.txt", "checkpoint_" + id_digits(id)};
  }
  return {std::string(kManifestFolder) + "/latest.json",
          R"({"checkpoint_id":)" + std::to_string(id) + "}"};
}

bool is_readable(const std::string& json) {
  try {
    Manifest::from_json(json);
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_argument) throw;
    return false;
  }
}

// The JSON with its checksum as a last member, if it has none; every other byte stays.
std::string with_checksum(std::string json, const std::optional<std::string>& checksum) {
  if (!checksum || !is_readable(json)) return json;
  const std::vector<Member> members = top_level_members(json);
  for (const Member& member : members) {
    if (member.name == kChecksum) return json;
  }
  json.insert(members.back().end, ",\"" + std::string(kChecksum) + "\":\"" + *checksum + "\"");
  return json;
}

}  // namespace

ExportReport export_manifests(const Database& database,
                              OutputFolder& output,
                              const ExportOptions& options) {
  const ManifestStore store = database.manifests(options.stream);
  const std::vector<std::uint64_t> ids = store.list_ids();
  const auto readable = store.list();
  const auto claim = [&](const std::string& path) { output.claim(path); };
  for (const std::uint64_t id : ids) {
    const Paths paths = paths_of(id, options.manifest_layout);
    claim(paths.manifest);
    claim(paths.state);
  }
  std::optional<Latest> latest;
  if (!readable.empty()) {
    latest = latest_file(readable.back().first, options.manifest_layout);
    claim(latest->path);
  }
  output.open();

  ExportReport report;
  ProgressMeter progress(options.progress, ids.size());
  progress.add(0);
  const auto write = [&](const std::string& path, std::string_view bytes) {
    OutputFile file = output.create(path);
    file.write(bytes);
    file.finish();
    ++report.files;
    report.bytes += file.bytes();
  };
  for (const std::uint64_t id : ids) {
    if (progress.stopped()) break;
    const Paths paths = paths_of(id, options.manifest_layout);
    const std::optional<std::string> json = store.export_json(id);
    if (!json) continue;  // removed meanwhile
    // The state first: whoever sees the manifest finds what belongs to it.
    if (const std::optional<Bytes> state = store.load_state_data(id)) {
      write(paths.state, as_text(*state));
    }
    write(paths.manifest, with_checksum(*json, store.state_checksum(id)));
    ++report.records;
    progress.add(1);
  }
  report.stopped = progress.stopped();
  if (latest && !report.stopped) write(latest->path, latest->text);
  output.sync();
  return report;
}

}  // namespace holdfast::interchange
