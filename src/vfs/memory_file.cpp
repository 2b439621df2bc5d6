#include "vfs/memory_file.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace holdfast::vfs {

bool MemoryCapacity::take(std::uint64_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  if (bytes != 0 && (used_ > limit_ || bytes > limit_ - used_)) return false;
  used_ += bytes;
  return true;
}

void MemoryCapacity::charge(std::uint64_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  used_ += bytes;
}

void MemoryCapacity::give_back(std::uint64_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  used_ -= bytes;
}

void MemoryCapacity::set_limit(std::optional<std::uint64_t> bytes) noexcept {
  const std::lock_guard lock(mutex_);
  limit_ = bytes.value_or(UINT64_MAX);
}

std::uint64_t MemoryCapacity::used() const noexcept {
  const std::lock_guard lock(mutex_);
  return used_;
}

// Cuts a range of a file at the borders of its blocks: visit(block, offset in it, offset in the
// range, bytes).
template <typename Visit>
void MemoryContents::for_each_piece(std::uint64_t bytes, std::uint64_t offset, const Visit& visit) {
  std::uint64_t done = 0;
  while (done < bytes) {
    const std::uint64_t at = (offset + done) % kBlockBytes;
    const std::uint64_t length = std::min(bytes - done, kBlockBytes - at);
    visit((offset + done) / kBlockBytes, at, done, length);
    done += length;
  }
}

MemoryContents::MemoryContents(std::shared_ptr<MemoryCapacity> capacity) noexcept
    : capacity_(std::move(capacity)) {}

MemoryContents::~MemoryContents() {
  capacity_->give_back(size_);
}

int MemoryContents::read(std::byte* out, std::uint64_t bytes, std::uint64_t offset) const noexcept {
  const std::shared_lock lock(mutex_);
  const std::uint64_t there = offset < size_ ? std::min(bytes, size_ - offset) : 0;
  copy_out(out, there, offset);
  if (there == bytes) return SQLITE_OK;
  std::memset(out + there, 0, bytes - there);
  return SQLITE_IOERR_SHORT_READ;
}

int MemoryContents::write(const std::byte* data,
                          std::uint64_t bytes,
                          std::uint64_t offset) noexcept {
  const std::unique_lock lock(mutex_);
  const std::uint64_t grown = std::max(size_, offset + bytes);
  try {
    allocate(bytes, offset);
  } catch (const std::bad_alloc&) {
    return SQLITE_IOERR_NOMEM;
  }
  if (!capacity_->take(grown - size_)) return SQLITE_FULL;
  size_ = grown;
  copy_in(data, bytes, offset);
  return SQLITE_OK;
}

void MemoryContents::load(const std::vector<std::byte>& bytes) {
  const std::unique_lock lock(mutex_);
  allocate(bytes.size(), 0);
  capacity_->charge(bytes.size());
  size_ = bytes.size();
  copy_in(bytes.data(), size_, 0);
}

int MemoryContents::resize(std::uint64_t size) noexcept {
  const std::unique_lock lock(mutex_);
  if (size <= size_) {
    cut(size);
    return SQLITE_OK;
  }
  if (!capacity_->take(size - size_)) return SQLITE_FULL;
  size_ = size;
  return SQLITE_OK;
}

std::uint64_t MemoryContents::size() const noexcept {
  const std::shared_lock lock(mutex_);
  return size_;
}

std::vector<std::byte> MemoryContents::copy() const {
  const std::shared_lock lock(mutex_);
  std::vector<std::byte> all(size_);
  copy_out(all.data(), size_, 0);
  return all;
}

void MemoryContents::copy_out(std::byte* out,
                              std::uint64_t bytes,
                              std::uint64_t offset) const noexcept {
  for_each_piece(bytes, offset, [&](auto block, auto at, auto done, auto length) {
    if (block < blocks_.size() && blocks_[block] != nullptr) {
      std::memcpy(out + done, blocks_[block]->data() + at, length);
    } else {
      std::memset(out + done, 0, length);
    }
  });
}

void MemoryContents::copy_in(const std::byte* data,
                             std::uint64_t bytes,
                             std::uint64_t offset) noexcept {
  for_each_piece(bytes, offset, [&](auto block, auto at, auto done, auto length) {
    std::memcpy(blocks_[block]->data() + at, data + done, length);
  });
}

// Blocks beyond the size, left by a write that then found the disk full, are zero and do no harm.
void MemoryContents::allocate(std::uint64_t bytes, std::uint64_t offset) {
  const std::uint64_t count = (offset + bytes + kBlockBytes - 1) / kBlockBytes;
  if (count > blocks_.size()) blocks_.resize(count);
  for_each_piece(bytes, offset, [&](auto block, auto, auto, auto) {
    if (blocks_[block] == nullptr)
      blocks_[block] = std::make_unique<std::array<std::byte, kBlockBytes>>();
  });
}

void MemoryContents::cut(std::uint64_t size) noexcept {
  const std::uint64_t count = (size + kBlockBytes - 1) / kBlockBytes;
  if (count < blocks_.size()) blocks_.resize(count);
  const std::uint64_t last = size / kBlockBytes;
  if (last < blocks_.size() && blocks_[last] != nullptr) {
    const std::uint64_t kept = size % kBlockBytes;
    std::memset(blocks_[last]->data() + kept, 0, kBlockBytes - kept);
  }
  capacity_->give_back(size_ - size);
  size_ = size;
}

// The rules of os_unix.c between handles of one process: while nobody is above SHARED anybody may
// share; one handle at most is above; PENDING, kept by an attempt at EXCLUSIVE that met readers,
// keeps new ones out.
int MemoryFileLock::lock(int& held, int level) noexcept {
  const std::lock_guard guard(mutex_);
  if (held >= level) return SQLITE_OK;
  const bool other_is_above = held != level_;
  if (other_is_above && (level_ >= SQLITE_LOCK_PENDING || level > SQLITE_LOCK_SHARED)) {
    return SQLITE_BUSY;
  }
  if (level == SQLITE_LOCK_SHARED) {
    ++shared_;
    held = SQLITE_LOCK_SHARED;
    level_ = std::max(level_, held);
    return SQLITE_OK;
  }
  const bool waits = level == SQLITE_LOCK_EXCLUSIVE && shared_ > 1;
  held = waits ? SQLITE_LOCK_PENDING : level;
  level_ = held;
  return waits ? SQLITE_BUSY : SQLITE_OK;
}

void MemoryFileLock::unlock(int& held, int level) noexcept {
  const std::lock_guard guard(mutex_);
  if (held <= level) return;
  if (held > SQLITE_LOCK_SHARED) level_ = SQLITE_LOCK_SHARED;
  if (level == SQLITE_LOCK_NONE && --shared_ == 0) level_ = SQLITE_LOCK_NONE;
  held = level;
}

bool MemoryFileLock::reserved() const noexcept {
  const std::lock_guard guard(mutex_);
  return level_ > SQLITE_LOCK_SHARED;
}

int MemoryWalIndex::map(
    Share& share, int region, int bytes, bool extend, volatile void** out) noexcept {
  const std::lock_guard guard(mutex_);
  if (!share.attached) {
    share.attached = true;
    ++attached_;
  }
  *out = nullptr;
  const auto wanted = static_cast<std::size_t>(region);
  if (wanted >= regions_.size() && !extend) return SQLITE_OK;
  try {
    while (regions_.size() <= wanted) {
      regions_.emplace_back(static_cast<std::size_t>(bytes));
    }
  } catch (const std::bad_alloc&) {
    return SQLITE_IOERR_NOMEM;
  }
  *out = regions_[wanted].data();
  return SQLITE_OK;
}

int MemoryWalIndex::lock(Share& share, int first_slot, int slots, int flags) noexcept {
  const std::lock_guard guard(mutex_);
  const unsigned mask = ((1U << static_cast<unsigned>(slots)) - 1U)
                        << static_cast<unsigned>(first_slot);
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    unlock(share, mask);
    return SQLITE_OK;
  }
  return (flags & SQLITE_SHM_SHARED) != 0 ? lock_shared(share, mask) : lock_exclusive(share, mask);
}

// SQLite asks for one shared slot at a time.
int MemoryWalIndex::lock_shared(Share& share, unsigned mask) noexcept {
  const unsigned wanted = mask & ~share.shared_mask;
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    if ((wanted >> slot & 1U) != 0 && holders_[slot] < 0) return SQLITE_BUSY;
  }
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    if ((wanted >> slot & 1U) != 0) ++holders_[slot];
  }
  share.shared_mask |= mask;
  return SQLITE_OK;
}

int MemoryWalIndex::lock_exclusive(Share& share, unsigned mask) noexcept {
  const unsigned wanted = mask & ~share.exclusive_mask;
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    if ((wanted >> slot & 1U) != 0 && holders_[slot] != 0) return SQLITE_BUSY;
  }
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    if ((wanted >> slot & 1U) != 0) holders_[slot] = -1;
  }
  share.exclusive_mask |= mask;
  return SQLITE_OK;
}

void MemoryWalIndex::unlock(Share& share, unsigned mask) noexcept {
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    const unsigned bit = mask & (1U << slot);
    if ((share.exclusive_mask & bit) != 0) holders_[slot] = 0;
    if ((share.shared_mask & bit) != 0) --holders_[slot];
  }
  share.exclusive_mask &= ~mask;
  share.shared_mask &= ~mask;
}

// The wal-index is read and written without locks; SQLite asks for the barrier where the order
// counts.
void MemoryWalIndex::barrier() noexcept {
  const std::lock_guard guard(mutex_);
  __sync_synchronize();
}

void MemoryWalIndex::detach(Share& share) noexcept {
  const std::lock_guard guard(mutex_);
  if (!share.attached) return;
  unlock(share, (1U << kSlots) - 1U);
  share.attached = false;
  if (--attached_ == 0) regions_.clear();
}

}  // namespace holdfast::vfs
