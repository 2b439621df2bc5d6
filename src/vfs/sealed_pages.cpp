#include "vfs/sealed_pages.hpp"

#include "vfs/big_endian.hpp"
#include "vfs/page_seal.hpp"
#include "vfs/wal_checksum.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

namespace holdfast::vfs {

namespace {

constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr std::size_t kHeaderBytes = 100;
constexpr std::size_t kPageBytesAt = 16;
constexpr std::size_t kReservedAt = 20;
constexpr std::int64_t kSchemaCookieAt = 40;

constexpr std::int64_t kWalHeaderBytes = 32;
constexpr std::int64_t kFrameHeaderBytes = 24;

template <std::size_t Size>
std::optional<std::array<std::byte, Size>> read_at(sqlite3_file& base, std::int64_t offset) {
  std::array<std::byte, Size> bytes{};
  const int result =
      base.pMethods->xRead(&base, bytes.data(), static_cast<int>(bytes.size()), offset);
  if (result != SQLITE_OK) return std::nullopt;
  return bytes;
}

// The words of a WAL's checksums are in the order of the machine that began it.
WalFrame::Order order_of(std::uint32_t magic) {
  return magic == kNativeWal ? WalFrame::Order::native : WalFrame::Order::foreign;
}

std::optional<std::uint32_t> page_of_frame(sqlite3_file& base_wal, std::int64_t header_offset) {
  const auto bytes = read_at<4>(base_wal, header_offset);
  if (!bytes) return std::nullopt;
  return big_endian_32(bytes->data());
}

// As SQLite wrote it: the checksums run on from frame to frame, and from the WAL's header to the first.
bool wal_frame_is_whole(std::span<const std::byte> page,
                        std::int64_t header_offset,
                        sqlite3_file& base_wal) {
  const auto magic = page_of_frame(base_wal, 0);
  if (!magic || order_of(*magic) != WalFrame::Order::native) return true;
  const bool first = header_offset == kWalHeaderBytes;
  const auto page_bytes = static_cast<std::int64_t>(page.size());
  const auto before = read_at<8>(base_wal, first ? 24 : header_offset - page_bytes - 8);
  const auto header = read_at<kFrameHeaderBytes>(base_wal, header_offset);
  if (!before || !header) return false;
  WalChecksum checksum{.first = big_endian_32(before->data()),
                       .second = big_endian_32(before->data() + 4)};
  checksum.add(std::span(*header).first(8));
  checksum.add(page);
  return checksum.first == big_endian_32(header->data() + 16) &&
         checksum.second == big_endian_32(header->data() + 20);
}

}  // namespace

void SealedPages::protect(ProtectedTrees trees) {
  std::sort(trees.roots.begin(), trees.roots.end());
  const std::scoped_lock lock(mutex_);
  trees_ = std::move(trees);
}

void SealedPages::note_database(std::span<const std::byte> bytes, std::int64_t offset) noexcept {
  if (offset != 0 || bytes.size() < kHeaderBytes) return;
  if (std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) return;
  const std::uint32_t stored = big_endian_16(&bytes[kPageBytesAt]);
  const std::uint32_t page_bytes = stored == 1 ? 65536 : stored;
  const bool sealed = std::to_integer<std::size_t>(bytes[kReservedAt]) == kSealBytes &&
                      page_bytes >= 512 && std::has_single_bit(page_bytes);
  page_bytes_.store(sealed ? page_bytes : 0, std::memory_order_relaxed);
}

std::optional<std::uint32_t> SealedPages::number_in_database(std::size_t bytes,
                                                             std::int64_t offset) const noexcept {
  const std::uint32_t page_bytes = page_bytes_.load(std::memory_order_relaxed);
  if (page_bytes == 0 || bytes != page_bytes || offset % page_bytes != 0) return std::nullopt;
  return static_cast<std::uint32_t>(offset / page_bytes + 1);
}

void SealedPages::seal_database_page(std::span<std::byte> bytes,
                                     std::int64_t offset) const noexcept {
  const auto number = number_in_database(bytes.size(), offset);
  if (number) seal_page(bytes.data(), bytes.size(), *number);
}

void SealedPages::mend_checkpointed_page(std::span<std::byte> bytes,
                                         std::int64_t offset) const noexcept {
  const auto number = number_in_database(bytes.size(), offset);
  if (number && examine_seal(bytes.data(), bytes.size(), *number) != Seal::whole)
    seal_page(bytes.data(), bytes.size(), *number);
}

bool SealedPages::is_wal_page(std::size_t bytes, std::int64_t offset) const noexcept {
  const std::int64_t page_bytes = page_bytes_.load(std::memory_order_relaxed);
  const std::int64_t in_frames = offset - kWalHeaderBytes - kFrameHeaderBytes;
  return page_bytes != 0 && static_cast<std::int64_t>(bytes) == page_bytes && in_frames >= 0 &&
         in_frames % (page_bytes + kFrameHeaderBytes) == 0;
}

void SealedPages::seal_wal_write(std::span<std::byte> bytes,
                                 std::int64_t offset,
                                 WalFrame& frame,
                                 sqlite3_file& base_wal) const noexcept {
  if (offset == 0 && bytes.size() == static_cast<std::size_t>(kWalHeaderBytes)) {
    frame.order = order_of(big_endian_32(bytes.data()));
    return;
  }
  if (bytes.size() == static_cast<std::size_t>(kFrameHeaderBytes)) {
    frame.header_offset = offset;
    frame.page = big_endian_32(bytes.data());
    return;
  }
  if (!is_wal_page(bytes.size(), offset)) return;
  if (frame.order == WalFrame::Order::unknown) {
    const auto magic = page_of_frame(base_wal, 0);
    if (magic) frame.order = order_of(*magic);
  }
  if (frame.order != WalFrame::Order::native) return;
  // A page that changes twice in a transaction is overwritten without a new header.
  const std::int64_t header_offset = offset - kFrameHeaderBytes;
  const auto page = frame.header_offset == header_offset ? std::optional(frame.page)
                                                         : page_of_frame(base_wal, header_offset);
  if (page) seal_page(bytes.data(), bytes.size(), *page);
}

bool SealedPages::accepts_database_page(std::span<const std::byte> bytes,
                                        std::int64_t offset,
                                        sqlite3_file& base_database) const noexcept {
  const auto number = number_in_database(bytes.size(), offset);
  return !number || examine_seal(bytes.data(), bytes.size(), *number) == Seal::whole ||
         accepts_broken(*number, &base_database);
}

bool SealedPages::accepts_wal_page(std::span<const std::byte> bytes,
                                   std::int64_t offset,
                                   sqlite3_file& base_wal,
                                   sqlite3_file* base_database) const noexcept {
  if (!is_wal_page(bytes.size(), offset)) return true;
  const std::int64_t header_offset = offset - kFrameHeaderBytes;
  const auto page = page_of_frame(base_wal, header_offset);
  return !page || examine_seal(bytes.data(), bytes.size(), *page) == Seal::whole ||
         wal_frame_is_whole(bytes, header_offset, base_wal) || accepts_broken(*page, base_database);
}

bool SealedPages::accepts_broken(std::uint32_t number, sqlite3_file* base_database) const noexcept {
  if (base_database == nullptr) return true;
  bool refused = true;
  try {
    refused = is_protected(number, *base_database);
  } catch (const std::bad_alloc&) {
    // Not knowing whose page it is: a broken one is not given out.
  }
  if (refused) refused_.fetch_add(1, std::memory_order_relaxed);
  return !refused;
}

bool SealedPages::is_protected(std::uint32_t page, sqlite3_file& base_database) const {
  const std::uint32_t page_bytes = page_bytes_.load(std::memory_order_relaxed);
  const auto cookie = read_at<4>(base_database, kSchemaCookieAt);
  const auto root =
      root_of_page(page, page_bytes, [&](std::uint64_t offset, std::span<std::byte> buffer) {
        return base_database.pMethods->xRead(&base_database,
                                             buffer.data(),
                                             static_cast<int>(buffer.size()),
                                             static_cast<sqlite3_int64>(offset)) == SQLITE_OK;
      });
  const std::scoped_lock lock(mutex_);
  return root && cookie && big_endian_32(cookie->data()) == trees_.schema_cookie &&
         std::binary_search(trees_.roots.begin(), trees_.roots.end(), *root);
}

}  // namespace holdfast::vfs
