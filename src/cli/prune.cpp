// holdfast prune: removes all but the newest; a plan first, and nothing without --yes.

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/json_text.hpp"
#include "cli/listing.hpp"
#include "cli/open_file.hpp"
#include "cli/progress_bar.hpp"
#include "holdfast/maintain.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <string>
#include <unordered_set>
#include <vector>

namespace holdfast::cli {

namespace {

// What is pruned: the checkpoints of a trace, the snapshots of a run, the manifests of a stream.
struct Pruned {
  const char* owner_kind;
  const char* one;
  const char* many;
  std::string owner;
  std::function<std::vector<std::string>()> list;  // newest first
  std::function<std::size_t(std::size_t)> prune;
};

Pruned trace_of(const Database& db, const std::string& trace) {
  return {"trace",
          "checkpoint",
          "checkpoints",
          trace,
          [db, trace] { return db.checkpoints().list(trace); },
          [db, trace](std::size_t keep) { return db.checkpoints().prune(trace, keep); }};
}

Pruned run_of(const Database& db, const std::string& run) {
  const auto list = [db, run] {
    std::vector<std::string> ids;
    for (const auto& snapshot : db.runs().list(run))
      ids.push_back(std::to_string(snapshot.at_seq));
    return ids;
  };
  return {"run", "snapshot", "snapshots", run, list, [db, run](std::size_t keep) {
            return db.runs().prune(run, keep);
          }};
}

Pruned stream_of(const Database& db, const std::string& stream) {
  const auto list = [db, stream] {
    std::vector<std::string> ids;
    for (const auto id : db.manifests(stream).list_ids())
      ids.push_back(std::to_string(id));
    std::reverse(ids.begin(), ids.end());
    return ids;
  };
  return {"stream", "manifest", "manifests", stream, list, [db, stream](std::size_t keep) {
            return db.manifests(stream).prune(keep);
          }};
}

Pruned chosen(const Database& db, const PruneArguments& arguments) {
  if (arguments.trace) return trace_of(db, *arguments.trace);
  if (arguments.run) return run_of(db, *arguments.run);
  return stream_of(db, *arguments.stream);
}

struct Plan {
  std::vector<std::string> removed;
  std::uint64_t kept = 0;
};

// Leaves the transaction so that nothing of it stays.
struct RollBack {};

// Which go is the stores' business (a stream keeps more than the newest): the plan is what prune
// itself does, in a transaction that a dry run rolls back.
Plan prune(Database& db, const Pruned& pruned, std::size_t keep, bool for_real) {
  Plan plan;
  try {
    db.transact([&] {
      const auto before = pruned.list();
      pruned.prune(keep);
      const auto left = pruned.list();
      const std::unordered_set<std::string> after(left.begin(), left.end());
      plan = {.removed = {}, .kept = after.size()};
      std::copy_if(before.begin(),
                   before.end(),
                   std::back_inserter(plan.removed),
                   [&](const std::string& id) { return !after.contains(id); });
      if (!for_real) throw RollBack();
    });
  } catch (const RollBack&) {
  }
  return plan;
}

void print(const Plan& plan, const Pruned& pruned, const PruneArguments& arguments, Output& out) {
  const std::string what = counted(plan.removed.size(), pruned.one, pruned.many) + " of " +
                           pruned.owner_kind + " " + printable(pruned.owner);
  const std::string rest = ", " + human_count(plan.kept) + " stay";
  if (arguments.yes) {
    out.line("removed " + what + rest);
    return;
  }
  out.line("would remove " + what + rest);
  for (const auto& id : plan.removed)
    out.line("  " + printable(id));
  if (!plan.removed.empty()) out.line("nothing was changed; --yes removes them");
}

}  // namespace

ExitCode run(const PruneArguments& arguments, const Console& console) {
  Database db = open_file(arguments.file, Purpose::change, console);
  const Pruned pruned = chosen(db, arguments);
  const Plan plan = prune(db, pruned, arguments.keep, arguments.yes);
  std::uint64_t freed_bytes = 0;
  if (arguments.yes && arguments.shrink) {
    ProgressBar bar("shrink", console.quiet);
    freed_bytes = shrink(db, bar.function());
  }
  if (console.json) {
    JsonArray removed;
    for (const auto& id : plan.removed)
      removed.add(json_string(id));
    Record record;
    record.add({pruned.owner_kind, ""}, pruned.owner)
        .add({"done", "", Kind::flag}, arguments.yes)
        .add({"kept", "", Kind::count}, plan.kept)
        .add({"removed", "", Kind::json}, removed.str())
        .add({"freed_bytes", "", Kind::bytes}, freed_bytes);
    record.print(console.out, true);
    return ExitCode::ok;
  }
  print(plan, pruned, arguments, console.out);
  if (freed_bytes != 0) {
    console.out.line(human_bytes(freed_bytes) + " went back to the file system");
  }
  return ExitCode::ok;
}

}  // namespace holdfast::cli
