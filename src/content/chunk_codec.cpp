#include "content/chunk_codec.hpp"

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <new>

namespace holdfast::content {
namespace {

constexpr int kCompressionLevel = 1;
constexpr int kLeastHashLog = 14;
constexpr int kMostHashLog = 17;

// A keyframe is indexed at every third byte. In a table that is much smaller its beginning is forgotten
// when its end has been read, and with it what the chunk begins with.
int hash_log_for(BytesView keyframe) {
  return std::clamp(
      static_cast<int>(std::bit_width(keyframe.size() / 3)), kLeastHashLog, kMostHashLog);
}

}  // namespace

void ChunkEncoder::Free::operator()(ZSTD_CCtx_s* context) const noexcept {
  ZSTD_freeCCtx(context);
}

ChunkEncoder::ChunkEncoder() : context_(ZSTD_createCCtx()) {
  if (!context_) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kCompressionLevel);
  // The row says how long the chunk is.
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_contentSizeFlag, 0);
}

BytesView ChunkEncoder::compress(BytesView chunk, std::size_t limit) {
  if (buffer_.size() < limit) buffer_.resize(limit);
  const std::size_t size =
      ZSTD_compress2(context_.get(), buffer_.data(), limit, chunk.data(), chunk.size());
  if (ZSTD_isError(size) != 0) return {};
  return {buffer_.data(), size};
}

BytesView ChunkEncoder::subtract(BytesView chunk, BytesView keyframe, std::size_t limit) {
  // A frame that did not fit has left the context in its middle, where it takes no prefix.
  ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_only);
  // For this one frame.
  ZSTD_CCtx_refPrefix(context_.get(), keyframe.data(), keyframe.size());
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_hashLog, hash_log_for(keyframe));
  const BytesView difference = compress(chunk, limit);
  ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_only);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_hashLog, 0);  // as the level says
  return difference;
}

void ChunkDecoder::Free::operator()(ZSTD_DCtx_s* context) const noexcept {
  ZSTD_freeDCtx(context);
}

ChunkDecoder::ChunkDecoder() : context_(ZSTD_createDCtx()) {
  if (!context_) throw std::bad_alloc();
}

bool ChunkDecoder::run(BytesView stored, BytesView keyframe, std::span<std::byte> chunk) {
  // An empty prefix undoes one that a frame which failed has left.
  ZSTD_DCtx_refPrefix(context_.get(), keyframe.data(), keyframe.size());
  const std::size_t size =
      ZSTD_decompressDCtx(context_.get(), chunk.data(), chunk.size(), stored.data(), stored.size());
  return ZSTD_isError(size) == 0 && size == chunk.size();
}

}  // namespace holdfast::content
