#include "content/content_table.hpp"

#include "content/recipe.hpp"
#include "content/row_digest.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"

#include <algorithm>

namespace holdfast::content {
namespace {

struct ContentStatements {
  explicit ContentStatements(engine::Connection& db)
      : last_key(db,
                 "SELECT max(ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'content'), 0),"
                 " ifnull((SELECT max(content_key) FROM content), 0))"),
        insert(db,
               "INSERT INTO content (content_key, raw_bytes, stored_bytes, chunk_count,"
               " keyed_digest, digest, recipe) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
        find(db,
             "SELECT raw_bytes, stored_bytes, chunk_count, keyed_digest, digest, recipe"
             " FROM content WHERE content_key = ?1"),
        has(db, "SELECT 1 FROM content WHERE content_key = ?1"),
        remove(db, "DELETE FROM content WHERE content_key = ?1") {}
  engine::Statement last_key, insert, find, has, remove;
};

void append_number(Bytes& bytes, std::int64_t number) {
  for (int shift = 0; shift < 64; shift += 8)
    bytes.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(number) >> shift));
}

// It begins with the key, so that contents which changed places are noticed.
KeyedDigest digest_of(Digester& digester,
                      const ContentRow& content,
                      std::span<const ChunkRow> chunks) {
  Bytes bytes;
  bytes.reserve(24 + chunks.size() * 24);
  append_number(bytes, content.key);
  append_number(bytes, content.raw_bytes);
  append_number(bytes, content.stored_bytes);
  for (const ChunkRow& chunk : chunks) {
    bytes.insert(bytes.end(), chunk.keyed_digest.begin(), chunk.keyed_digest.end());
    append_number(bytes, chunk.raw_bytes);
  }
  return digester.digest(bytes);
}

std::int64_t row_digest(const ContentRow& content,
                        std::int64_t chunk_count,
                        BytesView keyed_digest,
                        BytesView recipe) {
  return RowDigest()
      .add(content.key)
      .add(content.raw_bytes)
      .add(content.stored_bytes)
      .add(chunk_count)
      .add(keyed_digest)
      .add(recipe)
      .value();
}

}  // namespace

std::int64_t take_content_key(engine::Connection& db) {
  auto row = db.statements<ContentStatements>().last_key.run();
  row.step();
  const std::int64_t last = row.integer(0);
  if (last < kMaxContentKey) return last + 1;
  // Keys are never used again: after the last one there is no more, however few contents are left.
  throw Error(ErrorCode::too_large,
              "the file has had as many large payloads as it can name",
              {.expected = kMaxContentKey});
}

bool has_content(engine::Connection& db, std::int64_t key) {
  return db.statements<ContentStatements>().has.run(key).step();
}

void insert_content(engine::Connection& db,
                    Digester& digester,
                    const ContentRow& content,
                    std::span<const ChunkRow> chunks) {
  std::vector<std::int64_t> keys;
  keys.reserve(chunks.size());
  for (const ChunkRow& chunk : chunks)
    keys.push_back(chunk.key);
  const Bytes recipe = encode_recipe(keys);
  const KeyedDigest keyed_digest = digest_of(digester, content, chunks);
  const auto chunk_count = static_cast<std::int64_t>(keys.size());
  db.statements<ContentStatements>().insert.execute(
      content.key,
      content.raw_bytes,
      content.stored_bytes,
      chunk_count,
      BytesView(keyed_digest),
      row_digest(content, chunk_count, BytesView(keyed_digest), recipe),
      BytesView(recipe));
}

const char* find_content(engine::Connection& db, std::int64_t key, ContentRow& content) {
  content.key = key;
  KeyedDigest keyed_digest{};
  std::vector<std::int64_t> keys;
  {
    auto row = db.statements<ContentStatements>().find.run(key);
    if (!row.step()) return "the content of a payload is missing";
    content.raw_bytes = row.integer(0);
    content.stored_bytes = row.integer(1);
    const BytesView stored_digest = row.bytes(3);
    if (stored_digest.size() != keyed_digest.size() ||
        row_digest(content, row.integer(2), stored_digest, row.bytes(5)) != row.integer(4)) {
      return "the content of a payload fails its digest";
    }
    std::ranges::copy(stored_digest, keyed_digest.begin());
    auto recipe = decode_recipe(row.bytes(5), row.integer(2));
    if (!recipe) return "the list of a payload's chunks is damaged";
    keys = *std::move(recipe);
  }
  content.chunks.clear();
  content.chunks.reserve(keys.size());
  std::int64_t raw_bytes = 0;
  for (const std::int64_t chunk_key : keys) {
    const auto chunk = find_chunk(db, chunk_key);
    if (!chunk) return "a chunk of a payload is missing, or its row fails its digest";
    raw_bytes += chunk->raw_bytes;
    content.chunks.push_back(*chunk);
  }
  if (raw_bytes != content.raw_bytes) return "the lengths of a payload and of its chunks differ";
  if (digest_of(digester(db), content, content.chunks) != keyed_digest)
    return "a payload fails its digest";
  return nullptr;
}

void delete_content(engine::Connection& db, std::int64_t key) {
  db.statements<ContentStatements>().remove.execute(key);
}

}  // namespace holdfast::content
