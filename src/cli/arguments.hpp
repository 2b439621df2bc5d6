// The command line: what was asked for, or what to say instead.
#pragma once

#include "cli/commands.hpp"

#include <optional>
#include <string>
#include <variant>

namespace holdfast::cli {

struct Invocation {
  std::variant<InfoArguments,
               ListArguments,
               ShowArguments,
               ImportArguments,
               ExportArguments,
               VerifyArguments,
               PruneArguments,
               BackupArguments,
               RestoreArguments,
               SalvageArguments>
      command = InfoArguments();
  bool json = false;
  bool quiet = false;
  bool verbose = false;
};

// nullopt: help, the version, or a usage error was printed; the process ends with `exit_code`.
std::optional<Invocation> parse_arguments(int argc, const char* const* argv, ExitCode& exit_code);

}  // namespace holdfast::cli
