// The subcommands: what each is told, and what each does. arguments.cpp fills the structs.
//
// Errors   what the library throws; main.cpp turns it into a message and an exit code
// Threads  one
#pragma once

#include "cli/exit_code.hpp"
#include "cli/log.hpp"
#include "cli/output.hpp"
#include "holdfast/database.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::cli {

// What a subcommand prints with.
struct Console {
  Output& out;
  const Log& log;
  bool json = false;
  bool quiet = false;
};

// For --limit, --tail and the like.
using Count = std::optional<std::uint64_t>;

struct InfoArguments {
  std::string file = {};
  std::uint64_t largest = 10;
};

struct ListArguments {
  std::string file = {};
  std::string kind = {};  // empty: an overview
  std::optional<std::string> owner = std::nullopt;
  Count limit = std::nullopt;
};

struct ShowArguments {
  std::string file = {};
  std::string kind = {};
  std::string id = {};
  bool raw = false;
  bool state = false;   // manifest: its state instead
  bool traces = false;  // segment: its trace entries instead
  Count tail = std::nullopt;
  Count from = std::nullopt;
  Count limit = std::nullopt;
  Count at = std::nullopt;                              // run: a snapshot; state: a checkpoint
  std::string stream = {};                              // manifest
  std::optional<std::string> key = std::nullopt;        // state
  std::optional<std::string> prefix = std::nullopt;     // state
  std::optional<std::string> partition = std::nullopt;  // state: OPERATOR:PARTITION:SUBTASK
};

struct ImportArguments {
  std::string file = {};
  std::string source = {};
  std::string format = "auto";
  std::string session_field = {};
  std::string stream = {};
};

struct ExportArguments {
  std::string file = {};
  std::string folder = {};
  std::string format = "sessions";
  int layout = 2;
  std::string stream = {};
  std::vector<std::string> sessions = {};
};

struct VerifyArguments {
  std::string file = {};
  bool quick_only = false;
};

struct PruneArguments {
  std::string file = {};
  std::optional<std::string> trace = std::nullopt;
  std::optional<std::string> run = std::nullopt;
  std::optional<std::string> stream = std::nullopt;
  std::uint64_t keep = 0;
  bool yes = false;
  bool shrink = false;
};

struct BackupArguments {
  std::string file = {};
  std::string target = {};
};

struct RestoreArguments {
  std::string file = {};  // the backup
  std::string target = {};
};

struct SalvageArguments {
  std::string file = {};
  std::string target = {};
};

ExitCode run(const InfoArguments& arguments, const Console& console);
ExitCode run(const ListArguments& arguments, const Console& console);
ExitCode run(const ShowArguments& arguments, const Console& console);
ExitCode run(const ImportArguments& arguments, const Console& console);
ExitCode run(const ExportArguments& arguments, const Console& console);
ExitCode run(const VerifyArguments& arguments, const Console& console);
ExitCode run(const PruneArguments& arguments, const Console& console);
ExitCode run(const BackupArguments& arguments, const Console& console);
ExitCode run(const RestoreArguments& arguments, const Console& console);
ExitCode run(const SalvageArguments& arguments, const Console& console);

}  // namespace holdfast::cli
