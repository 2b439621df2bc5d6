#include "engine/closed_file.hpp"
#include "holdfast/error.hpp"
#include "maintain/new_file.hpp"
#include "maintain/salvaging.hpp"

#include <array>
#include <utility>

namespace holdfast {

namespace maintain {

namespace {

void tell_of_pages(Salvaging& salvaging) {
  const DamagedPages& pages = salvaging.pages();
  for (const Finding& note : pages.log_notes())
    salvaging.find(note.severity, note.place, note.what);
  if (pages.missing() == 0) return;
  salvaging.find(
      Severity::error,
      "file",
      "it says that it has " + std::to_string(pages.missing()) + " pages more than are there");
}

// Nothing may leave here that verify would not call sound.
void require_sound(const Database& target) {
  const VerifyReport check = verify(target);
  for (const Finding& finding : check.findings) {
    if (finding.severity != Severity::error) continue;
    throw Error(ErrorCode::corrupt,
                "what was salvaged does not fit together: " + finding.place + ": " + finding.what);
  }
}

void run_parts(Salvaging& salvaging) {
  using Part = void (*)(Salvaging&);
  constexpr std::array<Part, 13> kParts = {find_roots,
                                           find_removals,
                                           salvage_rows,
                                           free_removed,
                                           mend_payloads,
                                           rebuild_owners,
                                           mend_sessions,
                                           mend_runs,
                                           mend_checkpoints,
                                           mend_manifests,
                                           mend_state,
                                           mend_contents,
                                           seal_rows};
  // A step for each page; the other parts are a tenth or so.
  salvaging.expect(salvaging.pages().count() + kParts.size());
  tell_of_pages(salvaging);
  for (const Part part : kParts) {
    part(salvaging);
    salvaging.step(1);
  }
  salvage_identity(salvaging);
  salvaging.end_findings();
}

}  // namespace

}  // namespace maintain

SalvageReport salvage(const std::string& path,
                      const std::string& new_path,
                      const SalvageOptions& options) {
  const engine::ClosedFile file(path);
  maintain::NewFile new_file(new_path, maintain::make_unique_name());
  maintain::DamagedPages pages(file);
  Database target =
      Database::open(new_file.partial_path(),
                     {.durability = Durability::normal, .page_bytes = pages.page_bytes()});
  maintain::Salvaging salvaging(pages, target, options);
  try {
    maintain::run_parts(salvaging);
  } catch (const maintain::SalvageStopped&) {
    salvaging.report().stopped = true;
    return std::move(salvaging.report());
  }
  file.require_unchanged();
  maintain::require_sound(target);
  target.close();
  new_file.publish();
  return std::move(salvaging.report());
}

}  // namespace holdfast
