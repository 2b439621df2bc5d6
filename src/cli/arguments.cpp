// The one file that includes CLI11, which costs 5 s of compilation wherever it is included.

#include "cli/arguments.hpp"

#include "cli/help.hpp"
#include "holdfast/version.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

namespace holdfast::cli {

namespace {

// Declares a subcommand; when it is the one that was given, it becomes the invocation's command.
template <class Arguments>
struct Subcommand {
  CLI::App* app;
  std::shared_ptr<Arguments> arguments;
};

template <class Arguments>
Subcommand<Arguments> add_subcommand(CLI::App& parent,
                                     Invocation& invocation,
                                     const char* name,
                                     const SubcommandHelp& help,
                                     const char* file = "FILE") {
  CLI::App* app = parent.add_subcommand(name, help.summary);
  app->footer(help.footer);
  auto arguments = std::make_shared<Arguments>();
  app->add_option(file, arguments->file, "The holdfast file")->required();
  app->add_flag("--json", invocation.json, "Print JSON, for programs");
  app->add_flag("-q,--quiet", invocation.quiet, "No progress, no warnings");
  app->add_flag("-v,--verbose", invocation.verbose, "Tell what the library has to tell");
  app->final_callback([&invocation, arguments] { invocation.command = *arguments; });
  return {app, std::move(arguments)};
}

// A number that is not negative: CLI11 itself would take -3 for 2^64 - 3.
template <class Number>
CLI::Option* add_number(CLI::App* app, const char* name, Number& number, const char* help) {
  return app->add_option(name, number, help)->type_name("N")->check(CLI::NonNegativeNumber);
}

std::string failure_message(const CLI::App* app, const CLI::Error& error) {
  return "holdfast: error: " + std::string(error.what()) + "\nTry '" + app->get_name() +
         " --help'.\n";
}

void add_info(CLI::App& parent, Invocation& invocation) {
  const auto [app, arguments] =
      add_subcommand<InfoArguments>(parent, invocation, "info", kInfoHelp);
  add_number(app, "--largest", arguments->largest, "How many of the largest owners to list")
      ->capture_default_str();
}

void add_ls(CLI::App& parent, Invocation& invocation) {
  const auto [app, arguments] = add_subcommand<ListArguments>(parent, invocation, "ls", kListHelp);
  app->add_option("KIND", arguments->kind, "What to list; without it, an overview")
      ->check(CLI::IsMember(
          {"traces", "sessions", "segments", "runs", "streams", "states", "pods", "leases"}));
  app->add_option("OWNER", arguments->owner, "List what this one has, instead");
  add_number(app, "-n,--limit", arguments->limit, "At most N rows")->check(CLI::PositiveNumber);
}

void add_show(CLI::App& parent, Invocation& invocation) {
  const auto [app, arguments] =
      add_subcommand<ShowArguments>(parent, invocation, "show", kShowHelp);
  app->add_option("KIND", arguments->kind, "What kind of thing")
      ->required()
      ->check(CLI::IsMember(
          {"trace", "checkpoint", "segment", "run", "snapshot", "manifest", "state", "pod"}));
  app->add_option("ID", arguments->id, "Which one")->required();
  app->add_flag("--raw", arguments->raw, "Write the bytes as they were given, and nothing else");
  add_number(app, "--tail", arguments->tail, "segment, run: the last N entries");
  add_number(app, "--from", arguments->from, "segment, run: from this position on");
  add_number(app, "-n,--limit", arguments->limit, "segment, run, state: at most N entries");
  app->add_flag("--traces", arguments->traces, "segment: its trace entries instead");
  add_number(app, "--at", arguments->at, "snapshot: this sequence number; state: this checkpoint");
  app->add_option("--stream", arguments->stream, "manifest: the stream (default: the unnamed one)");
  app->add_flag("--state", arguments->state, "manifest: its state instead");
  app->add_option("--key", arguments->key, "state: the value of this key");
  app->add_option("--prefix", arguments->prefix, "state: keys that begin so");
  app->add_option(
      "--partition", arguments->partition, "state: entries of OPERATOR:PARTITION:SUBTASK");
}

void add_import(CLI::App& parent, Invocation& invocation) {
  const auto [app, arguments] =
      add_subcommand<ImportArguments>(parent, invocation, "import", kImportHelp);
  app->add_option("SOURCE", arguments->source, "The folder to import")->required();
  app->add_option("--format", arguments->format, "What SOURCE is")
      ->check(CLI::IsMember({"auto", "sessions", "manifests"}))
      ->capture_default_str();
  app->add_option("--session-field",
                  arguments->session_field,
                  "Sessions of other programs: the field that names the session (id, /a/b)");
  app->add_option("--stream", arguments->stream, "Manifests: the stream to import into");
}

void add_export(CLI::App& parent, Invocation& invocation) {
  const auto [app, arguments] =
      add_subcommand<ExportArguments>(parent, invocation, "export", kExportHelp);
  app->add_option("FOLDER", arguments->folder, "Where to; made if it is missing")->required();
  app->add_option("--format", arguments->format, "What to write")
      ->check(CLI::IsMember({"sessions", "manifests"}))
      ->capture_default_str();
  app->add_option("--session", arguments->sessions, "Only this session (may be given again)")
      ->take_all();
  app->add_option(
      "--stream", arguments->stream, "Manifests: the stream (default: the unnamed one)");
  app->add_option("--layout", arguments->layout, "Manifests: the layout of the folder")
      ->check(CLI::IsMember({1, 2}))
      ->capture_default_str();
}

void add_verify(CLI::App& parent, Invocation& invocation) {
  const auto [app, arguments] =
      add_subcommand<VerifyArguments>(parent, invocation, "verify", kVerifyHelp);
  app->add_flag("--quick", arguments->quick_only, "Structure and counts only, no digests");
}

void add_prune(CLI::App& parent, Invocation& invocation) {
  const auto [app, arguments] =
      add_subcommand<PruneArguments>(parent, invocation, "prune", kPruneHelp);
  CLI::App* target = app->add_option_group("What to prune");
  target->add_option("--trace", arguments->trace, "The checkpoints of this trace");
  target->add_option("--run", arguments->run, "The snapshots of this run; its events stay");
  target->add_option(
      "--stream", arguments->stream, "The manifests of this stream, with their state");
  target->require_option(1);
  add_number(app, "--keep", arguments->keep, "How many of the newest stay")->required();
  app->add_flag("--yes", arguments->yes, "Do it; without this, only the plan is shown");
  app->add_flag("--shrink", arguments->shrink, "Then give the free space back to the file system");
}

void add_backup(CLI::App& parent, Invocation& invocation) {
  const auto [app, arguments] =
      add_subcommand<BackupArguments>(parent, invocation, "backup", kBackupHelp);
  app->add_option("TARGET", arguments->target, "The new file; it must not exist")->required();
}

void add_restore(CLI::App& parent, Invocation& invocation) {
  const auto [app, arguments] =
      add_subcommand<RestoreArguments>(parent, invocation, "restore", kRestoreHelp, "BACKUP");
  app->add_option("FILE", arguments->target, "The new file; it must not exist")->required();
}

void add_salvage(CLI::App& parent, Invocation& invocation) {
  const auto [app, arguments] =
      add_subcommand<SalvageArguments>(parent, invocation, "salvage", kSalvageHelp);
  app->add_option("NEW", arguments->target, "The new file; it must not exist")->required();
}

}  // namespace

std::optional<Invocation> parse_arguments(int argc, const char* const* argv, ExitCode& exit_code) {
  Invocation invocation;
  CLI::App app(kSummary, "holdfast");
  app.footer(kFooter);
  app.set_version_flag("-V,--version", "holdfast " + std::string(version()));
  app.require_subcommand(1);
  app.failure_message(failure_message);
  add_info(app, invocation);
  add_ls(app, invocation);
  add_show(app, invocation);
  add_import(app, invocation);
  add_export(app, invocation);
  add_verify(app, invocation);
  add_prune(app, invocation);
  add_backup(app, invocation);
  add_restore(app, invocation);
  add_salvage(app, invocation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and the version are "errors" with code 0, and go to standard output.
    const bool failed = app.exit(error, std::cout, std::cerr) != 0;
    exit_code = failed ? ExitCode::usage : ExitCode::ok;
    return std::nullopt;
  }
  return invocation;
}

}  // namespace holdfast::cli
