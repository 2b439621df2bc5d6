// Which b-tree a page belongs to, read from the pointer map that a database with auto_vacuum keeps.
//
// Shape:   pages are numbered from 1. The pointer map is page 2 and every (usable / 5 + 1)th one from
//          there: 5 bytes for each page that follows it: what the page is, and its parent.
// Errors:  std::nullopt where the pages do not tell.
// Threads: a function without state.
// Source:  https://sqlite.org/fileformat2.html, section 1.8
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace holdfast::vfs {

// Fills the buffer from that offset of the database file; false if it cannot.
using ReadDatabase = std::function<bool(std::uint64_t offset, std::span<std::byte> buffer)>;

// The root page of its b-tree; nothing for free pages, for those of the pointer map itself, and for
// what cannot be told.
std::optional<std::uint32_t> root_of_page(std::uint32_t page,
                                          std::uint32_t page_bytes,
                                          const ReadDatabase& read);

}  // namespace holdfast::vfs
