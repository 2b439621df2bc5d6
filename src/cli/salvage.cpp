// holdfast salvage: what is left of a damaged file, and what is not.

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/listing.hpp"
#include "cli/open_file.hpp"
#include "cli/progress_bar.hpp"
#include "cli/severity.hpp"
#include "holdfast/maintain.hpp"

#include <filesystem>

namespace holdfast::cli {

namespace {

// People see the tables that have something.
Listing counts_of(const SalvageReport& report, bool all) {
  Listing listing({{"table", "TABLE"},
                   {"kept", "KEPT", Kind::count},
                   {"mended", "MENDED", Kind::count},
                   {"dropped", "DROPPED", Kind::count}});
  for (const auto& count : report.counts) {
    if (!all && count.kept == 0 && count.dropped == 0) continue;
    listing.add({count.table, count.kept, count.mended, count.dropped});
  }
  return listing;
}

Listing losses_of(const SalvageReport& report) {
  Listing listing({{"owner", "OWNER"},
                   {"things", "THINGS"},
                   {"kept", "KEPT", Kind::count},
                   {"expected", "OF", Kind::count},
                   {"what", "WHAT"}});
  for (const auto& loss : report.losses)
    listing.add({loss.owner, loss.things, loss.kept, loss.expected, loss.what});
  return listing;
}

Listing findings_of(const SalvageReport& report) {
  Listing listing({{"severity", "SEVERITY"}, {"place", "PLACE"}, {"what", "WHAT"}});
  for (const auto& finding : report.findings)
    listing.add({std::string(name_of(finding.severity)), finding.place, finding.what});
  return listing;
}

void print_text(const SalvageReport& report, const std::string& target, Output& out) {
  for (const Listing& listing :
       {counts_of(report, false), losses_of(report), findings_of(report)}) {
    if (listing.empty()) continue;
    out.write(listing.table());
    out.line("");
  }
  std::uint64_t rows = 0;
  for (const auto& count : report.counts)
    rows += count.kept;
  const std::string kept = counted(rows, "row", "rows") + " to " + printable(target);
  out.line(report.whole() ? "everything is kept: " + kept
                          : kept + ": not everything could be kept, see above");
}

void print_json(const SalvageReport& report, const std::string& target, Output& out) {
  Record record;
  record.add({"target", "target"}, std::filesystem::absolute(target).string())
      .add({"whole", "whole", Kind::flag}, report.whole())
      .add({"counts", "", Kind::json}, counts_of(report, true).json())
      .add({"losses", "", Kind::json}, losses_of(report).json())
      .add({"findings", "", Kind::json}, findings_of(report).json());
  record.print(out, true);
}

}  // namespace

ExitCode run(const SalvageArguments& arguments, const Console& console) {
  SalvageReport report;
  {
    ProgressBar bar("salvage", console.quiet);
    reading_file(arguments.file, [&] {
      report = salvage(arguments.file, arguments.target, {.progress = bar.function()});
    });
  }
  if (report.stopped) {
    console.log.error("interrupted; '" + arguments.target + "' was not made");
    return ExitCode::interrupted;
  }
  if (console.json) {
    print_json(report, arguments.target, console.out);
  } else {
    print_text(report, arguments.target, console.out);
  }
  return report.whole() ? ExitCode::ok : ExitCode::finding;
}

}  // namespace holdfast::cli
