// The JSON of a manifest: refused, or kept byte for byte. Imported, it is kept whatever it is.
#include "fuzz/targets.hpp"
#include "holdfast/database.hpp"

namespace holdfast::test {

namespace {

void keep(const ManifestStore& given, const std::string& json) {
  ManifestStore store = given;
  const Manifest manifest = Manifest::from_json(json);
  must(manifest.json() == json, "the text is kept");
  const std::uint64_t id = manifest.checkpoint_id();
  store.save_with_state(manifest, "state");
  must(store.load_by_id(id).value().json() == json, "the manifest is there");
  must(store.save(manifest) == SaveOutcome::already_there, "once");
  static_cast<void>(store.validate_checkpoint(id));
  static_cast<void>(store.recover_latest_validated());
  static_cast<void>(store.state_checksum(id));
}

void run_manifest(BytesView bytes) {
  static const Database db = Database::in_memory();
  auto store = db.manifests("fuzzed", {.expected_vnode_count = 4});
  const std::string json(as_text(bytes));
  try {
    keep(store, json);
  } catch (const Error& error) {
    must(error.code() == ErrorCode::invalid_argument, "a refused manifest is invalid");
  }
  store.remove_all();
  try {
    store.import(7, json, BytesView("state"));
    must(store.export_json(7) == json, "an import is kept as it was");
    static_cast<void>(store.validate_checkpoint(7));
    static_cast<void>(store.recover_latest_validated({.committed_only = true}));
    store.update_manifest(Manifest(7, 1, 1));
  } catch (const Error& error) {
    must(error.code() != ErrorCode::io, "no statement fails");
  }
  store.remove_all();
}

std::vector<std::string> manifest_seeds() {
  const std::string least = R"({"version":1,"checkpoint_id":7,"epoch":2,"timestamp_ms":3)";
  return {
      least + "}",
      least + R"(,"sink_commit_statuses":{"out":"Pending","two":{"Failed":"why"}}})",
      least +
          R"(,"sink_epochs":{"out":2},"source_offsets":{"in":{"offset":18446744073709551615}}})",
      least + R"(,"operator_states":{"a":{"inline":"AAEC","state_b64":"AAEC","external":false}}})",
      least + R"(,"source_names":["in"],"vnode_count":4,"state_checksum":"00"})",
      R"({"version":-1})",
      R"([1e400,"\ud800"])",
      "",
  };
}

}  // namespace

const FuzzTarget kManifestTarget{"manifest", run_manifest, manifest_seeds};

}  // namespace holdfast::test
