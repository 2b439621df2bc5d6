#include "log/log.hpp"

#include "content/payload.hpp"
#include "content/row_digest.hpp"
#include "defect.hpp"
#include "holdfast/error.hpp"
#include "holdfast/limits.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace holdfast::log {
namespace {

constexpr std::int64_t kMaxNodeKey = 0x7fff'ffff;

struct Statements {
  explicit Statements(engine::Connection& db)
      : create_node(db,
                    "INSERT INTO log_node (inherited_count) SELECT 0 WHERE ifnull("
                    "(SELECT seq FROM sqlite_sequence WHERE name = 'log_node'), 0) < 2147483647"),
        insert(db,
               "INSERT INTO log_entry (entry_key, created_at_us, kind, time_us, turn, codec,"
               " raw_bytes, payload, content_key, digest)"
               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
        read(db,
             "SELECT entry_key, created_at_us, kind, time_us, turn, codec,"
             " raw_bytes, payload, content_key, digest FROM log_entry"
             " WHERE entry_key BETWEEN ?1 AND ?2 ORDER BY entry_key"),
        raw_bytes(db,
                  "SELECT ifnull(sum(raw_bytes), 0) FROM log_entry"
                  " WHERE entry_key BETWEEN ?1 AND ?2"),
        contents(db,
                 "SELECT content_key FROM log_entry"
                 " WHERE entry_key BETWEEN ?1 AND ?2 AND content_key IS NOT NULL"
                 " ORDER BY entry_key"),
        // Those before it are few, and payloads that stand in a row are walked past.
        near(db,
             "SELECT content_key FROM log_entry WHERE entry_key BETWEEN ?1 - 4 AND ?1 - 1"
             " AND entry_key > ?2 AND content_key IS NOT NULL ORDER BY entry_key DESC LIMIT 1"),
        owned(db,
              "SELECT entry_key, raw_bytes, content_key FROM log_entry"
              " WHERE entry_key BETWEEN ?1 AND ?2 ORDER BY entry_key"),
        remove_entries(db, "DELETE FROM log_entry WHERE entry_key BETWEEN ?1 AND ?2"),
        remove_node(db, "DELETE FROM log_node WHERE node_key = ?1") {}
  engine::Statement create_node;
  engine::Statement insert;
  engine::Statement read;
  engine::Statement raw_bytes;
  engine::Statement contents;
  engine::Statement near;
  engine::Statement owned;
  engine::Statement remove_entries;
  engine::Statement remove_node;
};

// The columns of an entry beside its payload, as its digest covers them.
struct Columns {
  std::int64_t entry_key = 0;
  std::int64_t created_at_us = 0;
  std::optional<std::string_view> kind = std::nullopt;
  std::optional<std::int64_t> time_us = std::nullopt;
  std::optional<std::int64_t> turn = std::nullopt;
  std::optional<std::string_view> codec = std::nullopt;  // absent: json
};

template <class PayloadSource, class... Column>
std::int64_t digest_of(const Columns& columns, const PayloadSource& payload, Column... column) {
  return content::RowDigest()
      .add(columns.entry_key)
      .add(columns.created_at_us)
      .add(columns.kind)
      .add(columns.time_us)
      .add(columns.turn)
      .add(columns.codec)
      .add_payload(payload, column...)
      .value();
}

std::int64_t entry_key(std::int64_t node_key, std::uint64_t ordinal) {
  return node_key << 32 | static_cast<std::int64_t>(ordinal);
}

// Before any shift: what a damaged row says must not become another log's keys.
void check(const LogRef& log) {
  if (log.node_key < 1 || log.node_key > kMaxNodeKey || log.count > kMaxEntries) {
    throw Error(ErrorCode::corrupt, "a log has a node or a count that cannot be");
  }
}

[[noreturn]] void throw_not_json(std::size_t index) {
  throw Error(
      ErrorCode::invalid_argument,
      "entry " + std::to_string(index) + " is not one JSON value in UTF-8 without a line feed",
      {.actual = index});
}

std::optional<std::string_view> optional_text(const engine::Query& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.text(column));
}

LogEntry read_entry(engine::Connection& db, const engine::Query& row, std::uint64_t ordinal) {
  const Columns columns{.entry_key = row.integer(0),
                        .created_at_us = row.integer(1),
                        .kind = optional_text(row, 2),
                        .time_us = row.optional_integer(3),
                        .turn = row.optional_integer(4),
                        .codec = optional_text(row, 5)};
  if (digest_of(columns, row, 6) != row.integer(9) && !planted("entry_digest_not_compared")) {
    throw Error(ErrorCode::corrupt, "an entry of a log fails its digest", {.actual = ordinal});
  }
  LogEntry entry;
  entry.position = ordinal;
  entry.created_at_us = columns.created_at_us;
  entry.codec = columns.codec.value_or(kJson);
  entry.data = content::load(db, row, 6);
  return entry;
}

std::vector<LogEntry> read_range(engine::Connection& db,
                                 const LogRef& log,
                                 std::uint64_t first,
                                 std::uint64_t limit,
                                 std::uint64_t max_bytes) {
  check(log);
  if (first < 1 || first > log.count || limit == 0) return {};
  const std::uint64_t last = first - 1 + std::min(limit, log.count - (first - 1));
  std::vector<LogEntry> entries;
  std::uint64_t bytes = 0;
  std::uint64_t ordinal = first;
  auto row = db.statements<Statements>().read.run(entry_key(log.node_key, first),
                                                  entry_key(log.node_key, last));
  while (ordinal <= last && bytes < max_bytes) {
    const bool there = row.step();
    if (!there && planted("end_of_log_believed")) break;
    if (!there || row.integer(0) != entry_key(log.node_key, ordinal)) {
      throw Error(ErrorCode::corrupt, "an entry of a log is missing", {.actual = ordinal});
    }
    entries.push_back(read_entry(db, row, ordinal++));
    // An entry of few bytes still takes memory for itself.
    bytes += entries.back().data.size() + sizeof(LogEntry);
  }
  return entries;
}

Cut cut_after(engine::Connection& db, std::int64_t node_key, std::uint64_t keep) {
  auto& statements = db.statements<Statements>();
  const std::int64_t first = entry_key(node_key, keep + 1);
  const std::int64_t last = entry_key(node_key, kMaxEntries);
  Cut cut;
  {
    auto row = statements.raw_bytes.run(first, last);
    if (row.step()) cut.raw_bytes = row.bits(0);
  }
  std::vector<std::int64_t> contents;
  {
    auto row = statements.contents.run(first, last);
    while (row.step())
      contents.push_back(row.integer(0));
  }
  for (const std::int64_t content_key : contents)
    content::remove(db, content_key);
  cut.entries = static_cast<std::uint64_t>(statements.remove_entries.execute(first, last));
  return cut;
}

content::RemovableRows removable_rows(engine::Connection& db) {
  auto& statements = db.statements<Statements>();
  return {.list = statements.owned,
          .remove = statements.remove_entries,
          .owns_content = [](const engine::Query& row) { return !row.is_null(2); }};
}

// The content of a large entry shortly before this one.
std::optional<std::int64_t> find_near(engine::Connection& db,
                                      std::int64_t node_key,
                                      std::uint64_t ordinal) {
  auto row =
      db.statements<Statements>().near.run(entry_key(node_key, ordinal), entry_key(node_key, 0));
  return row.step() ? row.optional_integer(0) : std::nullopt;
}

}  // namespace

std::vector<NewEntry> check_entries(const PayloadList& entries,
                                    std::string_view codec,
                                    bool strict_json) {
  std::vector<NewEntry> checked;
  checked.reserve(entries.size());
  for (const BytesView& data : entries) {
    NewEntry entry{.data = data};
    if (codec == kJson) {
      auto fields = strict_json ? scan_entry(data) : scan_json(data);
      if (!fields && strict_json && planted("payload_quoted_in_error"))
        throw Error(ErrorCode::invalid_argument, "not JSON: " + std::string(as_text(data)));
      if (!fields && strict_json) throw_not_json(checked.size());
      entry.is_json = fields.has_value();
      entry.fields = std::move(fields).value_or(EntryFields());
    }
    checked.push_back(std::move(entry));
  }
  return checked;
}

std::int64_t create_node(engine::Connection& db) {
  // Keys are never used again: after the last one there is no more, however few logs are left.
  if (db.statements<Statements>().create_node.execute() == 0) {
    throw Error(ErrorCode::too_large,
                "the file has had as many logs as it can name",
                {.expected = kMaxNodeKey});
  }
  return db.last_insert_rowid();
}

Appended append(engine::Connection& db,
                const LogRef& log,
                const std::vector<NewEntry>& entries,
                std::string_view codec,
                std::int64_t now_us) {
  check(log);
  if (entries.size() > kMaxEntries - log.count) {
    throw Error(ErrorCode::too_large,
                "a log cannot have so many entries",
                {.expected = kMaxEntries, .actual = log.count + entries.size()});
  }
  auto& statements = db.statements<Statements>();
  Appended appended{.count = log.count};
  for (const NewEntry& entry : entries) {
    ++appended.count;
    std::optional<std::int64_t> near;
    if (entry.data.size() > content::kInlineBytes) {
      near = find_near(db, log.node_key, appended.count);
    }
    const auto payload = content::Payload::store(
        db, entry.data, entry.is_json ? content::Form::json : content::Form::opaque, near);
    Columns columns{.entry_key = entry_key(log.node_key, appended.count),
                    .created_at_us = now_us,
                    .kind = entry.fields.kind,
                    .time_us = entry.fields.time_us,
                    .turn = entry.fields.turn};
    if (codec != kJson) columns.codec = codec;
    if (codec == kJson && !entry.is_json) columns.codec = kRaw;
    statements.insert.execute(columns.entry_key,
                              columns.created_at_us,
                              columns.kind,
                              columns.time_us,
                              columns.turn,
                              columns.codec,
                              payload.raw_bytes(),
                              payload.value(),
                              payload.content_key(),
                              digest_of(columns, payload));
    appended.raw_bytes += entry.data.size();
  }
  return appended;
}

std::vector<LogEntry> read(engine::Connection& db,
                           const LogRef& log,
                           std::uint64_t first,
                           std::size_t limit) {
  return read_range(db, log, first, limit, kNoLimit);
}

std::vector<LogEntry> read_page(engine::Connection& db, const LogRef& log, std::uint64_t first) {
  return read_range(db, log, first, kNoLimit, kPageBytes);
}

Cut truncate(engine::Connection& db, const LogRef& log, std::uint64_t keep) {
  check(log);
  return keep < log.count ? cut_after(db, log.node_key, keep) : Cut{};
}

std::uint64_t remove(engine::Connection& db, content::Freeing& freeing, const LogRef& log) {
  check(log);
  db.statements<Statements>().remove_node.execute(log.node_key);
  const content::KeyRange range{.first = entry_key(log.node_key, 1),
                                .last = entry_key(log.node_key, kMaxEntries)};
  const auto freed = freeing.remove(content::Removed::log_entry, removable_rows(db), range);
  return freed ? *freed : log.count;
}

bool free_slice(engine::Connection& db) {
  return content::Freeing(db).go_on(content::Removed::log_entry, removable_rows(db));
}

}  // namespace holdfast::log
