// Rows as the pages of a b-tree hold them, read without believing anything: what cannot be is no row.
//
// Shape    a record is a row's columns in the order of its CREATE TABLE; the column that is the rowid
//          is NULL in it
// Threads  plain values
// Source   https://sqlite.org/fileformat2.html#record_format
#pragma once

#include "engine/row_insert.hpp"
#include "holdfast/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace holdfast::maintain {

using StoredField = engine::RowValue;

// A cell that was cut out of its page, with what stands on its overflow pages.
struct StoredCell {
  std::int64_t rowid = 0;  // 0 in trees without one
  Bytes record = {};
};

// The columns of a record; nullopt: it is none. They borrow from it.
std::optional<std::vector<StoredField>> decode_record(BytesView record);

enum class TreeKind : std::uint8_t { table, index };

// Reads a page by its number, for the overflow pages.
using ReadPage = std::function<std::optional<Bytes>(std::uint32_t page)>;

// The cells that have rows, in order; nullopt: the page is none of such a tree. A cell that cannot be
// is left out, and counted in `bad_cells`.
std::optional<std::vector<StoredCell>> read_cells(BytesView page,
                                                  std::uint32_t page_number,
                                                  std::uint32_t usable_bytes,
                                                  TreeKind kind,
                                                  const ReadPage& read_page,
                                                  std::uint64_t& bad_cells);

// The pages that an interior page points to; of others none.
std::vector<std::uint32_t> list_children(BytesView page,
                                         std::uint32_t page_number,
                                         std::uint32_t usable_bytes);

}  // namespace holdfast::maintain
