// The pages of a damaged database: the file with its log laid over it, and who they belong to.
//
// Every file of ours has a pointer map (auto_vacuum): for each page what it is, and which page points
// to it. It leads from a leaf up to its table's root without the pages between, which may be the
// damaged ones, and it tells pages in use from freed ones, whose rows must not come back. Where the
// map itself is damaged, the pages that point down are believed.
//
// Threads  one
// Source   https://sqlite.org/fileformat2.html
#pragma once

#include "engine/closed_file.hpp"
#include "holdfast/bytes.hpp"
#include "maintain/damaged_log.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace holdfast::maintain {

class DamagedPages {
 public:
  // Throws not_a_database where no size of pages makes sense of it.
  explicit DamagedPages(const engine::ClosedFile& file);

  std::uint32_t page_bytes() const { return page_bytes_; }
  std::uint32_t usable_bytes() const { return page_bytes_ - engine::kReservedPageBytes; }
  std::uint32_t count() const { return count_; }
  // nullopt: it cannot be read, or its newest form is lost.
  std::optional<Bytes> read(std::uint32_t page) const;

  // The same for what a row has on overflow pages; bounded in all.
  std::optional<Bytes> read_overflow(std::uint32_t page) const;

  // Pages of the tree with this root, ascending, the root included; freed ones never.
  std::vector<std::uint32_t> pages_of(std::uint32_t root) const;

  bool is_root(std::uint32_t page) const;
  // Roots that the map does not have: it is damaged, or there is none.
  void add_roots(const std::vector<std::uint32_t>& roots);
  // A field of the file's header; 0 where that cannot be read.
  std::uint32_t header_u32(std::size_t at) const;
  const std::vector<Finding>& log_notes() const { return log_.notes; }
  // So many pages should be there, and are not.
  std::uint32_t missing() const { return missing_; }

 private:
  enum class Use : std::uint8_t { unknown, root, freed, overflow, tree };
  struct Entry {
    Use use = Use::unknown;
    std::uint32_t parent = 0;
  };

  bool guess_page_bytes();
  bool looks_like_map(std::uint32_t page_bytes) const;
  std::uint32_t map_page_of(std::uint32_t page) const;
  void read_map();
  void find_roots();
  void follow_children();
  std::vector<std::uint32_t> children_of(std::uint32_t page) const;

  const engine::ClosedFile& file_;
  DamagedLog log_;
  std::uint32_t page_bytes_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t missing_ = 0;
  mutable std::uint64_t overflow_reads_ = 0;  // that are left
  std::vector<Entry> map_;                    // by page
  std::vector<std::uint32_t> roots_;          // by page: of its tree; 0: none
};

}  // namespace holdfast::maintain
