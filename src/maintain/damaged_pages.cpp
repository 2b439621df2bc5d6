#include "maintain/damaged_pages.hpp"

#include "holdfast/error.hpp"
#include "maintain/big_endian.hpp"
#include "maintain/stored_record.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

namespace holdfast::maintain {

namespace {

constexpr std::size_t kHeaderBytes = 100;
constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr std::uint32_t kMapEntryBytes = 5;
// A sound file's overflow pages are read once for each look at their table. What is far beyond that is
// a file that was made to be slow.
constexpr std::uint64_t kOverflowReads = 16;
constexpr std::uint64_t kMinOverflowReads = 10'000;
// Beyond any tree that a file can hold: what goes deeper goes round.
constexpr int kMaxDepth = 40;

bool is_page_size(std::uint32_t bytes) {
  return bytes >= 512 && bytes <= 65'536 && (bytes & (bytes - 1)) == 0;
}

}  // namespace

DamagedPages::DamagedPages(const engine::ClosedFile& file) : file_(file) {
  if (!guess_page_bytes()) {
    throw Error(ErrorCode::not_a_database,
                "nothing in the file looks like a page of a holdfast database");
  }
  if (const auto* log = file.log()) log_ = read_log(*log, file.database(), page_bytes_);
  const auto in_file = static_cast<std::uint32_t>(file.database().size() / page_bytes_);
  const std::uint32_t said = header_u32(28);
  // No more than there can be, whatever a log says.
  const std::uint32_t logged = log_.pages.empty() ? 0 : log_.pages.rbegin()->first;
  count_ = in_file;
  if (log_.page_count != 0) count_ = std::min(log_.page_count, std::max(in_file, logged));
  overflow_reads_ = kOverflowReads * count_ + kMinOverflowReads;
  // A few pages beyond the end may be in the log; a header that is damaged may say anything.
  if (said > count_) missing_ = said - count_;
  map_.resize(std::size_t{count_} + 1);
  roots_.resize(std::size_t{count_} + 1);
  read_map();
  find_roots();
  follow_children();
}

bool DamagedPages::guess_page_bytes() {
  Bytes header(kHeaderBytes);
  if (file_.database().read(0, header) != header.size()) return false;
  const std::uint32_t said = read_u16(header, 16) == 1 ? 65'536 : read_u16(header, 16);
  if (is_page_size(said) && (looks_like_map(said) || as_text(header).starts_with(kMagic))) {
    page_bytes_ = said;
    if (looks_like_map(said)) return true;
  }
  for (std::uint32_t bytes = 512; bytes <= 65'536; bytes *= 2) {
    if (!looks_like_map(bytes)) continue;
    page_bytes_ = bytes;
    return true;
  }
  return page_bytes_ != 0;
}

// Page 2 of every file of ours is a pointer map, and begins with the roots of our tables.
bool DamagedPages::looks_like_map(std::uint32_t page_bytes) const {
  constexpr std::size_t kRoots = 8;
  constexpr std::size_t kEnough = 6;
  Bytes bytes(kRoots * kMapEntryBytes);
  if (file_.database().read(page_bytes, bytes) != bytes.size()) return false;
  std::size_t roots = 0;
  for (std::size_t at = 0; at < bytes.size(); at += kMapEntryBytes) {
    if (read_u8(bytes, at) == 1 && read_u32(bytes, at + 1) == 0) ++roots;
  }
  return roots >= kEnough;
}

std::optional<Bytes> DamagedPages::read(std::uint32_t page) const {
  if (page == 0 || page > count_ || log_.lost.contains(page)) return std::nullopt;
  Bytes bytes(page_bytes_);
  const auto logged = log_.pages.find(page);
  const bool from_log = logged != log_.pages.end();
  const engine::RawFile& file = from_log ? *file_.log() : file_.database();
  const std::uint64_t offset = from_log ? logged->second : std::uint64_t{page - 1} * page_bytes_;
  if (file.read(offset, bytes) != bytes.size()) return std::nullopt;
  return bytes;
}

std::optional<Bytes> DamagedPages::read_overflow(std::uint32_t page) const {
  if (overflow_reads_ == 0) return std::nullopt;
  --overflow_reads_;
  return read(page);
}

std::uint32_t DamagedPages::header_u32(std::size_t at) const {
  Bytes bytes(kHeaderBytes);
  const auto logged = log_.pages.find(1);
  const bool from_log = logged != log_.pages.end();
  const engine::RawFile& file = from_log ? *file_.log() : file_.database();
  if (file.read(from_log ? logged->second : 0, bytes) != bytes.size()) return 0;
  return read_u32(bytes, at);
}

std::uint32_t DamagedPages::map_page_of(std::uint32_t page) const {
  const std::uint32_t entries = usable_bytes() / kMapEntryBytes;
  return (page - 2) / (entries + 1) * (entries + 1) + 2;
}

void DamagedPages::read_map() {
  std::optional<Bytes> bytes;
  std::uint32_t map_page = 0;
  for (std::uint32_t page = 3; page <= count_; ++page) {
    if (map_page_of(page) == page) continue;
    if (map_page_of(page) != map_page) {
      map_page = map_page_of(page);
      bytes = read(map_page);
    }
    if (!bytes) continue;
    const std::size_t at = std::size_t{page - map_page - 1} * kMapEntryBytes;
    constexpr std::array kUses = {
        Use::unknown, Use::root, Use::freed, Use::overflow, Use::overflow, Use::tree};
    const std::uint32_t kind = read_u8(*bytes, at);
    const std::uint32_t parent = read_u32(*bytes, at + 1);
    const bool orphan = kind == 1 || kind == 2;
    if (kind >= kUses.size() || orphan != (parent == 0) || parent > count_) continue;
    map_[page] = {kUses.at(kind), parent};
  }
  if (count_ > 0) map_[1] = {Use::root, 0};
}

void DamagedPages::find_roots() {
  for (std::uint32_t page = 1; page <= count_; ++page) {
    std::uint32_t at = page;
    int depth = 0;
    while (map_[at].use == Use::tree && depth++ < kMaxDepth)
      at = map_[at].parent;
    if (map_[at].use == Use::root && roots_[page] == 0) roots_[page] = at;
  }
}

std::vector<std::uint32_t> DamagedPages::children_of(std::uint32_t page) const {
  const auto bytes = read(page);
  return bytes ? list_children(*bytes, page, usable_bytes()) : std::vector<std::uint32_t>();
}

// Where the map says nothing of a page, or names a parent that does not know it, the page that
// points to it is right. A page that the map calls freed stays so.
void DamagedPages::follow_children() {
  std::vector<std::uint32_t> open;
  for (std::uint32_t page = 1; page <= count_; ++page) {
    if (roots_[page] != 0) open.push_back(page);
  }
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> known;
  const auto knows = [&](std::uint32_t parent, std::uint32_t child) {
    const auto [entry, added] = known.try_emplace(parent);
    if (added) entry->second = children_of(parent);
    return std::ranges::find(entry->second, child) != entry->second.end();
  };
  while (!open.empty()) {
    const std::uint32_t page = open.back();
    open.pop_back();
    for (const std::uint32_t child : children_of(page)) {
      if (child < 3 || child > count_ || roots_[child] == roots_[page]) continue;
      const Entry& entry = map_[child];
      const bool unknown = entry.use == Use::unknown && map_page_of(child) != child;
      // Also where the map agrees: its parent may have been put right just now.
      const bool ours =
          entry.use == Use::tree && (entry.parent == page || !knows(entry.parent, child));
      if (!unknown && !ours) continue;
      roots_[child] = roots_[page];
      map_[child] = {Use::tree, page};
      open.push_back(child);
    }
  }
}

std::vector<std::uint32_t> DamagedPages::pages_of(std::uint32_t root) const {
  std::vector<std::uint32_t> pages;
  for (std::uint32_t page = 1; page <= count_; ++page) {
    if (roots_[page] == root) pages.push_back(page);
  }
  return pages;
}

void DamagedPages::add_roots(const std::vector<std::uint32_t>& roots) {
  for (const std::uint32_t root : roots) {
    if (root == 0 || root > count_ || map_[root].use == Use::root) continue;
    map_[root] = {Use::root, 0};
    roots_[root] = root;
  }
  find_roots();
  follow_children();
}

bool DamagedPages::is_root(std::uint32_t page) const {
  return page > 0 && page <= count_ && map_[page].use == Use::root;
}

}  // namespace holdfast::maintain
