// The holdfast command: from arguments to a subcommand, from whatever it throws to an exit code.

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/open_file.hpp"
#include "holdfast/error.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <variant>
#include <unistd.h>

namespace holdfast::cli {

namespace {

Verbosity verbosity_of(const Invocation& invocation) {
  if (invocation.quiet) return Verbosity::quiet;
  return invocation.verbose ? Verbosity::verbose : Verbosity::normal;
}

ExitCode code_of(const Error& error) {
  switch (error.code()) {
    case ErrorCode::corrupt:
      return ExitCode::finding;
    case ErrorCode::not_found:
      return ExitCode::not_there;
    case ErrorCode::already_exists:
    case ErrorCode::conflict:
    case ErrorCode::fenced:
    case ErrorCode::invalid_argument:
    case ErrorCode::too_large:
    case ErrorCode::incompatible:
    case ErrorCode::busy:
    case ErrorCode::full:
    case ErrorCode::io:
    case ErrorCode::outcome_unknown:
    case ErrorCode::poisoned:
    case ErrorCode::read_only:
    case ErrorCode::not_a_database:
    case ErrorCode::schema_too_new:
    case ErrorCode::forked:
    case ErrorCode::closed:
    case ErrorCode::unsupported:
      return ExitCode::failed;
  }
  return ExitCode::failed;
}

// The work is done, and its code counts whoever reads of it.
void flush(Output& out) {
  try {
    out.flush();
  } catch (const OutputClosed&) {
  }
}

// Everything that a subcommand can throw. The specific ones come first.
ExitCode run_guarded(const Invocation& invocation, const Console& console) {
  try {
    const auto run_it = [&](const auto& arguments) { return run(arguments, console); };
    const ExitCode code = std::visit(run_it, invocation.command);
    flush(console.out);
    return code;
  } catch (const OutputClosed&) {
    return ExitCode::ok;  // in the middle of a list: nobody wants the rest
  } catch (const UsageError& error) {
    console.log.error(error.what());
    return ExitCode::usage;
  } catch (const CannotOpen& error) {
    console.log.error(error.what());
    return ExitCode::cannot_open;
  } catch (const NotThere& error) {
    console.log.error(error.what());
    return ExitCode::not_there;
  } catch (const Error& error) {
    console.log.error(error.what());
    return code_of(error);
  } catch (const std::exception& error) {
    console.log.error(error.what());
    return ExitCode::failed;
  }
}

ExitCode main_of(int argc, const char* const* argv) {
  ExitCode exit_code = ExitCode::ok;
  const auto invocation = parse_arguments(argc, argv, exit_code);
  if (!invocation) return exit_code;
  const Log log(verbosity_of(*invocation));
  Output out(STDOUT_FILENO);
  const Console console{out, log, invocation->json, invocation->quiet};
  return run_guarded(*invocation, console);
}

}  // namespace

}  // namespace holdfast::cli

int main(int argc, char** argv) {
  // A reader that goes (`| head`) must not kill an import half-way; Output notices it.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return static_cast<int>(holdfast::cli::main_of(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "holdfast: error: %s\n", error.what());
    return static_cast<int>(holdfast::cli::ExitCode::failed);
  }
}
