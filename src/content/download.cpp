#include "content/download.hpp"

#include "content/content_table.hpp"
#include "content/payload.hpp"
#include "defect.hpp"
#include "holdfast/error.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::content {
namespace {

// What is read in one transaction, and stays in memory.
constexpr std::size_t kBufferBytes = 1ULL << 20;

}  // namespace

Download::Download(std::shared_ptr<const engine::Link> link,
                   engine::Connection& db,
                   const engine::Query& row,
                   int first_column,
                   PayloadName name)
    : link_(std::move(link)),
      name_(std::move(name)),
      size_(static_cast<std::uint64_t>(row.integer(first_column))) {
  if (const auto content_key = row.optional_integer(first_column + 2)) {
    content_ = find_whole_content(db, *content_key, row.integer(first_column));
  } else {
    buffer_ = load(db, row, first_column);
  }
}

std::size_t Download::read(std::span<std::byte> bytes) {
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    if (buffer_at_ == buffer_.size()) {
      try {
        fill();
      } catch (...) {
        // What was read before is good; the next call says this again.
        if (filled == 0) throw;
        return filled;
      }
    }
    const std::size_t count = std::min(bytes.size() - filled, buffer_.size() - buffer_at_);
    if (count == 0) break;
    std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(buffer_at_),
                count,
                bytes.begin() + static_cast<std::ptrdiff_t>(filled));
    buffer_at_ += count;
    filled += count;
  }
  return filled;
}

BytesView Download::next() {
  if (buffer_at_ == buffer_.size()) fill();
  const BytesView bytes = BytesView(buffer_).subspan(buffer_at_);
  buffer_at_ = buffer_.size();
  return bytes;
}

void Download::fill() {
  if (next_chunk_ == content_.chunks.size()) return;
  const std::size_t first = next_chunk_;
  buffer_.clear();
  buffer_at_ = 0;
  try {
    link_->read([&](engine::Connection& db) { fill_from(db); }, "a payload's reader");
  } catch (...) {
    // Whatever was half done.
    buffer_.clear();
    next_chunk_ = first;
    throw;
  }
}

void Download::fill_from(engine::Connection& db) {
  // Contents never change, and their keys are never used again: while it is there, so are its chunks.
  if (!has_content(db, content_.key) && !planted("removed_payload_read_on")) {
    throw Error(ErrorCode::not_found,
                name_.title + " was removed or replaced while it was read",
                {.id = name_.id});
  }
  ChunkReader reader(db, digester(db));
  while (next_chunk_ < content_.chunks.size()) {
    const ChunkRow& chunk = content_.chunks[next_chunk_];
    if (!buffer_.empty() &&
        buffer_.size() + static_cast<std::size_t>(chunk.raw_bytes) > kBufferBytes) {
      return;
    }
    if (!reader.append(chunk, buffer_)) {
      if (!buffer_.empty()) return;  // what comes before it is sound
      throw Error(ErrorCode::corrupt, name_.title + " fails its digest", {.id = name_.id});
    }
    ++next_chunk_;
  }
}

}  // namespace holdfast::content
