#include "manifest/streams.hpp"

#include "content/row_digest.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"
#include "holdfast/limits.hpp"

#include <algorithm>
#include <bit>

namespace holdfast::manifest {
namespace {

struct StreamStatements {
  explicit StreamStatements(engine::Connection& db)
      : find(db,
             "SELECT stream_key, name, created_at_us, latest_id, id_digest, digest"
             " FROM stream WHERE name = ?1"),
        scan(db,
             "SELECT stream_key, name, created_at_us, latest_id, id_digest, digest"
             " FROM stream NOT INDEXED WHERE name = ?1 ORDER BY stream_key LIMIT 1"),
        list(db,
             "SELECT stream_key, name, created_at_us, latest_id, id_digest, digest"
             " FROM stream WHERE latest_id IS NOT NULL ORDER BY name"),
        insert(db,
               "INSERT INTO stream (name, created_at_us, id_digest, digest) VALUES (?1, ?2, 0, 0)"),
        update(db,
               "UPDATE stream SET latest_id = ?2, id_digest = ?3, digest = ?4"
               " WHERE stream_key = ?1"),
        remove(db, "DELETE FROM stream WHERE stream_key = ?1"),
        latest_id(db, "SELECT max(checkpoint_id) FROM manifest WHERE stream_key = ?1"),
        ids(db,
            "SELECT checkpoint_id FROM manifest WHERE stream_key = ?1"
            " ORDER BY checkpoint_id DESC"),
        page(db,
             "SELECT checkpoint_id FROM manifest WHERE stream_key = ?1 AND checkpoint_id > ?2"
             " ORDER BY checkpoint_id LIMIT ?3") {}
  engine::Statement find;
  engine::Statement scan;
  engine::Statement list;
  engine::Statement insert;
  engine::Statement update;
  engine::Statement remove;
  engine::Statement latest_id;
  engine::Statement ids;
  engine::Statement page;
};

struct FoundStream {
  Stream stream;
  bool intact = false;
};

std::int64_t row_digest(const Stream& stream) {
  return content::RowDigest()
      .add(stream.key)
      .add(stream.name)
      .add(stream.created_at_us)
      .add(stream.latest_id)
      .add(std::bit_cast<std::int64_t>(stream.id_digest))
      .value();
}

FoundStream read_row(const engine::Query& row) {
  FoundStream found;
  found.stream.key = row.integer(0);
  found.stream.name = row.string(1);
  found.stream.created_at_us = row.integer(2);
  found.stream.latest_id = row.optional_integer(3);
  found.stream.id_digest = row.bits(4);
  found.intact = row.integer(5) == row_digest(found.stream);
  return found;
}

// A name that its index lost stands in the table still. The scan costs as much as there are streams,
// but only a stream that is not there needs it.
std::optional<FoundStream> find(engine::Connection& db, std::string_view name) {
  auto& statements = db.statements<StreamStatements>();
  {
    auto row = statements.find.run(name);
    if (row.step()) return read_row(row);
  }
  auto row = statements.scan.run(name);
  if (!row.step()) return std::nullopt;
  FoundStream found = read_row(row);
  found.intact = false;
  return found;
}

[[noreturn]] void throw_damaged(const Stream& stream) {
  throw Error(ErrorCode::corrupt,
              "the row of manifest stream \"" + stream.name + "\" is damaged",
              {.id = stream.name});
}

// A sum, so that ids can be added and taken away in any order.
std::uint64_t id_digest(std::int64_t checkpoint_id) {
  return std::bit_cast<std::uint64_t>(content::RowDigest().add(checkpoint_id).value());
}

void write_heads(engine::Connection& db, Stream& stream) {
  auto& statements = db.statements<StreamStatements>();
  statements.update.execute(stream.key, stream.latest_id, stream.id_digest, row_digest(stream));
}

}  // namespace

std::optional<Stream> find_stream(engine::Connection& db, std::string_view name) {
  auto found = find(db, name);
  if (!found) return std::nullopt;
  if (!found->intact) throw_damaged(found->stream);
  return std::move(found->stream);
}

std::optional<Stream> find_damaged_stream(engine::Connection& db, std::string_view name) {
  auto found = find(db, name);
  if (!found) return std::nullopt;
  return std::move(found->stream);
}

Stream open_stream(engine::Connection& db, std::string_view name, std::int64_t now_us) {
  if (auto stream = find_stream(db, name)) return std::move(*stream);
  auto& statements = db.statements<StreamStatements>();
  statements.insert.execute(name, now_us);
  Stream stream;
  stream.key = db.last_insert_rowid();
  stream.name = name;
  stream.created_at_us = now_us;
  write_heads(db, stream);
  return stream;
}

std::vector<std::string> list_streams(engine::Connection& db) {
  std::vector<std::string> names;
  auto row = db.statements<StreamStatements>().list.run();
  while (row.step()) {
    FoundStream found = read_row(row);
    if (!found.intact) throw_damaged(found.stream);
    names.push_back(std::move(found.stream.name));
  }
  return names;
}

void note_saved(engine::Connection& db, Stream& stream, std::int64_t checkpoint_id) {
  if (!stream.latest_id || *stream.latest_id < checkpoint_id) stream.latest_id = checkpoint_id;
  stream.id_digest += id_digest(checkpoint_id);
  write_heads(db, stream);
}

void note_removed(engine::Connection& db,
                  Stream& stream,
                  const std::vector<std::int64_t>& checkpoint_ids) {
  if (checkpoint_ids.empty()) return;
  bool latest_went = false;
  for (const std::int64_t id : checkpoint_ids) {
    stream.id_digest -= id_digest(id);
    latest_went |= id == stream.latest_id;
  }
  // Only then: a latest one that vanished must go on being missed.
  if (latest_went) {
    auto row = db.statements<StreamStatements>().latest_id.run(stream.key);
    row.step();  // an aggregate has a row always
    stream.latest_id = row.optional_integer(0);
  }
  write_heads(db, stream);
}

void remove_stream(engine::Connection& db, const Stream& stream) {
  db.statements<StreamStatements>().remove.execute(stream.key);
}

std::vector<std::int64_t> list_ids_descending(engine::Connection& db, const Stream& stream) {
  std::vector<std::int64_t> ids;
  auto row = db.statements<StreamStatements>().ids.run(stream.key);
  while (row.step())
    ids.push_back(row.integer(0));
  return ids;
}

std::vector<std::int64_t> list_ids(engine::Connection& db,
                                   const Stream& stream,
                                   std::optional<std::uint64_t> after,
                                   std::size_t limit) {
  // Ids are 0 to 2^63-1: -1 is before all of them, and nothing is after the last.
  const std::uint64_t last = std::min(after.value_or(0), kMaxNumber);
  const std::size_t page_size = std::min<std::size_t>(limit, kMaxNumber);
  std::vector<std::int64_t> ids;
  {
    auto row = db.statements<StreamStatements>().page.run(
        stream.key, after ? static_cast<std::int64_t>(last) : -1, page_size);
    while (row.step())
      ids.push_back(row.integer(0));
  }
  if (ids.size() < page_size) require_whole(stream, list_ids_descending(db, stream));
  return ids;
}

void require_whole(const Stream& stream, const std::vector<std::int64_t>& checkpoint_ids) {
  std::uint64_t sum = 0;
  for (const std::int64_t id : checkpoint_ids) {
    sum += id_digest(id);
  }
  if (sum == stream.id_digest) return;
  throw Error(ErrorCode::corrupt,
              "manifest stream \"" + stream.name + "\" has other manifests than were saved to it",
              {.id = stream.name});
}

void require_not_lost(engine::Connection& db, const Stream& stream, std::int64_t checkpoint_id) {
  if (!stream.latest_id || checkpoint_id > *stream.latest_id) return;
  if (checkpoint_id == *stream.latest_id) {
    throw Error(ErrorCode::corrupt,
                name_manifest(stream, checkpoint_id) + " has vanished",
                {.id = std::to_string(checkpoint_id)});
  }
  require_whole(stream, list_ids_descending(db, stream));
}

std::string name_manifest(const Stream& stream, std::int64_t checkpoint_id) {
  return "manifest " + std::to_string(checkpoint_id) + " of stream \"" + stream.name + "\"";
}

}  // namespace holdfast::manifest
