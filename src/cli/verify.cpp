// holdfast verify: is everything in the file as it was written?

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/listing.hpp"
#include "cli/open_file.hpp"
#include "cli/progress_bar.hpp"
#include "cli/severity.hpp"
#include "holdfast/maintain.hpp"

namespace holdfast::cli {

namespace {

Listing listing_of(const VerifyReport& report) {
  Listing listing({{"severity", "SEVERITY"}, {"place", "PLACE"}, {"what", "WHAT"}});
  for (const auto& finding : report.findings) {
    listing.add({std::string(name_of(finding.severity)), finding.place, finding.what});
  }
  return listing;
}

std::string summary_of(const VerifyReport& report, bool quick_only) {
  const std::uint64_t errors = report.count(Severity::error);
  const std::uint64_t warnings = report.count(Severity::warning);
  const std::string also = warnings == 0 ? "" : ", " + counted(warnings, "warning", "warnings");
  std::string text = report.stopped ? "stopped after " : "";
  text += counted(report.rows_checked, "row", "rows") + ", " + human_bytes(report.bytes_checked);
  text += quick_only ? " (digests not compared): " : ": ";
  if (errors != 0) return text + counted(errors, "error", "errors") + also;
  return text + (report.stopped ? "no error so far" : "sound") + also;
}

}  // namespace

ExitCode run(const VerifyArguments& arguments, const Console& console) {
  const Database db = open_file(arguments.file, Purpose::read, console);
  VerifyReport report;
  {
    ProgressBar bar("verify", console.quiet);
    report = verify(db, {.quick = arguments.quick_only, .progress = bar.function()});
  }
  const Listing listing = listing_of(report);
  if (console.json) {
    Record record;
    record.add({"sound", "sound", Kind::flag}, report.sound())
        .add({"stopped", "stopped", Kind::flag}, report.stopped)
        .add({"rows_checked", "rows", Kind::count}, report.rows_checked)
        .add({"bytes_checked", "bytes", Kind::bytes}, report.bytes_checked)
        .add({"findings", "", Kind::json}, listing.json());
    record.print(console.out, true);
  } else {
    console.out.write(listing.table());
    console.out.line(summary_of(report, arguments.quick_only));
  }
  if (report.stopped) return ExitCode::interrupted;
  return report.sound() ? ExitCode::ok : ExitCode::finding;
}

}  // namespace holdfast::cli
