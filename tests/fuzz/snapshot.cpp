// The interchange bytes of a state: taken whole or refused, and what was taken comes out again.
#include "fuzz/targets.hpp"
#include "holdfast/database.hpp"
#include "state/snapshot_image.hpp"

namespace holdfast::test {

namespace {

void run_snapshot(BytesView bytes) {
  static Database db = Database::in_memory();
  auto state = db.state("fuzzed");
  state.put("kept", "as it was");
  const std::optional<SnapshotImage> image = decode(std::string(as_text(bytes)));
  std::uint64_t id = 0;
  try {
    id = state.import_snapshot(bytes, {{"op", 1, 2}, {"op", 1, 21}});
  } catch (const Error& error) {
    must(error.code() == ErrorCode::corrupt || error.code() == ErrorCode::too_large,
         "a refused snapshot is corrupt or too large");
    must(state.get("kept") == to_bytes("as it was"), "a refused snapshot changes nothing");
    return;
  }
  must(image.has_value(), "what was taken can be read");
  must(id == image->id, "its id");
  must(state.stats().entries == image->entries.size(), "every entry, and no other");
  const Bytes again = state.export_snapshot(id);
  must(state.import_snapshot(again, {{"op", 1, 2}, {"op", 1, 21}}) == id, "an export is taken");
  must(state.export_snapshot(id) == again, "and is the same");
  state.remove_all();
}

std::vector<std::string> snapshot_seeds() {
  const SnapshotImage none{.id = 7};
  const SnapshotImage some{
      .id = 1, .entries = {{"a", "1"}, {"op:1:2:key", "2"}, {"", ""}, {"op:1:21:", "3"}}};
  std::string more = encode(some);
  more[8] = 9;
  return {encode(none), encode(some), more, encode(some).substr(0, 30), ""};
}

}  // namespace

const FuzzTarget kSnapshotTarget{"snapshot", run_snapshot, snapshot_seeds};

}  // namespace holdfast::test
