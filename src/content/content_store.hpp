// Contents: payloads too large for their row, as lists of shared chunks.
//
// Errors   corrupt: chunks or rows that are missing or damaged; too_large: no more keys
// Threads  those of the connection
// Source   schema/0002_content.sql
#pragma once

#include "content/chunk_table.hpp"
#include "engine/connection.hpp"
#include "holdfast/bytes.hpp"

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace holdfast::content {

// A content's row with the rows of its chunks, which together pass its digest.
struct ContentRow {
  std::int64_t key = 0;
  std::int64_t raw_bytes = 0;
  std::int64_t stored_bytes = 0;
  std::vector<ChunkRow> chunks = {};  // in order, one as often as it is used
};

// Stores `bytes` as a new content, and returns its key. `near`: a content that they may resemble, the
// one that they follow or replace. Where its chunks still stand, nothing is cut, and what changed is
// stored as a difference. One that is not there or damaged is no help and no harm.
std::int64_t store_content(engine::Connection& db,
                           BytesView bytes,
                           std::optional<std::int64_t> near);
// A content's rows; its bytes are not looked at.
ContentRow find_whole_content(engine::Connection& db, std::int64_t key, std::int64_t raw_bytes);
Bytes load_content(engine::Connection& db, std::int64_t key, std::int64_t raw_bytes);
// Chunks go with their last user. Of a damaged content only its row goes: what it names may be
// another's, and `verify` finds it.
void remove_content(engine::Connection& db, std::int64_t key);

// Checks contents without their bytes being in memory together, each chunk once.
class ContentCheck {
 public:
  // Throws corrupt. Returns how many bytes had to be read.
  std::int64_t run(engine::Connection& db, std::int64_t key, std::int64_t raw_bytes);

 private:
  bool is_whole(ChunkReader& reader, engine::Connection& db, const ChunkRow& chunk);
  bool passes_digest(ChunkReader& reader, const ChunkRow& chunk);

  std::unordered_map<std::int64_t, bool> whole_;  // of the chunks that were read: they never change
  std::int64_t read_bytes_ = 0;
};

// What the counts of chunks should be, from all contents and deltas that are there.
struct ChunkCount {
  std::int64_t users = 0;
  std::int64_t dependants = 0;
};
std::unordered_map<std::int64_t, ChunkCount> count_chunks(engine::Connection& db);
// Sets them so. Returns how many chunks, which nobody uses, went.
std::int64_t recount_chunks(engine::Connection& db);

}  // namespace holdfast::content
