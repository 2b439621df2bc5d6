#include "maintain/stored_record.hpp"

#include "maintain/big_endian.hpp"

#include <algorithm>
#include <array>

namespace holdfast::maintain {

namespace {

// More than the engine lets a row have.
constexpr std::uint64_t kMaxRecordBytes = 4ULL << 20;
constexpr std::size_t kFirstPageHeader = 100;

enum PageType : std::uint32_t {
  index_interior = 2,
  table_interior = 5,
  index_leaf = 10,
  table_leaf = 13
};

// Moves over `bytes`; false from the first thing on that is not there.
class Scanner {
 public:
  Scanner(BytesView bytes, std::size_t at) : bytes_(bytes), at_(at) {}

  bool read_varint(std::uint64_t& value) {
    value = 0;
    for (int index = 0; index < 9; ++index) {
      if (at_ >= bytes_.size()) return false;
      const std::uint64_t byte = read_u8(bytes_, at_++);
      if (index == 8) {
        value = value << 8 | byte;
        return true;
      }
      value = value << 7 | (byte & 0x7fU);
      if ((byte & 0x80U) == 0) return true;
    }
    return true;
  }

  std::optional<BytesView> take(std::uint64_t count) {
    if (at_ > bytes_.size() || count > bytes_.size() - at_) return std::nullopt;
    const BytesView taken = bytes_.subspan(at_, static_cast<std::size_t>(count));
    at_ += static_cast<std::size_t>(count);
    return taken;
  }

  std::size_t at() const { return at_; }

 private:
  BytesView bytes_;
  std::size_t at_;
};

std::int64_t read_integer(BytesView bytes) {
  // Sign and all: the first byte carries it.
  std::uint64_t value = (read_u8(bytes, 0) & 0x80U) != 0 ? ~std::uint64_t{0} : 0;
  for (std::size_t at = 0; at < bytes.size(); ++at)
    value = value << 8 | read_u8(bytes, at);
  return static_cast<std::int64_t>(value);
}

bool read_field(Scanner& scanner, std::uint64_t serial, StoredField& field) {
  constexpr std::array<std::size_t, 7> kIntegerBytes = {0, 1, 2, 3, 4, 6, 8};
  if (serial == 0) return true;
  if (serial == 8 || serial == 9) {
    field = {.type = StoredField::Type::integer, .integer = static_cast<std::int64_t>(serial - 8)};
    return true;
  }
  if (serial <= 6) {
    const auto bytes = scanner.take(kIntegerBytes[serial]);
    if (!bytes) return false;
    field = {.type = StoredField::Type::integer, .integer = read_integer(*bytes)};
    return true;
  }
  // 7 is a floating point number, 10 and 11 are nobody's: no table of ours has them.
  if (serial < 12) return false;
  const auto bytes = scanner.take((serial - 12) / 2);
  if (!bytes) return false;
  const bool text = serial % 2 == 1;
  field = {.type = text ? StoredField::Type::text : StoredField::Type::blob, .bytes = *bytes};
  return true;
}

struct PageHeader {
  std::uint32_t type = 0;
  std::uint32_t cells = 0;
  std::size_t pointers = 0;  // where the array of cell pointers begins
  std::uint32_t right_child = 0;
};

std::optional<PageHeader> read_header(BytesView page, std::uint32_t page_number) {
  const std::size_t at = page_number == 1 ? kFirstPageHeader : 0;
  PageHeader header{.type = read_u8(page, at), .cells = read_u16(page, at + 3)};
  const bool interior = header.type == index_interior || header.type == table_interior;
  const bool leaf = header.type == index_leaf || header.type == table_leaf;
  if (!interior && !leaf) return std::nullopt;
  header.pointers = at + (interior ? 12 : 8);
  if (interior) header.right_child = read_u32(page, at + 8);
  // What cannot be there is cut off, not the whole page.
  const std::size_t room = (page.size() - header.pointers) / 2;
  header.cells = static_cast<std::uint32_t>(std::min<std::size_t>(header.cells, room));
  return header;
}

// How much of a record stands in the page itself.
std::uint64_t local_bytes(std::uint64_t total, std::uint32_t usable, bool table) {
  const std::uint64_t most = table ? usable - 35 : std::uint64_t{usable - 12} * 64 / 255 - 23;
  if (total <= most) return total;
  const std::uint64_t least = std::uint64_t{usable - 12} * 32 / 255 - 23;
  const std::uint64_t fitting = least + (total - least) % (usable - 4);
  return fitting <= most ? fitting : least;
}

bool append_overflow(Bytes& record,
                     std::uint64_t total,
                     std::uint32_t page,
                     std::uint32_t usable,
                     const ReadPage& read_page) {
  while (record.size() < total) {
    const auto bytes = page == 0 ? std::nullopt : read_page(page);
    if (!bytes) return false;
    const std::uint64_t take = std::min<std::uint64_t>(total - record.size(), usable - 4);
    const BytesView part = BytesView(*bytes).subspan(4, static_cast<std::size_t>(take));
    record.insert(record.end(), part.begin(), part.end());
    page = read_u32(*bytes, 0);
  }
  return true;
}

struct CellPlace {
  BytesView page;
  std::size_t at = 0;
  PageHeader header;
  std::uint32_t usable = 0;
};

std::optional<StoredCell> read_cell(const CellPlace& place, const ReadPage& read_page) {
  const bool table = place.header.type == table_leaf;
  Scanner scanner(place.page.first(place.usable), place.at);
  if (place.header.type == index_interior && !scanner.take(4)) return std::nullopt;
  std::uint64_t total = 0;
  std::uint64_t rowid = 0;
  if (!scanner.read_varint(total) || total > kMaxRecordBytes) return std::nullopt;
  if (table && !scanner.read_varint(rowid)) return std::nullopt;
  const std::uint64_t local = local_bytes(total, place.usable, table);
  const auto part = scanner.take(local);
  if (!part) return std::nullopt;
  StoredCell cell{.rowid = static_cast<std::int64_t>(rowid), .record = to_bytes(*part)};
  if (local == total) return cell;
  const auto next = scanner.take(4);
  if (!next) return std::nullopt;
  if (!append_overflow(cell.record, total, read_u32(*next, 0), place.usable, read_page)) {
    return std::nullopt;
  }
  return cell;
}

}  // namespace

std::optional<std::vector<StoredField>> decode_record(BytesView record) {
  Scanner header(record, 0);
  std::uint64_t header_bytes = 0;
  if (!header.read_varint(header_bytes) || header_bytes > record.size()) return std::nullopt;
  Scanner body(record, static_cast<std::size_t>(header_bytes));
  std::vector<StoredField> fields;
  while (header.at() < header_bytes) {
    std::uint64_t serial = 0;
    StoredField field;
    if (!header.read_varint(serial) || !read_field(body, serial, field)) return std::nullopt;
    fields.push_back(field);
  }
  const bool whole = header.at() == header_bytes && body.at() == record.size();
  return whole ? std::optional(std::move(fields)) : std::nullopt;
}

// NOLINTNEXTLINE(readability-function-size): what a page is read with.
std::optional<std::vector<StoredCell>> read_cells(BytesView page,
                                                  std::uint32_t page_number,
                                                  std::uint32_t usable_bytes,
                                                  TreeKind kind,
                                                  const ReadPage& read_page,
                                                  std::uint64_t& bad_cells) {
  const auto header = read_header(page, page_number);
  const bool of_table = header && (header->type == table_leaf || header->type == table_interior);
  if (!header || of_table != (kind == TreeKind::table)) return std::nullopt;
  std::vector<StoredCell> cells;
  if (header->type == table_interior) return cells;
  // Cells of a page do not overlap; those of one that was made to be slow do. A row that goes on on
  // overflow pages has at least a thirteenth of a page in its own.
  std::size_t left = 16 * page.size();
  for (std::uint32_t index = 0; index < header->cells; ++index) {
    if (left == 0) {
      bad_cells += header->cells - index;
      break;
    }
    const std::size_t at = read_u16(page, header->pointers + std::size_t{2} * index);
    auto cell = read_cell({page, at, *header, usable_bytes}, read_page);
    if (cell) {
      left -= std::min({left, cell->record.size(), page.size()});
      cells.push_back(std::move(*cell));
    } else {
      ++bad_cells;
    }
  }
  return cells;
}

std::vector<std::uint32_t> list_children(BytesView page,
                                         std::uint32_t page_number,
                                         std::uint32_t usable_bytes) {
  std::vector<std::uint32_t> children;
  const auto header = read_header(page, page_number);
  if (!header || header->right_child == 0) return children;
  for (std::uint32_t index = 0; index < header->cells; ++index) {
    const std::size_t at = read_u16(page, header->pointers + std::size_t{2} * index);
    if (at + 4 <= usable_bytes) children.push_back(read_u32(page, at));
  }
  children.push_back(header->right_child);
  return children;
}

}  // namespace holdfast::maintain
