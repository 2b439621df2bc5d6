#include "content/chunk_table.hpp"

#include "content/row_digest.hpp"
#include "defect.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"

#include <algorithm>
#include <array>

namespace holdfast::content {
namespace {

// Leaves room for the chunks of one content behind it.
constexpr std::int64_t kMaxChunkKey = std::int64_t{1} << 62;
constexpr std::array<std::string_view, 3> kCodecs = {"raw", "zstd", "delta"};

#define HOLDFAST_CHUNK_COLUMNS                                                         \
  "SELECT chunk_key, users, dependants, keyframe_key, codec, raw_bytes, stored_bytes," \
  " keyed_digest, digest FROM chunk "

struct ChunkStatements {
  explicit ChunkStatements(engine::Connection& db)
      : find(db, HOLDFAST_CHUNK_COLUMNS "WHERE chunk_key = ?1"),
        find_equal(db, HOLDFAST_CHUNK_COLUMNS "WHERE keyed_digest = ?1 ORDER BY chunk_key LIMIT 4"),
        data(db, "SELECT bytes FROM chunk_data WHERE chunk_key = ?1"),
        last_key(db,
                 "SELECT max(ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'chunk'), 0),"
                 " ifnull((SELECT max(chunk_key) FROM chunk), 0),"
                 " ifnull((SELECT max(chunk_key) FROM chunk_data), 0))"),
        insert(db,
               "INSERT INTO chunk (chunk_key, users, dependants, keyframe_key, codec, raw_bytes,"
               " stored_bytes, keyed_digest, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
        insert_data(db, "INSERT INTO chunk_data (chunk_key, bytes) VALUES (?1, ?2)"),
        count(db, "UPDATE chunk SET users = ?2, dependants = ?3, digest = ?4 WHERE chunk_key = ?1"),
        remove(db, "DELETE FROM chunk WHERE chunk_key = ?1"),
        remove_data(db, "DELETE FROM chunk_data WHERE chunk_key = ?1") {}
  engine::Statement find, find_equal, data, last_key, insert, insert_data, count, remove,
      remove_data;
};

#undef HOLDFAST_CHUNK_COLUMNS

// What a connection keeps once it was needed.
struct Codecs {
  explicit Codecs(engine::Connection& /*db*/) {}
  std::optional<ChunkEncoder> encoder = {};
  std::optional<ChunkDecoder> decoder = {};
};

std::string_view name_of(Codec codec) {
  return kCodecs.at(static_cast<std::size_t>(codec));
}

std::int64_t digest_of(const ChunkRow& row) {
  return RowDigest()
      .add(row.key)
      .add(row.users)
      .add(row.dependants)
      .add(row.keyframe_key)
      .add(name_of(row.codec))
      .add(row.raw_bytes)
      .add(row.stored_bytes)
      .add(BytesView(row.keyed_digest))
      .value();
}

std::optional<ChunkRow> read_chunk(const engine::Query& row) {
  ChunkRow chunk{.key = row.integer(0),
                 .users = row.integer(1),
                 .dependants = row.integer(2),
                 .keyframe_key = row.optional_integer(3),
                 .raw_bytes = row.integer(5),
                 .stored_bytes = row.integer(6)};
  const auto codec = std::ranges::find(kCodecs, row.text(4));
  const BytesView keyed_digest = row.bytes(7);
  if (codec == kCodecs.end() || keyed_digest.size() != chunk.keyed_digest.size()) {
    return std::nullopt;
  }
  chunk.codec = static_cast<Codec>(codec - kCodecs.begin());
  std::ranges::copy(keyed_digest, chunk.keyed_digest.begin());
  if (digest_of(chunk) != row.integer(8)) return std::nullopt;
  if (chunk.raw_bytes < 1 || chunk.raw_bytes > kMaxChunkBytes) return std::nullopt;
  return chunk;
}

}  // namespace

std::optional<ChunkRow> find_chunk(engine::Connection& db, std::int64_t key) {
  auto row = db.statements<ChunkStatements>().find.run(key);
  return row.step() ? read_chunk(row) : std::nullopt;
}

std::vector<ChunkRow> find_equal(engine::Connection& db, const KeyedDigest& keyed_digest) {
  std::vector<ChunkRow> chunks;
  auto row = db.statements<ChunkStatements>().find_equal.run(BytesView(keyed_digest));
  while (row.step()) {
    if (const auto chunk = read_chunk(row)) chunks.push_back(*chunk);
  }
  return chunks;
}

std::int64_t next_chunk_key(engine::Connection& db) {
  auto row = db.statements<ChunkStatements>().last_key.run();
  row.step();
  if (row.integer(0) < kMaxChunkKey) return row.integer(0) + 1;
  throw Error(ErrorCode::too_large,
              "the file has had as many chunks as it can name",
              {.expected = kMaxChunkKey});
}

void insert_chunk(engine::Connection& db, const ChunkRow& row) {
  db.statements<ChunkStatements>().insert.execute(row.key,
                                                  row.users,
                                                  row.dependants,
                                                  row.keyframe_key,
                                                  name_of(row.codec),
                                                  row.raw_bytes,
                                                  row.stored_bytes,
                                                  BytesView(row.keyed_digest),
                                                  digest_of(row));
}

void insert_chunk_data(engine::Connection& db, std::int64_t key, BytesView stored) {
  db.statements<ChunkStatements>().insert_data.execute(key, stored);
}

void write_counts(engine::Connection& db, const ChunkRow& row) {
  auto& statements = db.statements<ChunkStatements>();
  if (row.users > 0 || row.dependants > 0) {
    statements.count.execute(row.key, row.users, row.dependants, digest_of(row));
    return;
  }
  statements.remove.execute(row.key);
  statements.remove_data.execute(row.key);
}

ChunkEncoder& encoder(engine::Connection& db) {
  auto& encoder = db.statements<Codecs>().encoder;
  if (!encoder) encoder.emplace();
  return *encoder;
}

ChunkDecoder& ChunkReader::decoder() {
  auto& decoder = db_.statements<Codecs>().decoder;
  if (!decoder) decoder.emplace();
  return *decoder;
}

bool ChunkReader::append(const ChunkRow& row, Bytes& bytes) {
  BytesView keyframe;
  if (row.keyframe_key) {
    const auto keyframe_row = find_chunk(db_, *row.keyframe_key);
    keyframe_.clear();
    // Its own digest says nothing that the digest of what is made of it does not say.
    if (!keyframe_row || keyframe_row->keyframe_key || !decode(*keyframe_row, {}, keyframe_)) {
      return false;
    }
    keyframe = keyframe_;
  }
  const std::size_t before = bytes.size();
  if (!decode(row, keyframe, bytes)) return false;
  const KeyedDigest digest = digester_.digest(BytesView(bytes).subspan(before));
  if (digest == row.keyed_digest || planted("content_digest_not_compared")) return true;
  bytes.resize(before);
  return false;
}

bool ChunkReader::decode(const ChunkRow& row, BytesView keyframe, Bytes& bytes) {
  auto data = db_.statements<ChunkStatements>().data.run(row.key);
  if (!data.step()) return false;
  const BytesView stored = data.bytes(0);
  const std::size_t before = bytes.size();
  const auto raw_bytes = static_cast<std::size_t>(row.raw_bytes);
  if (row.codec == Codec::raw) {
    if (stored.size() != raw_bytes) return false;
    bytes.insert(bytes.end(), stored.begin(), stored.end());
    return true;
  }
  bytes.resize(before + raw_bytes);
  if (decoder().run(stored, keyframe, std::span(bytes).subspan(before))) return true;
  bytes.resize(before);
  return false;
}

}  // namespace holdfast::content
