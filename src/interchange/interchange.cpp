#include "holdfast/interchange.hpp"

#include "holdfast/error.hpp"
#include "interchange/export_manifests.hpp"
#include "interchange/export_sessions.hpp"
#include "interchange/import_manifests.hpp"
#include "interchange/import_sessions.hpp"
#include "interchange/output_folder.hpp"
#include "interchange/recognise.hpp"
#include "interchange/source_folder.hpp"

namespace holdfast {

ImportReport import_from(Database& database,
                         const std::string& source,
                         const ImportOptions& options) {
  ImportReport report;
  const auto folder = interchange::walk(source, report.findings);
  report.format =
      options.format == SourceFormat::automatic ? interchange::recognise(folder) : options.format;
  if (report.format == SourceFormat::session_folder) {
    interchange::import_sessions(database, folder, options, report);
  } else {
    interchange::import_manifests(database, folder, options, report);
  }
  return report;
}

ExportReport export_to(const Database& database,
                       const std::string& folder,
                       const ExportOptions& options) {
  if (options.manifest_layout != 1 && options.manifest_layout != 2) {
    throw Error(ErrorCode::invalid_argument, "the manifest layout is 1 or 2");
  }
  if (options.format == SourceFormat::automatic) {
    throw Error(ErrorCode::invalid_argument, "an export needs a format");
  }
  interchange::OutputFolder output(folder);
  return options.format == SourceFormat::session_folder
             ? interchange::export_sessions(database, output, options)
             : interchange::export_manifests(database, output, options);
}

}  // namespace holdfast
