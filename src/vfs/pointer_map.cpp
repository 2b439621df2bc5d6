#include "vfs/pointer_map.hpp"

#include "vfs/big_endian.hpp"
#include "vfs/page_seal.hpp"

#include <array>

namespace holdfast::vfs {

namespace {

constexpr std::uint32_t kEntryBytes = 5;
constexpr std::uint32_t kPendingByte = 0x40000000;  // the page that holds it is never used

struct Entry {
  enum class Kind : std::uint8_t {
    root = 1,
    free = 2,
    first_overflow = 3,
    overflow = 4,
    btree = 5
  };
  Kind kind = Kind::free;
  std::uint32_t parent = 0;
};

// The page of the pointer map that has the entry of `page`.
std::uint32_t map_page_of(std::uint32_t page, std::uint32_t page_bytes) {
  const auto usable = page_bytes - static_cast<std::uint32_t>(kSealBytes);
  const std::uint32_t group = usable / kEntryBytes + 1;
  const std::uint32_t map_page = (page - 2) / group * group + 2;
  return map_page == kPendingByte / page_bytes + 1 ? map_page + 1 : map_page;
}

std::optional<Entry> entry_of(std::uint32_t page,
                              std::uint32_t page_bytes,
                              const ReadDatabase& read) {
  const std::uint32_t map_page = map_page_of(page, page_bytes);
  if (page <= map_page) return std::nullopt;
  const std::uint64_t offset = static_cast<std::uint64_t>(map_page - 1) * page_bytes +
                               static_cast<std::uint64_t>(kEntryBytes) * (page - map_page - 1);
  std::array<std::byte, kEntryBytes> bytes{};
  if (!read(offset, bytes)) return std::nullopt;
  return Entry{.kind = static_cast<Entry::Kind>(bytes[0]), .parent = big_endian_32(&bytes[1])};
}

}  // namespace

std::optional<std::uint32_t> root_of_page(std::uint32_t page,
                                          std::uint32_t page_bytes,
                                          const ReadDatabase& read) {
  // A chain of overflow pages is as long as its payload; beyond this the map is damaged.
  constexpr int kMostSteps = 1'000'000;
  for (int step = 0; step < kMostSteps; ++step) {
    if (page == 1) return page;
    if (page == 0) return std::nullopt;
    const auto entry = entry_of(page, page_bytes, read);
    if (!entry) return std::nullopt;
    switch (entry->kind) {
      case Entry::Kind::root:
        return page;
      case Entry::Kind::first_overflow:
      case Entry::Kind::overflow:
      case Entry::Kind::btree:
        page = entry->parent;
        break;
      case Entry::Kind::free:
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace holdfast::vfs
