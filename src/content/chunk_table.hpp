// The rows of chunks: found, read, written, counted.
//
// Errors   those of the engine; what is damaged is told by what is returned
// Threads  those of the connection
// Source   schema/0002_content.sql
#pragma once

#include "content/chunk_codec.hpp"
#include "content/keyed_digest.hpp"
#include "engine/connection.hpp"
#include "holdfast/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace holdfast::content {

// No chunk is longer, stored or not.
inline constexpr std::int64_t kMaxChunkBytes = 1LL << 20;

enum class Codec : std::uint8_t { raw, zstd, delta };

struct ChunkRow {
  std::int64_t key = 0;
  std::int64_t users = 0;
  std::int64_t dependants = 0;
  std::optional<std::int64_t> keyframe_key = std::nullopt;  // of a delta
  Codec codec = Codec::raw;
  std::int64_t raw_bytes = 0;
  std::int64_t stored_bytes = 0;
  KeyedDigest keyed_digest = {};
};

// nullopt: it is missing, or damaged.
std::optional<ChunkRow> find_chunk(engine::Connection& db, std::int64_t key);
// Those that say they have this digest.
std::vector<ChunkRow> find_equal(engine::Connection& db, const KeyedDigest& keyed_digest);

// The key for the next new chunk; those behind it follow. too_large: there are no more.
std::int64_t next_chunk_key(engine::Connection& db);
void insert_chunk(engine::Connection& db, const ChunkRow& row);
void insert_chunk_data(engine::Connection& db, std::int64_t key, BytesView stored);
// Writes users and dependants. What nobody uses goes.
void write_counts(engine::Connection& db, const ChunkRow& row);

ChunkEncoder& encoder(engine::Connection& db);

// Reads the bytes of chunks.
class ChunkReader {
 public:
  ChunkReader(engine::Connection& db, Digester& digester) : db_(db), digester_(digester) {}

  // Appends them. False: they are missing or damaged, and `bytes` is as it was.
  bool append(const ChunkRow& row, Bytes& bytes);

 private:
  bool decode(const ChunkRow& row, BytesView keyframe, Bytes& bytes);
  ChunkDecoder& decoder();

  engine::Connection& db_;
  Digester& digester_;
  Bytes keyframe_;
};

}  // namespace holdfast::content
