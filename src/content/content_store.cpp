#include "content/content_store.hpp"

#include "content/content_table.hpp"
#include "content/recipe.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"

#include <map>
#include <utility>

namespace holdfast::content {
namespace {

[[noreturn]] void throw_corrupt(const char* message) {
  throw Error(ErrorCode::corrupt, message);
}

void release(engine::Connection& db, const ChunkRow& chunk) {
  write_counts(db, chunk);
  if (chunk.users > 0 || chunk.dependants > 0 || !chunk.keyframe_key) return;
  // Read again: other chunks of the same content may have changed its counts.
  auto keyframe = find_chunk(db, *chunk.keyframe_key);
  if (!keyframe || keyframe->dependants < 1) return;
  --keyframe->dependants;
  write_counts(db, *keyframe);
}

struct CountStatements {
  explicit CountStatements(engine::Connection& db)
      : recipes(db, "SELECT recipe, chunk_count FROM content"),
        keyframes(db,
                  "SELECT keyframe_key, count(*) FROM chunk WHERE keyframe_key IS NOT NULL"
                  " GROUP BY keyframe_key"),
        chunks(db, "SELECT chunk_key FROM chunk ORDER BY chunk_key") {}
  engine::Statement recipes, keyframes, chunks;
};

}  // namespace

ContentRow find_whole_content(engine::Connection& db, std::int64_t key, std::int64_t raw_bytes) {
  if (key < 1 || key > kMaxContentKey) throw_corrupt("a row names a content by an impossible key");
  ContentRow content;
  if (const char* const why = find_content(db, key, content)) throw_corrupt(why);
  if (content.raw_bytes != raw_bytes) {
    throw_corrupt("the lengths of a payload and of its content differ");
  }
  return content;
}

Bytes load_content(engine::Connection& db, std::int64_t key, std::int64_t raw_bytes) {
  const ContentRow content = find_whole_content(db, key, raw_bytes);
  ChunkReader reader(db, digester(db));
  Bytes bytes;
  // The rows of the chunks, under the content's digest, say that it is so much.
  bytes.reserve(static_cast<std::size_t>(raw_bytes));
  for (const ChunkRow& chunk : content.chunks) {
    if (!reader.append(chunk, bytes)) throw_corrupt("a chunk of a payload fails its digest");
  }
  return bytes;
}

void remove_content(engine::Connection& db, std::int64_t key) {
  if (key < 1 || key > kMaxContentKey) return;
  ContentRow content;
  const char* damage = nullptr;
  try {
    damage = find_content(db, key, content);
  } catch (const Error& error) {
    // The secret is lost.
    if (error.code() != ErrorCode::corrupt) throw;
    damage = "";
  }
  delete_content(db, key);
  if (damage != nullptr) return;
  std::map<std::int64_t, std::int64_t> uses;
  for (const ChunkRow& chunk : content.chunks)
    ++uses[chunk.key];
  for (const auto& [chunk_key, count] : uses) {
    // Read again: a delta that went may have changed the counts of its keyframe.
    auto chunk = find_chunk(db, chunk_key);
    // A count that is too low: who else needs the chunk is not known, so it stays.
    if (!chunk || chunk->users < count) continue;
    chunk->users -= count;
    release(db, *chunk);
  }
}

std::int64_t ContentCheck::run(engine::Connection& db, std::int64_t key, std::int64_t raw_bytes) {
  const ContentRow content = find_whole_content(db, key, raw_bytes);
  ChunkReader reader(db, digester(db));
  read_bytes_ = 0;
  bool whole = true;
  for (const ChunkRow& chunk : content.chunks)
    whole &= is_whole(reader, db, chunk);
  if (!whole) throw_corrupt("a chunk of a payload fails its digest");
  return read_bytes_;
}

bool ContentCheck::is_whole(ChunkReader& reader, engine::Connection& db, const ChunkRow& chunk) {
  const bool whole = passes_digest(reader, chunk);
  if (!chunk.keyframe_key) return whole;
  // One that no content uses any more is nobody else's to check.
  const auto keyframe = find_chunk(db, *chunk.keyframe_key);
  return keyframe && !keyframe->keyframe_key && passes_digest(reader, *keyframe) && whole;
}

bool ContentCheck::passes_digest(ChunkReader& reader, const ChunkRow& chunk) {
  const auto [known, is_new] = whole_.try_emplace(chunk.key, false);
  if (!is_new) return known->second;
  Bytes bytes;
  known->second = reader.append(chunk, bytes);
  read_bytes_ += chunk.raw_bytes;
  return known->second;
}

std::unordered_map<std::int64_t, ChunkCount> count_chunks(engine::Connection& db) {
  auto& statements = db.statements<CountStatements>();
  std::unordered_map<std::int64_t, ChunkCount> counts;
  {
    auto row = statements.recipes.run();
    while (row.step()) {
      const auto keys = decode_recipe(row.bytes(0), row.integer(1));
      if (!keys) continue;
      for (const std::int64_t key : *keys)
        ++counts[key].users;
    }
  }
  auto row = statements.keyframes.run();
  while (row.step())
    counts[row.integer(0)].dependants = row.integer(1);
  return counts;
}

std::int64_t recount_chunks(engine::Connection& db) {
  std::vector<std::int64_t> keys;
  {
    auto row = db.statements<CountStatements>().chunks.run();
    while (row.step())
      keys.push_back(row.integer(0));
  }
  std::int64_t removed = 0;
  // Deltas that go leave keyframes that nobody uses: those go in the second round.
  for (bool again = true; std::exchange(again, false);) {
    const auto counts = count_chunks(db);
    for (const std::int64_t key : keys) {
      auto chunk = find_chunk(db, key);
      if (!chunk) continue;
      const auto found = counts.find(key);
      const ChunkCount count = found == counts.end() ? ChunkCount() : found->second;
      if (chunk->users == count.users && chunk->dependants == count.dependants) continue;
      chunk->users = count.users;
      chunk->dependants = count.dependants;
      write_counts(db, *chunk);
      if (count.users > 0 || count.dependants > 0) continue;
      ++removed;
      again = again || chunk->keyframe_key.has_value();
    }
  }
  return removed;
}

}  // namespace holdfast::content
