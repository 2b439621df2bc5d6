#include "interchange/recognise.hpp"

#include "holdfast/error.hpp"
#include "interchange/manifest_plan.hpp"
#include "interchange/session_plan.hpp"

namespace holdfast::interchange {

SourceFormat recognise(const SourceFolder& folder) {
  const bool sessions = plan_sessions(folder).files > 0;
  const bool manifests = plan_manifests(folder).files > 0;
  if (sessions && manifests) {
    throw Error(ErrorCode::invalid_argument,
                "the source holds both session logs and manifests: name the format to take");
  }
  if (!sessions && !manifests) {
    throw Error(ErrorCode::invalid_argument,
                "the source holds nothing that is recognised: no session logs, no manifests");
  }
  return sessions ? SourceFormat::session_folder : SourceFormat::manifest_directory;
}

}  // namespace holdfast::interchange
