// holdfast info: what the file is, what is in it, and what uses the disk.

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/json_text.hpp"
#include "cli/listing.hpp"
#include "cli/open_file.hpp"
#include "holdfast/maintain.hpp"

namespace holdfast::cli {

namespace {

Record identity_of(const DatabaseInfo& info) {
  Record record;
  record.add({"path", "path"}, info.path)
      .add({"store_id", "store id"}, info.store_id)
      .add({"incarnation", "incarnation"}, info.incarnation)
      .add({"created_at_us", "created", Kind::time_us}, info.created_at_us)
      .add({"schema_version", "schema version", Kind::count},
           static_cast<std::int64_t>(info.schema_version))
      .add({"holdfast_version", "holdfast"}, info.holdfast_version)
      .add({"sqlite_version", "SQLite"}, info.sqlite_version)
      .add({"page_bytes", "page size", Kind::bytes}, info.page_bytes)
      .add({"page_count", "pages", Kind::count}, info.page_count)
      .add({"free_pages", "free pages", Kind::count}, info.free_pages)
      .add({"file_bytes", "size", Kind::bytes}, info.page_count * info.page_bytes);
  return record;
}

struct Counted {
  const char* name;
  const char* title;
  std::uint64_t count;
};

std::vector<Counted> counts_of(const DatabaseInfo& info) {
  return {{"traces", "traces", info.traces},
          {"checkpoints", "checkpoints", info.checkpoints},
          {"sessions", "sessions", info.sessions},
          {"segments", "segments", info.segments},
          {"entries", "entries", info.entries},
          {"runs", "runs", info.runs},
          {"events", "events", info.events},
          {"snapshots", "snapshots", info.snapshots},
          {"streams", "manifest streams", info.streams},
          {"manifests", "manifests", info.manifests},
          {"states", "states", info.states},
          {"state_entries", "state entries", info.state_entries}};
}

Listing largest_of(const Database& db, std::uint64_t limit) {
  Listing listing({{"kind", "LARGEST"},
                   {"owner", "OWNER"},
                   {"rows", "ROWS", Kind::count},
                   {"raw_bytes", "GIVEN", Kind::bytes},
                   {"stored_bytes", "STORED", Kind::bytes}});
  if (limit == 0) return listing;
  for (const auto& use : storage_by_owner(db, limit)) {
    listing.add({use.kind, use.owner, use.rows, use.raw_bytes, use.stored_bytes});
  }
  return listing;
}

void print_json(const DatabaseInfo& info, const Listing& largest, Output& out) {
  JsonArray foreign;
  for (const auto& object : info.foreign_objects)
    foreign.add(json_string(object));
  Record record = identity_of(info);
  for (const auto& [name, title, count] : counts_of(info)) {
    record.add({name, title, Kind::count}, count);
  }
  record.add({"foreign_objects", "", Kind::json}, foreign.str());
  JsonArray damaged;
  for (const auto& copy : info.damaged_logs)
    damaged.add(json_string(copy));
  record.add({"damaged_logs", "", Kind::json}, damaged.str());
  record.add({"largest", "", Kind::json}, largest.json());
  record.print(out, true);
}

}  // namespace

ExitCode run(const InfoArguments& arguments, const Console& console) {
  const Database db = open_file(arguments.file, Purpose::read, console);
  const DatabaseInfo facts = info(db);
  const Listing largest = largest_of(db, arguments.largest);
  if (console.json) {
    print_json(facts, largest, console.out);
    return ExitCode::ok;
  }
  identity_of(facts).print(console.out, false);
  Listing counts({{"kind", "CONTENTS"}, {"count", "COUNT", Kind::count}});
  for (const auto& [name, title, count] : counts_of(facts)) {
    if (count != 0) counts.add({std::string(title), count});
  }
  if (!counts.empty()) console.out.write("\n" + counts.table());
  if (!largest.empty()) console.out.write("\n" + largest.table());
  for (const auto& object : facts.foreign_objects) {
    console.out.line("\nadded by somebody: " + printable(object));
  }
  for (const auto& copy : facts.damaged_logs) {
    console.out.line("\na damaged log was found once, and is kept as " + printable(copy));
  }
  return ExitCode::ok;
}

}  // namespace holdfast::cli
