// Seals the pages that our connections write, and examines those that they read.
//
// A plain SQLite (a person's shell) knows nothing of seals. What it may write, by our rules, is exempt:
// a seal that is broken, or missing, counts only on a page of a protected b-tree, one of our tables and
// indexes, and only until somebody else changes the schema (a VACUUM, too, which leaves no seals). The
// schema's own pages, the list of free pages and the pointer map are shared with tables that others add. In
// the WAL, a frame with a good checksum of SQLite's is as it was written, by whomever.
//
// Pages are sealed on their way into the WAL, and when the database is written without one.
//
// Shape:   as page_seal.hpp. Whether a file has room for seals is in its header, byte 20.
// Threads: safe; what belongs to a file handle is used by one thread at a time.
// Source:  https://sqlite.org/fileformat2.html, sections 1.3 and 4
#pragma once

#include "vfs/pointer_map.hpp"
#include "vfs/shim.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>

struct sqlite3_file;

namespace holdfast::vfs {

// What a handle on a WAL remembers between the header of a frame and its page.
struct WalFrame {
  enum class Order : std::uint8_t { unknown, native, foreign };
  Order order = Order::unknown;  // of the words of this WAL's checksums
  std::int64_t header_offset = -1;
  std::uint32_t page = 0;
};

class SealedPages {
 public:
  // From now on seals count on pages of these b-trees; before, on none.
  void protect(ProtectedTrees trees);

  // Bytes that were read from, or are about to be written to, the database file: the header tells
  // whether there are seals.
  void note_database(std::span<const std::byte> bytes, std::int64_t offset) noexcept;

  // The page's seal is set, in the buffer that is about to be written. SQLite's cache of the page gets
  // it too, and does not mind: it never looks at these bytes.
  void seal_database_page(std::span<std::byte> bytes, std::int64_t offset) const noexcept;
  // A checkpoint copies pages as they are, but for those whose frame is whole and whose seal is not: the
  // frame's checksum cannot tell an older seal of the page, which a torn write may leave, from the new one.
  void mend_checkpointed_page(std::span<std::byte> bytes, std::int64_t offset) const noexcept;
  void seal_wal_write(std::span<std::byte> bytes,
                      std::int64_t offset,
                      WalFrame& frame,
                      sqlite3_file& base_wal) const noexcept;

  // False: the page is damaged. `base_database` tells whose page it is, if it comes to that.
  bool accepts_database_page(std::span<const std::byte> bytes,
                             std::int64_t offset,
                             sqlite3_file& base_database) const noexcept;
  bool accepts_wal_page(std::span<const std::byte> bytes,
                        std::int64_t offset,
                        sqlite3_file& base_wal,
                        sqlite3_file* base_database) const noexcept;

  // Damaged pages that were read, each time one was.
  std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  // The page's number; nothing for what is no page, or has no seals.
  std::optional<std::uint32_t> number_in_database(std::size_t bytes,
                                                  std::int64_t offset) const noexcept;
  bool is_wal_page(std::size_t bytes, std::int64_t offset) const noexcept;
  // Of a page without a whole seal. False: one of a protected tree, and so damaged.
  bool accepts_broken(std::uint32_t number, sqlite3_file* base_database) const noexcept;
  bool is_protected(std::uint32_t page, sqlite3_file& base_database) const;

  std::atomic<std::uint32_t> page_bytes_ = 0;  // 0: no seals in this file, or not known yet
  mutable std::atomic<std::uint64_t> refused_ = 0;
  mutable std::mutex mutex_;  // guards trees_
  ProtectedTrees trees_;
};

}  // namespace holdfast::vfs
