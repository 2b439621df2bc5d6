// holdfast show trace | checkpoint | snapshot | manifest | pod: one payload, and what is known.

#include "cli/format.hpp"
#include "cli/json_text.hpp"
#include "cli/open_file.hpp"
#include "cli/show.hpp"

#include <charconv>

namespace holdfast::cli {

namespace {

std::uint64_t parse_number(const std::string& text, const char* what) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  throw UsageError(std::string("the id of a ") + what + " is a number, not '" + text + "'");
}

void print_checkpoint(const Database& db,
                      const CheckpointBlob& blob,
                      const ShowArguments& arguments,
                      const Console& console) {
  Record record;
  record.add({"id", "checkpoint"}, blob.id);
  if (const auto found = db.checkpoints().info(blob.id)) {
    record.add({"trace", "trace"}, found->trace)
        .add({"saved_at_us", "saved", Kind::time_us}, found->saved_at_us);
  }
  record.add({"created_at_ns", "created", Kind::time_ns}, blob.created_at_ns)
      .add({"graph_hash", "graph hash", Kind::hex64}, blob.graph_hash)
      .add({"raw_bytes", "size", Kind::bytes}, std::uint64_t{blob.data.size()});
  print_with_payload(std::move(record), blob.data, arguments, console);
}

Listing issues_of(const ManifestValidation& validation) {
  Listing listing({{"fatal", "FATAL", Kind::flag}, {"reason", "REASON"}});
  for (const auto& issue : validation.issues)
    listing.add({issue.fatal, issue.reason});
  return listing;
}

void print_state(const ManifestStore& store,
                 std::uint64_t id,
                 const ShowArguments& arguments,
                 const Console& console) {
  const auto state = store.load_state_data(id);
  if (!state) throw NotThere("manifest " + arguments.id + " has no state");
  Record record;
  record.add({"checkpoint_id", "checkpoint", Kind::number}, id)
      .add({"raw_bytes", "size", Kind::bytes}, std::uint64_t{state->size()});
  print_with_payload(std::move(record), *state, arguments, console);
}

}  // namespace

void show_checkpoint(const Database& db, const ShowArguments& arguments, const Console& console) {
  const auto blob = db.checkpoints().load(arguments.id);
  if (!blob) throw NotThere("there is no checkpoint " + printable(arguments.id));
  print_checkpoint(db, *blob, arguments, console);
}

void show_trace(const Database& db, const ShowArguments& arguments, const Console& console) {
  const auto blob = db.checkpoints().load_latest(arguments.id);
  if (!blob) throw NotThere("there is no checkpoint in trace " + printable(arguments.id));
  print_checkpoint(db, *blob, arguments, console);
}

void show_snapshot(const Database& db, const ShowArguments& arguments, const Console& console) {
  const auto store = db.runs();
  auto snapshot =
      arguments.at ? store.load_at(arguments.id, *arguments.at) : store.load_latest(arguments.id);
  // load_at() takes one before, too; --at means that one.
  if (snapshot && arguments.at && snapshot->at_seq != *arguments.at) snapshot.reset();
  if (!snapshot) throw NotThere("there is no such snapshot of run " + printable(arguments.id));
  Record record;
  record.add({"run", "run"}, snapshot->run)
      .add({"at_seq", "at", Kind::number}, snapshot->at_seq)
      .add({"raw_bytes", "size", Kind::bytes}, std::uint64_t{snapshot->state.size()});
  print_with_payload(std::move(record), snapshot->state, arguments, console);
}

void show_manifest(const Database& db, const ShowArguments& arguments, const Console& console) {
  const std::uint64_t id = parse_number(arguments.id, "manifest");
  const auto store = db.manifests(arguments.stream);
  if (arguments.state) return print_state(store, id, arguments, console);
  const auto json = store.export_json(id);
  if (!json) throw NotThere("there is no manifest " + arguments.id);
  // Loads the state as well, which --raw does not need.
  const auto validation = arguments.raw ? ManifestValidation{} : store.validate_checkpoint(id);
  const Listing issues = issues_of(validation);
  Record record;
  record.add({"checkpoint_id", "checkpoint", Kind::number}, id)
      .add({"stream", "stream"}, arguments.stream)
      .add({"valid", "valid", Kind::flag}, validation.valid)
      .add({"issues", "", Kind::json}, issues.json());
  if (!arguments.raw && !console.json) console.out.write(issues.table());
  print_with_payload(std::move(record), *json, arguments, console);
}

void show_pod(const Database& db, const ShowArguments& arguments, const Console& console) {
  const auto metadata = db.sessions().pods().read_by_name(arguments.id);
  if (!metadata) throw NotThere("there is no pod " + printable(arguments.id));
  Record record;
  record.add({"pod", "pod"}, arguments.id)
      .add({"raw_bytes", "size", Kind::bytes}, std::uint64_t{metadata->size()});
  print_with_payload(std::move(record), *metadata, arguments, console);
}

}  // namespace holdfast::cli
