// holdfast restore: a backup becomes the file again.

#include "cli/commands.hpp"
#include "cli/new_file.hpp"
#include "cli/open_file.hpp"
#include "cli/progress_bar.hpp"
#include "holdfast/maintain.hpp"

namespace holdfast::cli {

ExitCode run(const RestoreArguments& arguments, const Console& console) {
  {
    ProgressBar bar("restore", console.quiet);
    bool complete = false;
    reading_file(arguments.file, [&] {
      complete = restore(arguments.file, arguments.target, {.progress = bar.function()});
    });
    if (!complete) {
      console.log.error("interrupted; '" + arguments.target + "' was not made");
      return ExitCode::interrupted;
    }
  }
  tell_of_new_file(console, "restored", arguments.target);
  return ExitCode::ok;
}

}  // namespace holdfast::cli
