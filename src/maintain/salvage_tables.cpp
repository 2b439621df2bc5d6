#include "maintain/salvage_tables.hpp"

#include "content/row_digest.hpp"
#include "maintain/stored_tables.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace holdfast::maintain {

namespace {

using Type = StoredField::Type;

constexpr std::array kSalvaged = {
    SalvagedTable{"content",
                  TreeKind::table,
                  "INSERT INTO content (content_key, raw_bytes, stored_bytes, chunk_count,"
                  " keyed_digest, digest, recipe) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
    SalvagedTable{"chunk",
                  TreeKind::table,
                  "INSERT INTO chunk (chunk_key, users, dependants, keyframe_key, codec, raw_bytes,"
                  " stored_bytes, keyed_digest, digest)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
    SalvagedTable{
        "chunk_data", TreeKind::table, "INSERT INTO chunk_data (chunk_key, bytes) VALUES (?1, ?2)"},
    SalvagedTable{"content_secret",
                  TreeKind::table,
                  "INSERT INTO content_secret (secret_key, secret, digest) VALUES (?1, ?2, ?3)"},
    SalvagedTable{
        "content_secret_copy",
        TreeKind::table,
        "INSERT INTO content_secret_copy (secret_key, secret, digest) VALUES (?1, ?2, ?3)"},
    SalvagedTable{"session",
                  TreeKind::table,
                  "INSERT INTO session (session_key, name, created_at_us, recency_us,"
                  " recency_given, segment_count, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
    SalvagedTable{
        "segment",
        TreeKind::table,
        "INSERT INTO segment (segment_key, session_key, name, node_key, entry_count,"
        " raw_bytes, trace_node_key, trace_count, created_at_us, recency_us, forked_from,"
        " forked_at_turn, compacted_from, compacted_at_turn, metadata_digest, digest)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"},
    SalvagedTable{"segment_metadata",
                  TreeKind::table,
                  "INSERT INTO segment_metadata (segment_key, metadata) VALUES (?1, ?2)"},
    SalvagedTable{"pod",
                  TreeKind::table,
                  "INSERT INTO pod (pod_key, name, updated_at_us, raw_bytes, payload, content_key,"
                  " digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
    SalvagedTable{"trace",
                  TreeKind::table,
                  "INSERT INTO trace (trace_key, name, last_ordinal, oldest_ordinal,"
                  " newest_ordinal, checkpoint_count, created_at_us, digest)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
    SalvagedTable{"checkpoint",
                  TreeKind::table,
                  "INSERT INTO checkpoint (checkpoint_key, previous_ordinal, name, graph_hash,"
                  " created_at_ns, saved_at_us, codec, value_version, parent, metadata, raw_bytes,"
                  " content_key, payload_digest, digest, payload)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"},
    SalvagedTable{"run",
                  TreeKind::table,
                  "INSERT INTO run (run_key, name, node_key, first_seq, event_count, raw_bytes,"
                  " snapshot_count, oldest_at_seq, newest_at_seq, created_at_us, digest)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"},
    SalvagedTable{"snapshot",
                  TreeKind::table,
                  "INSERT INTO snapshot (snapshot_key, run_key, at_seq, previous_at_seq,"
                  " created_at_us, codec, value_version, raw_bytes, content_key, payload_digest,"
                  " digest, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"},
    SalvagedTable{"log_entry",
                  TreeKind::table,
                  "INSERT INTO log_entry (entry_key, created_at_us, kind, time_us, turn, codec,"
                  " raw_bytes, payload, content_key, digest)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"},
    SalvagedTable{"stream",
                  TreeKind::table,
                  "INSERT INTO stream (stream_key, name, created_at_us, latest_id, id_digest,"
                  " digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
    SalvagedTable{
        "manifest",
        TreeKind::table,
        "INSERT INTO manifest (manifest_key, stream_key, checkpoint_id, decoded, epoch,"
        " timestamp_ms, committed, state_checksum, checksum_matches, state_sha256,"
        " saved_at_us, raw_bytes, payload, content_key, joint_digest, digest)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"},
    SalvagedTable{"manifest_state",
                  TreeKind::table,
                  "INSERT INTO manifest_state (state_key, stream_key, checkpoint_id, saved_at_us,"
                  " sha256, raw_bytes, payload, content_key, digest)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
    SalvagedTable{"state_backend",
                  TreeKind::table,
                  "INSERT INTO state_backend (backend_key, name, version, entry_count, size_bytes,"
                  " entries_digest, interval, undo_count, created_at_us, owner_token, digest)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"},
    SalvagedTable{"state_partition",
                  TreeKind::table,
                  "INSERT INTO state_partition (partition_key, backend_key, operator, partition,"
                  " subtask, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
    SalvagedTable{"state_checkpoint",
                  TreeKind::table,
                  "INSERT INTO state_checkpoint (checkpoint_key, backend_key, checkpoint_id,"
                  " interval, version, entry_count, size_bytes, entries_digest, undo_count,"
                  " created_at_us, digest)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"},
    SalvagedTable{"state_entry",
                  TreeKind::index,
                  "INSERT INTO state_entry (partition_key, key, interval, raw_bytes, content_key,"
                  " digest, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
    SalvagedTable{"state_undo",
                  TreeKind::table,
                  "INSERT INTO state_undo (undo_key, backend_key, interval, partition_key, key,"
                  " old_interval, raw_bytes, content_key, old_digest, digest, payload)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"},
};

// "a, c.b, t.name" between two words of the SQL.
std::vector<std::string> list_between(std::string_view sql,
                                      std::string_view before,
                                      std::string_view after) {
  const std::size_t from = sql.find(before) + before.size();
  std::string_view list = sql.substr(from, sql.find(after, from) - from);
  std::vector<std::string> names;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view name = list.substr(0, comma);
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    names.emplace_back(name);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return names;
}

// A join names its own table c or n, and the owner's by another letter.
bool is_owner_name(std::string_view name) {
  return name == "t.name" || name == "r.name";
}

std::string_view plain(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

bool is(const StoredField& field, Type type) {
  return field.type == type;
}

void add_optional(content::RowDigest& digest, const StoredField& field) {
  if (field.type == Type::null) digest.add(std::optional<std::int64_t>());
  if (field.type == Type::integer) digest.add(std::optional(field.integer));
  if (field.type == Type::text) digest.add(std::optional(as_text(field.bytes)));
  if (field.type == Type::blob) digest.add(std::optional(field.bytes));
}

// False: a column has another type than the field can have.
bool add_field(content::RowDigest& digest, char kind, const StoredField& field) {
  switch (kind) {
    case 'i':
      digest.add(field.integer);
      return is(field, Type::integer);
    case 't':
      digest.add(as_text(field.bytes));
      return is(field, Type::text);
    case 'b':
      digest.add(field.bytes);
      return is(field, Type::blob);
    case 'I':
      add_optional(digest, field);
      return is(field, Type::null) || is(field, Type::integer);
    case 'T':
      add_optional(digest, field);
      return is(field, Type::null) || is(field, Type::text);
    default:
      add_optional(digest, field);
      return is(field, Type::null) || is(field, Type::blob);
  }
}

// raw_bytes, payload, content_key, as content::RowDigest::add_payload takes them.
bool add_payload(content::RowDigest& digest,
                 const StoredField& raw_bytes,
                 const StoredField& payload,
                 const StoredField& content_key) {
  engine::Value value;
  if (is(payload, Type::text)) value.type = engine::Value::Type::text;
  if (is(payload, Type::blob)) value.type = engine::Value::Type::blob;
  value.bytes = payload.bytes;
  digest.add(raw_bytes.integer).add(value);
  add_optional(digest, content_key);
  return is(raw_bytes, Type::integer) && !is(payload, Type::integer) &&
         (is(content_key, Type::null) || is(content_key, Type::integer));
}

}  // namespace

std::span<const SalvagedTable> salvaged_tables() {
  return kSalvaged;
}

RowProof::RowProof(const SalvagedTable& table) : columns_(list_between(table.insert, "(", ")")) {
  const std::string_view name = table.name;
  // Its digest stands with its segment.
  if (name == "segment_metadata") return;
  for (const StoredTable& stored : stored_tables()) {
    if (stored.name != name || stored.rows == nullptr) continue;
    const auto selected = list_between(stored.rows, "SELECT ", " FROM");
    const std::size_t first = stored.has_bytes_key ? 2 : 1;
    Digest digest{.column = index_of(plain(selected[first]))};
    digest.optional = selected[first] == "old_digest";
    std::size_t at = first + 1;
    for (const char* kind = stored.fields; *kind != '\0'; ++kind) {
      const bool owner = is_owner_name(selected[at]);
      // The owner's key: the trace's is the upper half of the row's own.
      const std::size_t column =
          owner ? (name == "checkpoint" ? 0 : index_of("run_key")) : index_of(plain(selected[at]));
      Field field{.kind = *kind, .column = column, .owner_name = owner};
      if (*kind == 'p') {
        field.payload = index_of("payload");
        field.content_key = index_of("content_key");
      }
      digest.fields.push_back(field);
      at += *kind == 'p' ? 3 : 1;
    }
    digests_.push_back(std::move(digest));
  }
}

std::optional<std::size_t> RowProof::find(std::string_view column) const {
  const auto found = std::ranges::find(columns_, column);
  if (found == columns_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns_.begin());
}

std::size_t RowProof::index_of(std::string_view column) const {
  const auto found = find(column);
  assert(found);
  return *found;
}

bool RowProof::holds(std::span<const StoredField> row, const OwnerName& owner) const {
  return row.size() == columns_.size() && std::ranges::all_of(digests_, [&](const Digest& digest) {
           return holds(digest, row, owner);
         });
}

bool RowProof::holds(const Digest& digest,
                     std::span<const StoredField> row,
                     const OwnerName& owner) const {
  const StoredField& expected = row[digest.column];
  if (digest.optional && is(expected, Type::null)) return true;
  if (!is(expected, Type::integer)) return false;
  content::RowDigest actual;
  for (const Field& field : digest.fields) {
    const StoredField& column = row[field.column];
    if (field.owner_name) {
      const bool packed = field.column == 0;
      const auto name = owner(packed ? column.integer >> 32 : column.integer);
      if (!name) return false;
      actual.add(*name);
    } else if (field.kind == 'p') {
      if (!add_payload(actual, column, row[field.payload], row[field.content_key])) return false;
    } else if (!add_field(actual, field.kind, column)) {
      return false;
    }
  }
  return actual.value() == expected.integer;
}

}  // namespace holdfast::maintain
