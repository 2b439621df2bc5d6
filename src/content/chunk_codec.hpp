// Chunks as they are stored: as they are, compressed, or as the difference from another chunk.
//
// Making one takes longer than a chunk does, so connections keep theirs: some 160 KB for reading, and
// for the one that writes half a megabyte more.
//
// Threads  one at a time per object
#pragma once

#include "holdfast/bytes.hpp"

#include <cstddef>
#include <memory>
#include <span>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace holdfast::content {

class ChunkEncoder {
 public:
  ChunkEncoder();

  // In at most `limit` bytes; empty: it does not get so small. Valid until the next call.
  BytesView compress(BytesView chunk, std::size_t limit);
  // The difference from `keyframe`.
  BytesView subtract(BytesView chunk, BytesView keyframe, std::size_t limit);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
  Bytes buffer_;
};

class ChunkDecoder {
 public:
  ChunkDecoder();

  // Fills `chunk`, from a difference with its keyframe, else with an empty one. False: it cannot.
  bool run(BytesView stored, BytesView keyframe, std::span<std::byte> chunk);

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const noexcept;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
};

}  // namespace holdfast::content
