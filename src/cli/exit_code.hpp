// What the command tells the program that called it (docs/command.md, and the end of --help).
#pragma once

namespace holdfast::cli {

enum class ExitCode : int {
  ok = 0,
  finding = 1,      // it was done, and something is wrong: damage, records that were refused
  usage = 2,        // the arguments make no sense; nothing was done
  cannot_open = 3,  // the file is missing, no holdfast file, too new, locked, damaged at its start
  failed = 4,       // the work began and failed: disk full, no permission, a conflict
  not_there = 5,    // the file is fine, but has no such trace, run, checkpoint, ...
  interrupted = 130,  // by Ctrl-C or SIGTERM, as shells count; what was begun is undone or whole
};

}  // namespace holdfast::cli
