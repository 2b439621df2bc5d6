#include "interchange/import_manifests.hpp"

#include "holdfast/error.hpp"
#include "holdfast/limits.hpp"
#include "interchange/manifest_plan.hpp"
#include "interchange/progress_meter.hpp"
#include "interchange/write_queue.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast::interchange {

namespace {

using Kind = ImportFinding::Kind;

class ManifestImport {
 public:
  ManifestImport(Database& database,
                 const SourceFolder& folder,
                 const std::string& stream,
                 ImportReport& report)
      : database_(database),
        folder_(folder),
        store_(database.manifests(stream)),
        report_(report),
        queue_(database, report) {}

  void checkpoint(std::uint64_t id, const ManifestFiles& files) {
    for (const LayoutFiles* file : {&files.manifest, &files.state}) {
      if (const SourceFile* passed = file->passed_over()) {
        find(Kind::skipped_file, passed->path, "the newer layout holds this file, too");
      }
    }
    const SourceFile* manifest = files.manifest.chosen();
    const SourceFile* state = files.state.chosen();
    if (id > kMaxNumber) {
      find(Kind::skipped_file, (manifest ? manifest : state)->path, "its id is beyond 2^63-1");
      return;
    }
    std::optional<std::string> bytes;
    if (state != nullptr) bytes = read(*state);
    // A state that could not be read must not be taken for a checkpoint without one.
    if (state != nullptr && !bytes) return;
    if (manifest == nullptr) {
      enqueue_orphan(id, *state, std::move(*bytes));
    } else if (std::optional<std::string> json = read(*manifest)) {
      enqueue(id, *manifest, std::move(*json), std::move(bytes));
    }
  }

  // A pointer is not kept: here the latest is always the highest id. One that dangles is worth a word.
  void latest(const SourceFile* file, std::optional<std::uint64_t> id, const ManifestPlan& plan) {
    const auto named = id ? plan.by_id.find(*id) : plan.by_id.end();
    if (named == plan.by_id.end() || named->second.manifest.chosen() == nullptr) {
      find(Kind::skipped_file, file->path, "it names no checkpoint that is here");
    }
  }

  std::optional<std::string> read(const SourceFile& file) {
    try {
      return read_whole(folder_.absolute(file), database_.max_payload_bytes());
    } catch (const Unreadable& error) {
      find(Kind::unreadable, file.path, error.what());
      return std::nullopt;
    }
  }

  void finish() { queue_.commit(); }

 private:
  void find(Kind kind, const std::string& path, std::string reason) {
    report_.findings.push_back({kind, path, 0, std::move(reason)});
  }

  void enqueue(std::uint64_t id,
               const SourceFile& file,
               std::string json,
               std::optional<std::string> state) {
    struct Item {
      std::string json;
      std::optional<std::string> state;
      SaveOutcome outcome = SaveOutcome::saved;
    };
    const std::uint64_t bytes = json.size() + (state ? state->size() : 0);
    const auto item = std::make_shared<Item>();
    item->json = std::move(json);
    item->state = std::move(state);
    queue_.add({file.path,
                {},
                bytes,
                [this, id, item] {
                  std::optional<BytesView> view;
                  if (item->state) view = BytesView(*item->state);
                  item->outcome = store_.import(id, item->json, view);
                },
                [this, id, item, bytes, path = file.path] {
                  const bool is_new = item->outcome == SaveOutcome::saved;
                  const std::uint64_t files = item->state ? 2 : 1;
                  if (!is_new) report_.files_unchanged += files;
                  report_.manifests += is_new ? 1 : 0;
                  report_.states += is_new && item->state ? 1 : 0;
                  report_.bytes += is_new ? bytes : 0;
                  validate(id, path);
                }});
  }

  void enqueue_orphan(std::uint64_t id, const SourceFile& file, std::string state) {
    const std::uint64_t bytes = state.size();
    const auto outcome = std::make_shared<SaveOutcome>(SaveOutcome::saved);
    queue_.add({file.path,
                {},
                bytes,
                [this, id, outcome, state = std::move(state)] {
                  *outcome = store_.save_state_data(id, {state});
                },
                [this, bytes, outcome] {
                  const bool is_new = *outcome == SaveOutcome::saved;
                  (is_new ? report_.states : report_.files_unchanged) += 1;
                  report_.bytes += is_new ? bytes : 0;
                }});
  }

  void validate(std::uint64_t id, const std::string& path) {
    std::string reasons;
    for (const ManifestIssue& issue : store_.validate_checkpoint(id).issues) {
      if (!issue.fatal) continue;
      reasons += (reasons.empty() ? "" : "; ") + issue.reason;
    }
    if (!reasons.empty()) find(Kind::bad_record, path, "kept, but not valid: " + reasons);
  }

  Database& database_;
  const SourceFolder& folder_;
  ManifestStore store_;
  ImportReport& report_;
  WriteQueue queue_;
};

// {"checkpoint_id": N}
std::optional<std::uint64_t> id_in_latest_json(const std::string& text) {
  const auto document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object()) return std::nullopt;
  const auto id = document.find("checkpoint_id");
  if (id == document.end() || !id->is_number_unsigned()) return std::nullopt;
  return id->get<std::uint64_t>();
}

// checkpoint_000002
std::optional<std::uint64_t> id_in_latest_text(const std::string& text, const ManifestPlan& plan) {
  const std::string name = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  for (const auto& [id, files] : plan.by_id) {
    if (name == "checkpoint_" + id_digits(id)) return id;
  }
  return std::nullopt;
}

}  // namespace

void import_manifests(Database& database,
                      const SourceFolder& folder,
                      const ImportOptions& options,
                      ImportReport& report) {
  const ManifestPlan plan = plan_manifests(folder);
  report.files_skipped = folder.files.size() - plan.files;
  ProgressMeter progress(options.progress, plan.bytes);
  progress.add(0);
  ManifestImport import(database, folder, options.stream, report);
  for (const auto& [id, files] : plan.by_id) {
    if (progress.stopped()) break;
    import.checkpoint(id, files);
    std::uint64_t bytes = 0;
    for (const SourceFile* file :
         {files.manifest.v1, files.manifest.v2, files.state.v1, files.state.v2}) {
      if (file == nullptr) continue;
      ++report.files;
      bytes += file->bytes;
    }
    progress.add(bytes);
  }
  import.finish();
  report.stopped = progress.stopped();
  if (report.stopped) return;

  for (const SourceFile* marker : plan.markers) {
    report.findings.push_back(
        {Kind::skipped_file, marker->path, 0, "a decision marker is not kept"});
  }
  report.files += plan.markers.size();
  for (const SourceFile* file : {plan.latest_v1, plan.latest_v2}) {
    if (file == nullptr) continue;
    ++report.files;
    const std::optional<std::string> text = import.read(*file);
    if (!text) continue;
    const bool is_v2 = file == plan.latest_v2;
    import.latest(file, is_v2 ? id_in_latest_json(*text) : id_in_latest_text(*text, plan), plan);
  }
}

}  // namespace holdfast::interchange
