#include "vfs/wal_gather.hpp"

#include "vfs/big_endian.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

namespace holdfast::vfs {

namespace {

// The platform's VFS cannot write 128 KiB or more at once.
constexpr std::size_t kBufferBytes = 120ULL << 10;
constexpr std::size_t kWalHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 24;
// A log that stays small is left alone; one that grows, by as much again as there is, at most by so much.
constexpr std::int64_t kSmallBytes = 128LL << 10;
constexpr std::int64_t kMaxStepBytes = 1LL << 20;
// Nobody reads or writes it: it takes no memory.
const std::array<std::byte, kMaxStepBytes> kZeros{};

}  // namespace

bool WalGather::goes_on_at(std::int64_t offset, std::size_t bytes) const noexcept {
  return bytes_ == 0 ||
         (offset == offset_ + static_cast<std::int64_t>(bytes_) && bytes <= kBufferBytes - bytes_);
}

WalGather::Next WalGather::add(std::span<const std::byte> bytes, std::int64_t offset) noexcept {
  // The log begins anew: nothing that was behind counts any more.
  if (offset == 0 && bytes.size() == kWalHeaderBytes) end_ = 0;
  const bool appended = offset >= end_;
  end_ = std::max(end_, offset + static_cast<std::int64_t>(bytes.size()));
  bool complete = true;
  if (bytes.size() == kFrameHeaderBytes) {
    page_at_ = offset + static_cast<std::int64_t>(bytes.size());
    commits_ = big_endian_32(&bytes[4]) != 0;
    complete = false;
  } else if (offset == page_at_) {
    complete = commits_;
  }
  if (!appended || bytes.size() > kBufferBytes) return Next::write;
  if (!buffer_) buffer_.reset(new (std::nothrow) std::byte[kBufferBytes]);
  if (!buffer_) return Next::write;
  if (bytes_ == 0) offset_ = offset;
  std::memcpy(&buffer_[bytes_], bytes.data(), bytes.size());
  bytes_ += bytes.size();
  return complete ? Next::flush : Next::wait;
}

std::span<const std::byte> WalGather::zeros_behind(std::int64_t end,
                                                   std::int64_t file_bytes) noexcept {
  file_bytes_ = file_bytes;
  if (end < kSmallBytes || end < file_bytes) return {};
  const std::int64_t step = std::min(end, kMaxStepBytes);
  file_bytes_ = end + step;
  return std::span(kZeros).first(static_cast<std::size_t>(step));
}

void WalGather::cut(std::int64_t offset) noexcept {
  clear();
  end_ = std::min(end_, offset);
  file_bytes_ = -1;
}

}  // namespace holdfast::vfs
