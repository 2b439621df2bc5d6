// The seal of a page: a checksum in the bytes that SQLite leaves unused at the end of each page.
//
// What SQLite itself notices of a flipped bit in a database file is 0.4 % (its integrity_check). A
// digest in a row tells that the row is whole, but not that a row which was not found is really absent:
// a flipped child pointer leads every search elsewhere. The seal covers what searches go by.
//
// Covered is the whole page, with one exception: of the leaves, only the page's header, the cell
// pointers, and of each row its length and rowid, of each index entry its record's header and first five
// columns (a state's entries have their value behind those). What follows is payload, which has a digest of its
// own, and damage to it must not take its neighbours with it.
//
// Shape:   the last 16 bytes: a 64-bit XXH3 of the covered bytes and the page's number, then 64 bits
//          that make up for it: the WAL's own checksum of a frame is the same with the seal and
//          without, so that a page can be sealed after SQLite has computed it. All zero: not sealed.
// Errors:  none. Pages of any content are read within their bounds.
// Threads: functions without state.
// Source:  https://sqlite.org/fileformat2.html, sections 1.6 and 4.2; https://sqlite.org/cksumvfs.html
//          does the same for files that no plain SQLite may write.
#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast::vfs {

inline constexpr std::size_t kSealBytes = 16;

enum class Seal : std::uint8_t { absent, whole, broken };

// REQUIRES, both: `bytes` is a power of two, 512 to 65,536.
void seal_page(std::byte* page, std::size_t bytes, std::uint32_t number) noexcept;
Seal examine_seal(const std::byte* page, std::size_t bytes, std::uint32_t number) noexcept;

}  // namespace holdfast::vfs
