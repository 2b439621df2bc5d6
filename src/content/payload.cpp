#include "content/payload.hpp"

#include "content/json.hpp"
#include "content/sha256.hpp"
#include "defect.hpp"
#include "holdfast/error.hpp"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <string_view>

namespace holdfast::content {
namespace {

// A row stays below 1 MiB. Half of that costs nothing measurable and halves what a read holds twice.
constexpr std::size_t kPieceBytes = 512ULL << 10;
// What a reader takes: other versions may cut larger.
constexpr std::int64_t kMaxPieceBytes = 1LL << 20;
constexpr std::int64_t kMaxContentKey = 0x7fff'ffff;
constexpr int kCompressionLevel = 1;

constexpr std::string_view kRaw = "raw";
constexpr std::string_view kZstd = "zstd";

struct Statements {
  explicit Statements(engine::Connection& db)
      : insert(db,
               "INSERT INTO content (raw_bytes, stored_bytes, piece_count, sha256)"
               " SELECT ?1, 0, 0, zeroblob(32) WHERE ifnull("
               "(SELECT seq FROM sqlite_sequence WHERE name = 'content'), 0) < 2147483647"),
        insert_piece(db,
                     "INSERT INTO content_piece (piece_key, raw_bytes, codec, bytes)"
                     " VALUES (?1, ?2, ?3, ?4)"),
        complete(db,
                 "UPDATE content SET stored_bytes = ?2, piece_count = ?3, sha256 = ?4"
                 " WHERE content_key = ?1"),
        find(db,
             "SELECT raw_bytes, piece_count, sha256,"
             " (SELECT count(*) FROM content_piece WHERE piece_key BETWEEN ?2 AND ?3)"
             " FROM content WHERE content_key = ?1"),
        pieces(db,
               "SELECT piece_key, raw_bytes, codec, bytes FROM content_piece"
               " WHERE piece_key BETWEEN ?1 AND ?2 ORDER BY piece_key"),
        remove_pieces(db, "DELETE FROM content_piece WHERE piece_key BETWEEN ?1 AND ?2"),
        remove(db, "DELETE FROM content WHERE content_key = ?1") {}
  engine::Statement insert;
  engine::Statement insert_piece;
  engine::Statement complete;
  engine::Statement find;
  engine::Statement pieces;
  engine::Statement remove_pieces;
  engine::Statement remove;
};

[[noreturn]] void throw_corrupt(const char* message) {
  throw Error(ErrorCode::corrupt, message);
}

std::int64_t first_piece(std::int64_t content_key) {
  return content_key << 32 | 1;
}
std::int64_t last_piece(std::int64_t content_key) {
  return content_key << 32 | 0xffff'ffff;
}

// The digest begins with the content's key, so that contents which changed places are noticed.
Sha256 begin_digest(std::int64_t content_key) {
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(static_cast<std::uint64_t>(content_key) >> (8 * i));
  }
  Sha256 digest;
  digest.update(BytesView(bytes));
  return digest;
}

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};

// Compresses pieces into one buffer. Memory is its own for one call: kept per connection it would be
// a megabyte for each reader that once wrote.
class PieceCompressor {
 public:
  PieceCompressor() : context_(ZSTD_createCCtx()) {
    if (!context_) throw std::bad_alloc();
  }

  // The compressed piece, or nothing if that does not save an eighth: there is no more room than that.
  BytesView compress(BytesView piece) {
    buffer_.resize(piece.size() - piece.size() / 8);
    const std::size_t size = ZSTD_compressCCtx(context_.get(),
                                               buffer_.data(),
                                               buffer_.size(),
                                               piece.data(),
                                               piece.size(),
                                               kCompressionLevel);
    if (ZSTD_isError(size) != 0) return {};
    return {buffer_.data(), size};
  }

 private:
  std::unique_ptr<ZSTD_CCtx, FreeCompressor> context_;
  Bytes buffer_;
};

std::int64_t store_pieces(engine::Connection& db, BytesView bytes) {
  auto& statements = db.statements<Statements>();
  // Keys are never used again: after the last one there is no more, however few contents are left.
  if (statements.insert.execute(bytes.size()) == 0) {
    throw Error(ErrorCode::too_large,
                "the file has had as many large payloads as it can name",
                {.expected = kMaxContentKey});
  }
  const std::int64_t content_key = db.last_insert_rowid();

  PieceCompressor compressor;
  Sha256 digest = begin_digest(content_key);
  std::int64_t piece_count = 0;
  std::size_t stored_bytes = 0;
  for (std::size_t offset = 0; offset < bytes.size(); offset += kPieceBytes) {
    const BytesView piece = bytes.subspan(offset, std::min(kPieceBytes, bytes.size() - offset));
    digest.update(piece);
    const BytesView compressed = compressor.compress(piece);
    const BytesView stored = compressed.empty() ? piece : compressed;
    statements.insert_piece.execute(first_piece(content_key) + piece_count,
                                    piece.size(),
                                    compressed.empty() ? kRaw : kZstd,
                                    stored);
    stored_bytes += stored.size();
    ++piece_count;
  }
  const Sha256Digest sha256 = digest.finish();
  statements.complete.execute(content_key, stored_bytes, piece_count, BytesView(sha256));
  return content_key;
}

void append_piece(const engine::Query& row, Bytes& bytes) {
  const auto raw_bytes = static_cast<std::size_t>(row.integer(1));
  const std::string_view codec = row.text(2);
  const BytesView stored = row.bytes(3);
  const std::size_t offset = bytes.size();
  if (codec == kRaw && stored.size() == raw_bytes) {
    bytes.insert(bytes.end(), stored.begin(), stored.end());
    return;
  }
  if (codec != kZstd) throw_corrupt("a piece of a payload has a length or codec that cannot be");
  bytes.resize(offset + raw_bytes);
  const std::size_t size =
      ZSTD_decompress(bytes.data() + offset, raw_bytes, stored.data(), stored.size());
  if (ZSTD_isError(size) != 0 || size != raw_bytes) {
    throw_corrupt("a piece of a payload cannot be decompressed");
  }
}

Bytes load_pieces(engine::Connection& db, std::int64_t content_key, std::int64_t raw_bytes) {
  if (content_key < 1 || content_key > kMaxContentKey) {
    throw_corrupt("a row names a content by a key that cannot be");
  }
  auto& statements = db.statements<Statements>();
  Bytes sha256;
  std::int64_t piece_count = 0;
  {
    auto row = statements.find.run(content_key, first_piece(content_key), last_piece(content_key));
    if (!row.step()) throw_corrupt("the content of a payload is missing");
    piece_count = row.integer(1);
    sha256 = to_bytes(row.bytes(2));
    // Pieces that are really there bound the memory that a damaged length can ask for.
    if (row.integer(0) != raw_bytes || row.integer(3) != piece_count || raw_bytes < 0 ||
        raw_bytes / kMaxPieceBytes > piece_count) {
      throw_corrupt("the lengths of a payload and of its pieces differ");
    }
  }

  Bytes bytes;
  bytes.reserve(static_cast<std::size_t>(raw_bytes));
  Sha256 digest = begin_digest(content_key);
  std::int64_t expected_key = first_piece(content_key);
  auto row = statements.pieces.run(first_piece(content_key), last_piece(content_key));
  while (row.step()) {
    const std::int64_t remaining = raw_bytes - static_cast<std::int64_t>(bytes.size());
    if (row.integer(0) != expected_key++) throw_corrupt("a piece of a payload is missing");
    if (row.integer(1) < 1 || row.integer(1) > std::min(remaining, kMaxPieceBytes)) {
      throw_corrupt("a piece of a payload has a length that cannot be");
    }
    const std::size_t offset = bytes.size();
    append_piece(row, bytes);
    digest.update(BytesView(bytes).subspan(offset));
  }
  if (static_cast<std::int64_t>(bytes.size()) != raw_bytes) {
    throw_corrupt("the lengths of a payload and of its pieces differ");
  }
  const Sha256Digest actual = digest.finish();
  const bool whole = std::ranges::equal(actual, sha256) || planted("content_digest_not_compared");
  if (!whole) throw_corrupt("a payload fails its digest");
  return bytes;
}

}  // namespace

Payload Payload::store(engine::Connection& db, BytesView bytes, Form form) {
  Payload payload;
  payload.bytes_ = bytes;
  if (bytes.size() > kInlineBytes) {
    payload.content_key_ = store_pieces(db, bytes);
  } else {
    payload.text_ = form == Form::json || (form == Form::unknown && bytes.size() <= kSniffBytes &&
                                           is_json_container(bytes));
  }
  return payload;
}

engine::Value Payload::value() const {
  if (content_key_) return {};
  return {text_ ? engine::Value::Type::text : engine::Value::Type::blob, bytes_};
}

Bytes load(engine::Connection& db, const engine::Query& row, int first_column) {
  const std::int64_t raw_bytes = row.integer(first_column);
  if (const auto content_key = row.optional_integer(first_column + 2)) {
    return load_pieces(db, *content_key, raw_bytes);
  }
  const BytesView bytes = row.bytes(first_column + 1);
  if (row.is_null(first_column + 1) || static_cast<std::int64_t>(bytes.size()) != raw_bytes) {
    throw_corrupt("a payload is missing, or has another length than its row says");
  }
  return to_bytes(bytes);
}

void remove(engine::Connection& db, std::optional<std::int64_t> content_key) {
  // A key that cannot be has no pieces, and must not be shifted.
  if (!content_key || *content_key < 1 || *content_key > kMaxContentKey) return;
  auto& statements = db.statements<Statements>();
  if (planted("content_left_behind")) return;
  statements.remove_pieces.execute(first_piece(*content_key), last_piece(*content_key));
  statements.remove.execute(*content_key);
}

}  // namespace holdfast::content
