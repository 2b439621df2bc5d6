// holdfast backup: a copy of one instant, beside writers.

#include "cli/commands.hpp"
#include "cli/new_file.hpp"
#include "cli/open_file.hpp"
#include "cli/progress_bar.hpp"
#include "holdfast/maintain.hpp"

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
  tell_of_new_file(console, "copied", arguments.target);
  return ExitCode::ok;
}

}  // namespace holdfast::cli
