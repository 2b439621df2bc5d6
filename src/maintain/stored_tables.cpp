#include "maintain/stored_tables.hpp"

#include "content/row_digest.hpp"

#include <array>
#include <optional>
#include <string_view>

namespace holdfast::maintain {

namespace {

constexpr const char* kCheckpointPlace =
    "SELECT 'checkpoint ' || name FROM checkpoint WHERE checkpoint_key = ?1";

constexpr const char* kSnapshotPlace =
    "SELECT 'snapshot of run ' || r.name || ' at ' || n.at_seq FROM snapshot AS n"
    " JOIN run AS r ON r.run_key = n.run_key WHERE n.snapshot_key = ?1";

constexpr const char* kUndoPlace =
    "SELECT 'what checkpoints keep of an entry of state ' || b.name FROM state_undo AS u"
    " JOIN state_backend AS b ON b.backend_key = u.backend_key WHERE u.undo_key = ?1";

constexpr std::array kTables = {
    StoredTable{
        .name = "content_secret",
        .has_bytes_key = false,
        .rows = "SELECT secret_key, digest, secret_key, secret FROM content_secret"
                " WHERE secret_key > ?1 ORDER BY secret_key LIMIT ?2",
        .fields = "ib",
        .contents = nullptr,
        .place = "SELECT 'secret of digests' WHERE ?1 > 0",
    },
    StoredTable{
        .name = "content_secret_copy",
        .has_bytes_key = false,
        .rows = "SELECT secret_key, digest, secret_key, secret FROM content_secret_copy"
                " WHERE secret_key > ?1 ORDER BY secret_key LIMIT ?2",
        .fields = "ib",
        .contents = nullptr,
        .place = "SELECT 'copy of the secret of digests' WHERE ?1 > 0",
    },
    StoredTable{
        .name = "content",
        .has_bytes_key = false,
        .rows = "SELECT content_key, digest, content_key, raw_bytes, stored_bytes, chunk_count,"
                " keyed_digest, recipe FROM content"
                " WHERE content_key > ?1 ORDER BY content_key LIMIT ?2",
        .fields = "iiiibb",
        .contents = nullptr,
        .place = "SELECT 'content ' || ?1",
    },
    StoredTable{
        .name = "chunk",
        .has_bytes_key = false,
        .rows = "SELECT chunk_key, digest, chunk_key, users, dependants, keyframe_key, codec,"
                " raw_bytes, stored_bytes, keyed_digest FROM chunk"
                " WHERE chunk_key > ?1 ORDER BY chunk_key LIMIT ?2",
        .fields = "iiiItiib",
        .contents = nullptr,
        .place = "SELECT 'chunk ' || ?1",
    },
    StoredTable{
        .name = "removal",
        .has_bytes_key = false,
        .rows = "SELECT removal_key, digest, kind, first_key, last_key FROM removal"
                " WHERE removal_key > ?1 ORDER BY removal_key LIMIT ?2",
        .fields = "tii",
        .contents = nullptr,
        .place = "SELECT 'removal ' || ?1",
    },
    StoredTable{
        .name = "content_upload",
        .has_bytes_key = false,
        .rows =
            "SELECT stage_key, digest, stage_key, upload_key, boot_id, expires_at_ms, raw_bytes,"
            " NULL, content_key FROM content_upload"
            " WHERE stage_key > ?1 ORDER BY stage_key LIMIT ?2",
        .fields = "iitip",
        .contents = "SELECT stage_key, content_key FROM content_upload"
                    " WHERE stage_key > ?1 ORDER BY stage_key LIMIT ?2",
        .place = "SELECT 'upload ' || upload_key FROM content_upload WHERE stage_key = ?1",
    },
    StoredTable{
        .name = "session",
        .has_bytes_key = false,
        .rows = "SELECT session_key, digest, name, created_at_us, recency_us, recency_given,"
                " segment_count FROM session WHERE session_key > ?1 ORDER BY session_key LIMIT ?2",
        .fields = "tiiii",
        .contents = nullptr,
        .place = "SELECT 'session ' || name FROM session WHERE session_key = ?1",
    },
    StoredTable{
        .name = "segment",
        .has_bytes_key = false,
        .rows = "SELECT segment_key, digest, session_key, name, node_key, entry_count, raw_bytes,"
                " trace_node_key, trace_count, created_at_us, recency_us, forked_from,"
                " forked_at_turn, compacted_from, compacted_at_turn, metadata_digest"
                " FROM segment WHERE segment_key > ?1 ORDER BY segment_key LIMIT ?2",
        .fields = "itiiiIiiiTITII",
        .contents = nullptr,
        .place = "SELECT 'segment ' || name FROM segment WHERE segment_key = ?1",
    },
    // Its digest stands in the segment's row, beside which it is kept.
    StoredTable{
        .name = "segment_metadata",
        .has_bytes_key = false,
        .rows = "SELECT m.segment_key, g.metadata_digest, g.name, m.metadata"
                " FROM segment_metadata AS m JOIN segment AS g ON g.segment_key = m.segment_key"
                " WHERE m.segment_key > ?1 ORDER BY m.segment_key LIMIT ?2",
        .fields = "tt",
        .contents = nullptr,
        .place = "SELECT 'metadata of segment ' || name FROM segment WHERE segment_key = ?1",
    },
    StoredTable{
        .name = "pod",
        .has_bytes_key = false,
        .rows = "SELECT pod_key, digest, name, updated_at_us, raw_bytes, payload, content_key"
                " FROM pod WHERE pod_key > ?1 ORDER BY pod_key LIMIT ?2",
        .fields = "tip",
        .contents = "SELECT pod_key, CASE WHEN typeof(payload) = 'null' THEN content_key END"
                    " FROM pod WHERE pod_key > ?1 ORDER BY pod_key LIMIT ?2",
        .place = "SELECT 'pod ' || name FROM pod WHERE pod_key = ?1",
    },
    StoredTable{
        .name = "log_entry",
        .has_bytes_key = false,
        .rows = "SELECT entry_key, digest, entry_key, created_at_us, kind, time_us, turn, codec,"
                " raw_bytes, payload, content_key"
                " FROM log_entry WHERE entry_key > ?1 ORDER BY entry_key LIMIT ?2",
        .fields = "iiTIITp",
        .contents = "SELECT entry_key, CASE WHEN typeof(payload) = 'null' THEN content_key END"
                    " FROM log_entry WHERE entry_key > ?1 ORDER BY entry_key LIMIT ?2",
        .place =
            "SELECT 'segment ' || name || ' entry ' || ((?1 & 4294967295) - 1)"
            " FROM segment WHERE node_key = ?1 >> 32"
            " UNION ALL SELECT 'segment ' || name || ' trace entry ' || ((?1 & 4294967295) - 1)"
            " FROM segment WHERE trace_node_key = ?1 >> 32"
            " UNION ALL SELECT 'run ' || name || ' event ' ||"
            "  (first_seq + (?1 & 4294967295) - 1) FROM run WHERE node_key = ?1 >> 32"
            " UNION ALL SELECT 'log node ' || (?1 >> 32) || ' entry ' || (?1 & 4294967295)"
            " LIMIT 1",
    },
    StoredTable{
        .name = "trace",
        .has_bytes_key = false,
        .rows = "SELECT trace_key, digest, trace_key, name, last_ordinal, oldest_ordinal,"
                " newest_ordinal, checkpoint_count, created_at_us FROM trace"
                " WHERE trace_key > ?1 ORDER BY trace_key LIMIT ?2",
        .fields = "itiiiii",
        .contents = nullptr,
        .place = "SELECT 'trace ' || name FROM trace WHERE trace_key = ?1",
    },
    // Two digests: lists need not read payloads.
    StoredTable{
        .name = "checkpoint",
        .has_bytes_key = false,
        .rows = "SELECT c.checkpoint_key, c.digest, t.name, c.checkpoint_key, c.previous_ordinal,"
                " c.name, c.graph_hash, c.created_at_ns, c.saved_at_us, c.codec, c.value_version,"
                " c.parent, c.metadata, c.raw_bytes, c.content_key, c.payload_digest"
                " FROM checkpoint AS c JOIN trace AS t ON t.trace_key = c.checkpoint_key >> 32"
                " WHERE c.checkpoint_key > ?1 ORDER BY c.checkpoint_key LIMIT ?2",
        .fields = "tiitiiitiTTiIi",
        .contents = nullptr,
        .place = kCheckpointPlace,
    },
    StoredTable{
        .name = "checkpoint",
        .has_bytes_key = false,
        .rows = "SELECT checkpoint_key, payload_digest, raw_bytes, payload, content_key"
                " FROM checkpoint WHERE checkpoint_key > ?1 ORDER BY checkpoint_key LIMIT ?2",
        .fields = "p",
        .contents = "SELECT checkpoint_key, CASE WHEN typeof(payload) = 'null' THEN content_key END"
                    " FROM checkpoint WHERE checkpoint_key > ?1 ORDER BY checkpoint_key LIMIT ?2",
        .place = kCheckpointPlace,
    },
    // No operation writes these rows, but contents may be theirs.
    StoredTable{
        .name = "pending_write",
        .has_bytes_key = false,
        .rows = nullptr,
        .fields = "",
        .contents = "SELECT rowid, CASE WHEN typeof(payload) = 'null' THEN content_key END"
                    " FROM pending_write WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
        .place = "SELECT 'pending write ' || task || ' ' || write_index FROM pending_write"
                 " WHERE rowid = ?1",
    },
    StoredTable{
        .name = "run",
        .has_bytes_key = false,
        .rows =
            "SELECT run_key, digest, run_key, name, node_key, first_seq, event_count, raw_bytes,"
            " snapshot_count, oldest_at_seq, newest_at_seq, created_at_us FROM run"
            " WHERE run_key > ?1 ORDER BY run_key LIMIT ?2",
        .fields = "itIiiiiIIi",
        .contents = nullptr,
        .place = "SELECT 'run ' || name FROM run WHERE run_key = ?1",
    },
    StoredTable{
        .name = "snapshot",
        .has_bytes_key = false,
        .rows = "SELECT n.snapshot_key, n.digest, r.name, n.run_key, n.at_seq, n.previous_at_seq,"
                " n.created_at_us, n.codec, n.value_version, n.raw_bytes, n.content_key,"
                " n.payload_digest FROM snapshot AS n JOIN run AS r ON r.run_key = n.run_key"
                " WHERE n.snapshot_key > ?1 ORDER BY n.snapshot_key LIMIT ?2",
        .fields = "tiiIitiiIi",
        .contents = nullptr,
        .place = kSnapshotPlace,
    },
    StoredTable{
        .name = "snapshot",
        .has_bytes_key = false,
        .rows = "SELECT snapshot_key, payload_digest, raw_bytes, payload, content_key FROM snapshot"
                " WHERE snapshot_key > ?1 ORDER BY snapshot_key LIMIT ?2",
        .fields = "p",
        .contents = "SELECT snapshot_key, CASE WHEN typeof(payload) = 'null' THEN content_key END"
                    " FROM snapshot WHERE snapshot_key > ?1 ORDER BY snapshot_key LIMIT ?2",
        .place = kSnapshotPlace,
    },
    StoredTable{
        .name = "stream",
        .has_bytes_key = false,
        .rows = "SELECT stream_key, digest, stream_key, name, created_at_us, latest_id, id_digest"
                " FROM stream WHERE stream_key > ?1 ORDER BY stream_key LIMIT ?2",
        .fields = "itiIi",
        .contents = nullptr,
        .place = "SELECT 'stream ' || name FROM stream WHERE stream_key = ?1",
    },
    StoredTable{
        .name = "manifest",
        .has_bytes_key = false,
        .rows =
            "SELECT manifest_key, digest, stream_key, checkpoint_id, decoded, epoch, timestamp_ms,"
            " committed, state_checksum, checksum_matches, state_sha256, saved_at_us,"
            " joint_digest, raw_bytes, payload, content_key FROM manifest"
            " WHERE manifest_key > ?1 ORDER BY manifest_key LIMIT ?2",
        .fields = "iiiiiiTiBibp",
        .contents = "SELECT manifest_key, CASE WHEN typeof(payload) = 'null' THEN content_key END"
                    " FROM manifest WHERE manifest_key > ?1 ORDER BY manifest_key LIMIT ?2",
        .place =
            "SELECT 'manifest ' || m.checkpoint_id || ' of stream ' || t.name FROM manifest AS m"
            " JOIN stream AS t ON t.stream_key = m.stream_key WHERE m.manifest_key = ?1",
    },
    StoredTable{
        .name = "manifest_state",
        .has_bytes_key = false,
        .rows =
            "SELECT state_key, digest, stream_key, checkpoint_id, saved_at_us, sha256, raw_bytes,"
            " payload, content_key FROM manifest_state"
            " WHERE state_key > ?1 ORDER BY state_key LIMIT ?2",
        .fields = "iiibp",
        .contents = "SELECT state_key, CASE WHEN typeof(payload) = 'null' THEN content_key END"
                    " FROM manifest_state WHERE state_key > ?1 ORDER BY state_key LIMIT ?2",
        .place = "SELECT 'state of manifest ' || s.checkpoint_id || ' of stream ' || t.name"
                 " FROM manifest_state AS s JOIN stream AS t ON t.stream_key = s.stream_key"
                 " WHERE s.state_key = ?1",
    },
    StoredTable{
        .name = "state_backend",
        .has_bytes_key = false,
        .rows = "SELECT backend_key, digest, backend_key, name, version, entry_count, size_bytes,"
                " entries_digest, interval, undo_count, created_at_us, owner_token"
                " FROM state_backend"
                " WHERE backend_key > ?1 ORDER BY backend_key LIMIT ?2",
        .fields = "itiiiiiiii",
        .contents = nullptr,
        .place = "SELECT 'state ' || name FROM state_backend WHERE backend_key = ?1",
    },
    StoredTable{
        .name = "state_partition",
        .has_bytes_key = false,
        .rows =
            "SELECT partition_key, digest, partition_key, backend_key, operator, partition, subtask"
            " FROM state_partition WHERE partition_key > ?1 ORDER BY partition_key LIMIT ?2",
        .fields = "iitii",
        .contents = nullptr,
        .place =
            "SELECT 'state ' || b.name || CASE p.operator WHEN '' THEN ' flat entries'"
            " ELSE ' partition ' || p.operator || ':' || p.partition || ':' || p.subtask END"
            " FROM state_partition AS p"
            " JOIN state_backend AS b ON b.backend_key = p.backend_key WHERE p.partition_key = ?1",
    },
    StoredTable{
        .name = "state_checkpoint",
        .has_bytes_key = false,
        .rows = "SELECT checkpoint_key, digest, backend_key, checkpoint_id, interval, version,"
                " entry_count, size_bytes, entries_digest, undo_count, created_at_us"
                " FROM state_checkpoint"
                " WHERE checkpoint_key > ?1 ORDER BY checkpoint_key LIMIT ?2",
        .fields = "iiiiiiiii",
        .contents = nullptr,
        .place =
            "SELECT 'state ' || b.name || ' checkpoint ' || printf('%llu', c.checkpoint_id)"
            " FROM state_checkpoint AS c JOIN state_backend AS b ON b.backend_key = c.backend_key"
            " WHERE c.checkpoint_key = ?1",
    },
    // Keys are the user's data, which no message may tell: the partition is the place.
    StoredTable{
        .name = "state_entry",
        .has_bytes_key = true,
        .rows =
            "SELECT partition_key, key, digest, partition_key, key, interval, raw_bytes, payload,"
            " content_key FROM state_entry WHERE (partition_key, key) > (?1, ?2)"
            " ORDER BY partition_key, key LIMIT ?3",
        .fields = "ibip",
        .contents =
            "SELECT partition_key, key, CASE WHEN typeof(payload) = 'null' THEN content_key END"
            " FROM state_entry WHERE (partition_key, key) > (?1, ?2)"
            " ORDER BY partition_key, key LIMIT ?3",
        .place = "SELECT 'an entry of state ' || b.name || CASE p.operator WHEN '' THEN ''"
                 " ELSE ' partition ' || p.operator || ':' || p.partition || ':' || p.subtask END"
                 " FROM state_partition AS p"
                 " JOIN state_backend AS b ON b.backend_key = p.backend_key"
                 " WHERE p.partition_key = ?1 AND ?2 IS NOT NULL",
    },
    StoredTable{
        .name = "state_undo",
        .has_bytes_key = false,
        .rows = "SELECT undo_key, digest, backend_key, interval, partition_key, key, old_interval,"
                " raw_bytes, content_key, old_digest FROM state_undo"
                " WHERE undo_key > ?1 ORDER BY undo_key LIMIT ?2",
        .fields = "iiibIIII",
        .contents = "SELECT undo_key, CASE WHEN typeof(payload) = 'null' THEN content_key END"
                    " FROM state_undo WHERE undo_key > ?1 ORDER BY undo_key LIMIT ?2",
        .place = kUndoPlace,
    },
    // The entry as it was, under the digest that it had.
    StoredTable{
        .name = "state_undo",
        .has_bytes_key = false,
        .rows = "SELECT undo_key, old_digest, partition_key, key, old_interval, raw_bytes, payload,"
                " content_key FROM state_undo WHERE undo_key > ?1 AND old_digest IS NOT NULL"
                " ORDER BY undo_key LIMIT ?2",
        .fields = "ibip",
        .contents = nullptr,
        .place = kUndoPlace,
    },
};

std::optional<std::string_view> optional_text(const engine::Query& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.text(column));
}

std::optional<BytesView> optional_bytes(const engine::Query& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.bytes(column));
}

// Adds the column to the digest, and says how many columns it took.
int add_field(content::RowDigest& digest, char field, const engine::Query& row, int column) {
  switch (field) {
    case 'i':
      digest.add(row.integer(column));
      return 1;
    case 'I':
      digest.add(row.optional_integer(column));
      return 1;
    case 't':
      digest.add(row.text(column));
      return 1;
    case 'T':
      digest.add(optional_text(row, column));
      return 1;
    case 'b':
      digest.add(row.bytes(column));
      return 1;
    case 'B':
      digest.add(optional_bytes(row, column));
      return 1;
    default:
      digest.add_payload(row, column);
      return 3;
  }
}

}  // namespace

std::span<const StoredTable> stored_tables() {
  return kTables;
}

engine::Query run_page(engine::Statement& statement,
                       const StoredTable& table,
                       const RowKey& last,
                       std::int64_t limit) {
  if (table.has_bytes_key) return statement.run(last.number, last.bytes, limit);
  return statement.run(last.number, limit);
}

RowKey read_key(const StoredTable& table, const engine::Query& row) {
  return {.number = row.integer(0),
          .bytes = table.has_bytes_key ? to_bytes(row.bytes(1)) : Bytes()};
}

RowDigestColumns compute_digest(const StoredTable& table, const engine::Query& row) {
  const int first = table.has_bytes_key ? 2 : 1;
  RowDigestColumns columns{.stored = row.integer(first)};
  int column = first + 1;
  content::RowDigest digest;
  for (const char* field = table.fields; *field != '\0'; ++field) {
    if (*field == 'p') columns.payload = column;
    column += add_field(digest, *field, row, column);
  }
  columns.computed = digest.value();
  return columns;
}

std::string place_of(engine::Connection& db, const StoredTable& table, const RowKey& key) {
  engine::Statement find(db, table.place);
  auto row = table.has_bytes_key ? find.run(key.number, key.bytes) : find.run(key.number);
  if (row.step() && !row.is_null(0)) return row.string(0);
  return std::string(table.name) + " row " + std::to_string(key.number);
}

}  // namespace holdfast::maintain
