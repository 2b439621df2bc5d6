// holdfast restore: a backup becomes the file again.

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/listing.hpp"
#include "cli/open_file.hpp"
#include "cli/progress_bar.hpp"
#include "holdfast/maintain.hpp"

#include <filesystem>

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
  const std::uint64_t bytes = std::filesystem::file_size(arguments.target);
  if (console.json) {
    Record record;
    record.add({"target", "target"}, std::filesystem::absolute(arguments.target).string())
        .add({"file_bytes", "size", Kind::bytes}, bytes);
    record.print(console.out, true);
  } else {
    console.out.line("restored " + human_bytes(bytes) + " to " + printable(arguments.target));
  }
  return ExitCode::ok;
}

}  // namespace holdfast::cli
