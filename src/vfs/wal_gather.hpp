// Gathers the frames that a transaction appends to a WAL into few large writes.
//
// SQLite writes each frame in two calls, and a commit of fifty pages in a hundred; what a call costs is
// most of it. Nobody reads a frame of a transaction before its last one, which commits it: so the others
// may wait in memory for it. Only frames behind all that were written wait: what SQLite writes again (the
// checksums of a transaction that had spilled, the frames of one that took the place of another) goes through.
//
// Shape:   https://sqlite.org/fileformat2.html, section 4: a header of 32 bytes, then frames of a header
//          (24 bytes; the second word is not 0 in a frame that commits) and a page.
// The log grows in large steps of zeros. A sync of bytes in blocks that were written before is twice as fast as
// one that makes the file longer, and a log of 16 MiB would else be longer after each commit until it is
// first recycled. Zeros are no frames: a recovery ends there.
//
// Errors:  without memory nothing waits; a log that cannot grow ahead grows with its frames
// Threads: those of the file handle, one at a time
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace holdfast::vfs {

class WalGather {
 public:
  enum class Next : std::uint8_t {
    write,  // it could not be taken: write it yourself
    wait,   // taken
    flush,  // taken, and what waits must be written now
  };

  // False: what waits must be written before these bytes are looked at, here or by SealedPages.
  bool goes_on_at(std::int64_t offset, std::size_t bytes) const noexcept;
  Next add(std::span<const std::byte> bytes, std::int64_t offset) noexcept;

  std::span<const std::byte> waiting() const noexcept { return {buffer_.get(), bytes_}; }
  std::int64_t offset() const noexcept { return offset_; }
  // Frames up to `end` are written, and nothing behind them counts. May the file be too short for more?
  bool may_grow(std::int64_t end) const noexcept { return end > file_bytes_; }
  // The zeros to write behind `end`, as the file is so long; none: it is long enough.
  std::span<const std::byte> zeros_behind(std::int64_t end, std::int64_t file_bytes) noexcept;
  // They are written, or of no use any more.
  void clear() noexcept { bytes_ = 0; }
  // The file was cut, and frames behind this offset are gone.
  void cut(std::int64_t offset) noexcept;

 private:
  std::unique_ptr<std::byte[]> buffer_;  // NOLINT(modernize-avoid-c-arrays)
  std::size_t bytes_ = 0;
  std::int64_t offset_ = 0;       // of what waits
  std::int64_t end_ = 0;          // of all that was written or waits
  std::int64_t file_bytes_ = -1;  // how long the file is, or was: others may have changed it
  std::int64_t page_at_ = -1;     // where the page of the last header goes
  bool commits_ = false;          // that header said so
};

}  // namespace holdfast::vfs
