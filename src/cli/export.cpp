// holdfast export: sessions or manifests back into a folder of files.

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/listing.hpp"
#include "cli/open_file.hpp"
#include "cli/progress_bar.hpp"
#include "holdfast/interchange.hpp"

namespace holdfast::cli {

ExitCode run(const ExportArguments& arguments, const Console& console) {
  const bool manifests = arguments.format == "manifests";
  if (manifests && !arguments.sessions.empty()) {
    throw UsageError("--session goes with --format sessions");
  }
  const Database db = open_file(arguments.file, Purpose::read, console);
  ExportOptions options;
  options.format = manifests ? SourceFormat::manifest_directory : SourceFormat::session_folder;
  options.sessions = arguments.sessions;
  options.stream = arguments.stream;
  options.manifest_layout = arguments.layout;
  ExportReport report;
  {
    ProgressBar bar("export", console.quiet);
    options.progress = bar.function();
    report = export_to(db, arguments.folder, options);
  }
  Record record;
  record.add({"files", "files", Kind::count}, report.files)
      .add({"records", "records", Kind::count}, report.records)
      .add({"bytes", "bytes", Kind::bytes}, report.bytes);
  if (console.json || report.records_left_out != 0) {
    record.add({"records_left_out", "left out (no JSON)", Kind::count}, report.records_left_out);
  }
  if (console.json || report.stopped) {
    record.add({"stopped", "stopped", Kind::flag}, report.stopped);
  }
  record.print(console.out, console.json);
  return report.stopped ? ExitCode::interrupted : ExitCode::ok;
}

}  // namespace holdfast::cli
