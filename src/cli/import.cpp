// holdfast import: other programs' folders into the file.

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/listing.hpp"
#include "cli/open_file.hpp"
#include "cli/progress_bar.hpp"
#include "holdfast/interchange.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace holdfast::cli {

namespace {

using Finding = ImportFinding;

SourceFormat format_of(const std::string& name) {
  if (name == "sessions") return SourceFormat::session_folder;
  if (name == "manifests") return SourceFormat::manifest_directory;
  return SourceFormat::automatic;
}

const char* name_of(SourceFormat format) {
  switch (format) {
    case SourceFormat::automatic:
      return "auto";
    case SourceFormat::session_folder:
      return "sessions";
    case SourceFormat::manifest_directory:
      return "manifests";
  }
  return "auto";
}

const char* name_of(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::torn_tail:
      return "torn tail";
    case Finding::Kind::bad_record:
      return "bad record";
    case Finding::Kind::broken_chain:
      return "broken chain";
    case Finding::Kind::conflict:
      return "conflict";
    case Finding::Kind::skipped_file:
      return "skipped";
    case Finding::Kind::unreadable:
      return "unreadable";
  }
  return "bad record";
}

// A cut-off write at the end of a file, or a file of no such kind, is what live folders look like.
bool is_harmless(const Finding& finding) {
  return finding.kind == Finding::Kind::torn_tail || finding.kind == Finding::Kind::skipped_file;
}

// People see what came in; programs see every figure.
Record record_of(const ImportReport& report, bool all) {
  const std::array<std::pair<Column, std::uint64_t>, 11> figures = {{
      {{"files", "files", Kind::count}, report.files},
      {{"files_skipped", "skipped files", Kind::count}, report.files_skipped},
      {{"files_unchanged", "unchanged files", Kind::count}, report.files_unchanged},
      {{"sessions", "new sessions", Kind::count}, report.sessions},
      {{"segments", "new segments", Kind::count}, report.segments},
      {{"records", "new records", Kind::count}, report.records},
      {{"trace_records", "new trace records", Kind::count}, report.trace_records},
      {{"pods", "new pods", Kind::count}, report.pods},
      {{"manifests", "new manifests", Kind::count}, report.manifests},
      {{"states", "new states", Kind::count}, report.states},
      {{"bytes", "new bytes", Kind::bytes}, report.bytes},
  }};
  Record record;
  record.add({"format", "format"}, std::string(name_of(report.format)));
  for (const auto& [column, figure] : figures) {
    if (all || figure != 0) record.add(column, figure);
  }
  if (all || report.stopped) record.add({"stopped", "stopped", Kind::flag}, report.stopped);
  return record;
}

// As compilers tell it, so that editors can jump there: file:line: kind: reason.
std::string line_of(const Finding& finding) {
  std::string text = printable(finding.file) + ":";
  if (finding.line != 0) text += std::to_string(finding.line) + ":";
  return text + " " + name_of(finding.kind) + ": " + printable(finding.reason);
}

Listing listing_of(const std::vector<Finding>& findings) {
  Listing listing(
      {{"kind", "KIND"}, {"file", "FILE"}, {"line", "LINE", Kind::count}, {"reason", "REASON"}});
  for (const auto& finding : findings) {
    Cell line;
    if (finding.line != 0) line = finding.line;
    listing.add({std::string(name_of(finding.kind)), finding.file, line, finding.reason});
  }
  return listing;
}

void print(const ImportReport& report, const Console& console) {
  Record record = record_of(report, console.json);
  if (console.json) {
    record.add({"findings", "", Kind::json}, listing_of(report.findings).json());
    record.print(console.out, true);
    return;
  }
  for (const auto& finding : report.findings)
    console.out.line(line_of(finding));
  record.print(console.out, false);
}

}  // namespace

ExitCode run(const ImportArguments& arguments, const Console& console) {
  // Before the file is made: a slip of the pen must not leave an empty database behind.
  if (!std::filesystem::exists(arguments.source)) {
    throw Error(ErrorCode::not_found, "there is no '" + arguments.source + "' to import from");
  }
  const bool is_new = !std::filesystem::exists(arguments.file);
  Database db = open_file(arguments.file, Purpose::fill, console);
  ImportOptions options;
  options.format = format_of(arguments.format);
  options.session_field = arguments.session_field;
  options.stream = arguments.stream;
  ImportReport report;
  try {
    ProgressBar bar("import", console.quiet);
    options.progress = bar.function();
    report = import_from(db, arguments.source, options);
  } catch (const Error& error) {
    // The same where nothing in the source was recognised.
    if (is_new && error.code() == ErrorCode::invalid_argument) {
      db.close();
      std::filesystem::remove(arguments.file);
    }
    throw;
  }
  print(report, console);
  if (report.stopped) return ExitCode::interrupted;
  const bool clean = std::all_of(report.findings.begin(), report.findings.end(), is_harmless);
  return clean ? ExitCode::ok : ExitCode::finding;
}

}  // namespace holdfast::cli
