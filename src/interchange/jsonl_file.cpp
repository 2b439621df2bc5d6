#include "interchange/jsonl_file.hpp"

#include <cstring>

namespace holdfast::interchange {

namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 18U;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

JsonlFile::JsonlFile(const std::string& absolute_path, std::uint64_t max_line_bytes)
    : file_(absolute_path), max_line_bytes_(max_line_bytes) {
  // A read may return less than was asked for, also less than three bytes.
  while (buffer_.size() < kByteOrderMark.size() && fill()) {
  }
  has_byte_order_mark_ = buffer_.starts_with(kByteOrderMark);
  if (has_byte_order_mark_) begin_ = kByteOrderMark.size();
  searched_ = begin_;
}

std::optional<JsonlFile::Line> JsonlFile::next() {
  for (;;) {
    const std::size_t feed = buffer_.find('\n', searched_);
    if (feed != std::string::npos) return take(feed - begin_, true);
    searched_ = buffer_.size();
    if (searched_ - begin_ > max_line_bytes_) {
      dropping_ = true;
      begin_ = searched_;
    }
    if (!fill()) break;
  }
  if (begin_ == buffer_.size() && !dropping_) return std::nullopt;
  return take(buffer_.size() - begin_, false);
}

// Makes room by moving the unfinished line to the front, at most once for each read.
bool JsonlFile::fill() {
  if (at_end_) return false;
  buffer_.erase(0, begin_);
  searched_ -= begin_;
  begin_ = 0;
  const std::size_t kept = buffer_.size();
  buffer_.resize(kept + kReadBytes);
  const std::size_t got = file_.read(buffer_.data() + kept, kReadBytes);
  buffer_.resize(kept + got);
  at_end_ = got == 0;
  return !at_end_;
}

JsonlFile::Line JsonlFile::take(std::size_t length, bool terminated) {
  Line line;
  line.number = ++number_;
  line.terminated = terminated;
  line.too_long = dropping_ || length > max_line_bytes_;
  if (!line.too_long) line.text = std::string_view(buffer_).substr(begin_, length);
  begin_ += length + (terminated ? 1 : 0);
  searched_ = begin_;
  dropping_ = false;
  return line;
}

}  // namespace holdfast::interchange
