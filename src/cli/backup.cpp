// holdfast backup: a copy of one instant, beside writers.

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/listing.hpp"
#include "cli/open_file.hpp"
#include "cli/progress_bar.hpp"
#include "holdfast/maintain.hpp"

#include <filesystem>

namespace holdfast::cli {

ExitCode run(const BackupArguments& arguments, const Console& console) {
  const Database db = open_file(arguments.file, Purpose::read, console);
  {
    ProgressBar bar("backup", console.quiet);
    if (!backup(db, arguments.target, {.progress = bar.function()})) {
      console.log.error("interrupted; '" + arguments.target + "' was not made");
      return ExitCode::interrupted;
    }
  }
  const std::uint64_t bytes = std::filesystem::file_size(arguments.target);
  if (console.json) {
    Record record;
    record.add({"target", "target"}, std::filesystem::absolute(arguments.target).string())
        .add({"file_bytes", "size", Kind::bytes}, bytes);
    record.print(console.out, true);
  } else {
    console.out.line("copied " + human_bytes(bytes) + " to " + printable(arguments.target));
  }
  return ExitCode::ok;
}

}  // namespace holdfast::cli
