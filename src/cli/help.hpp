// What --help tells: of the command, and of each subcommand. docs/command.md says more.
#pragma once

namespace holdfast::cli {

struct SubcommandHelp {
  const char* summary;
  const char* footer;
};

inline constexpr const char* kSummary =
    "holdfast: look into, move and look after a holdfast file (checkpoints, sessions, runs,\n"
    "manifests and state of one program, in one SQLite file).";

inline constexpr const char* kFooter = R"(
examples:
  holdfast info app.holdfast
  holdfast ls app.holdfast sessions
  holdfast show app.holdfast segment 0190f3c2-... --tail 10
  holdfast import app.holdfast ~/.agent/sessions
  holdfast backup app.holdfast /backup/app-today.holdfast
  holdfast restore /backup/app-today.holdfast app.holdfast
  holdfast salvage damaged.holdfast app.holdfast

exit codes:
  0    done
  1    done, and something is wrong: damage found, records refused
  2    the arguments make no sense
  3    the file cannot be opened
  4    it failed: disk full, no permission, a conflict
  5    the file has no such trace, run, checkpoint, ...
  130  interrupted; what was begun is undone or whole

'holdfast COMMAND --help' tells more of each command.)";

inline constexpr SubcommandHelp kInfoHelp = {"What the file is, what is in it, what uses the disk",
                                             R"(
examples:
  holdfast info app.holdfast
  holdfast info app.holdfast --json | jq .file_bytes)"};

inline constexpr SubcommandHelp kListHelp = {
    "List traces, sessions, runs, ... or what one of them has",
    R"(
OWNER lists the checkpoints of a trace, the segments of a session, the snapshots of a run, the
manifests of a stream, the checkpoints of a state. The unnamed stream is ''.

examples:
  holdfast ls app.holdfast
  holdfast ls app.holdfast traces
  holdfast ls app.holdfast traces trace-7 -n 5
  holdfast ls app.holdfast sessions --json | jq -r '.[].session')"};

inline constexpr SubcommandHelp kShowHelp = {
    "Show one thing whole: a checkpoint, a segment's entries, a state, ...",
    R"(
ID is a checkpoint's id, a segment, a run, the number of a manifest, the name of a state or pod; for
'trace' the newest checkpoint of that trace is shown, for 'snapshot' that of a run.
With --json, logs and states give one JSON object per line.

examples:
  holdfast show app.holdfast checkpoint 0190f3c2-... --raw > state.bin
  holdfast show app.holdfast segment 0190f3c2-... --tail 10
  holdfast show app.holdfast run run-7 --from 40 --json
  holdfast show app.holdfast manifest 12 --stream pipeline
  holdfast show app.holdfast state orders --prefix cart:)"};

inline constexpr SubcommandHelp kImportHelp = {
    "Import a folder of session logs (JSONL) or of checkpoint manifests",
    R"(
FILE is made if it is missing. Every good record is taken; every bad one is reported with file and
line, and makes the exit code 1. Importing again adds only what is new.

examples:
  holdfast import app.holdfast ~/.agent/sessions
  holdfast import app.holdfast logs --session-field sessionId
  holdfast import app.holdfast /var/lib/job --format manifests --stream job)"};

inline constexpr SubcommandHelp kExportHelp = {"Write sessions or manifests back into a folder",
                                               R"(
A file that is there already is refused, and nothing is written.

examples:
  holdfast export app.holdfast out
  holdfast export app.holdfast out --session 0190f3c2-... --session 0190f3d0-...
  holdfast export app.holdfast out --format manifests --stream job --layout 1)"};

inline constexpr SubcommandHelp kVerifyHelp = {"Check that everything is as it was written",
                                               R"(
Runs beside writers. The exit code is 1 if something is damaged.

examples:
  holdfast verify app.holdfast
  holdfast verify app.holdfast --quick --json | jq .sound)"};

inline constexpr SubcommandHelp kPruneHelp = {
    "Remove all but the newest checkpoints, snapshots or manifests",
    R"(
Without --yes nothing is changed: what would go is listed. A stream keeps its newest valid and its
newest committed manifest whatever --keep says.

examples:
  holdfast prune app.holdfast --trace trace-7 --keep 10
  holdfast prune app.holdfast --trace trace-7 --keep 10 --yes --shrink
  holdfast prune app.holdfast --stream '' --keep 3 --yes)"};

inline constexpr SubcommandHelp kBackupHelp = {
    "Copy the file, as of one instant, while others write to it",
    R"(
TARGET appears when it is complete, or not at all. A plain copy (cp) of a file that is in use is no
backup.

examples:
  holdfast backup app.holdfast /backup/app-today.holdfast)"};

inline constexpr SubcommandHelp kRestoreHelp = {"Put a backup in place as a new file",
                                                R"(
The backup is copied, checked from end to end, and stays as it was. FILE must not exist; it appears
when it is complete, or not at all, and has a new incarnation.

examples:
  mv app.holdfast app.damaged
  holdfast restore /backup/app-today.holdfast app.holdfast)"};

inline constexpr SubcommandHelp kSalvageHelp = {
    "Export everything that still checks out from a damaged file",
    R"(
FILE is only read, and nobody may have it open. NEW gets what its digests prove, passes verify, and has
a new incarnation. What is lost is listed; the exit code is 1 then. A log with a hole keeps the entries
before it.

examples:
  holdfast salvage damaged.holdfast app.holdfast
  holdfast salvage damaged.holdfast app.holdfast --json | jq '.losses[]')"};

}  // namespace holdfast::cli
