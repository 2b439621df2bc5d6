// Every row whose digest holds goes from the damaged pages into the new file, as it was.

#include "content/row_digest.hpp"
#include "defect.hpp"
#include "engine/row_insert.hpp"
#include "maintain/row_repair.hpp"
#include "maintain/salvaging.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

namespace holdfast::maintain {

namespace {

// What one transaction takes.
constexpr std::size_t kBatchPages = 256;

// The names of owners that digests of other tables cover.
using Names = std::unordered_map<std::int64_t, std::string>;

class TableSalvage {
 public:
  TableSalvage(Salvaging& salvaging,
               const SalvagedTable& table,
               const OwnerName& owner,
               RowRepair& repair)
      : salvaging_(salvaging),
        table_(table),
        proof_(table),
        owner_(owner),
        repair_(repair),
        name_(proof_.find("name")) {}

  void run(Names* names) {
    names_ = names;
    const auto pages = salvaging_.pages().pages_of(salvaging_.roots[table_.name]);
    count_ = {.table = table_.name};
    for (std::size_t from = 0; from < pages.size(); from += kBatchPages) {
      const std::size_t to = std::min(from + kBatchPages, pages.size());
      salvaging_.write([&](engine::Connection& db) {
        engine::RowInsert insert(db, table_.insert);
        for (std::size_t at = from; at < to; ++at)
          take_page(insert, pages[at]);
      });
      salvaging_.step(to - from);
    }
    if (pages.empty()) find("its root is lost");
    salvaging_.count_of(table_.name) = count_;
  }

 private:
  void find(const std::string& what) {
    salvaging_.find(Severity::error, std::string("table ") + table_.name, what);
  }

  void take_page(engine::RowInsert& insert, std::uint32_t number) {
    const DamagedPages& pages = salvaging_.pages();
    const ReadPage read_page = [&](std::uint32_t page) { return pages.read_overflow(page); };
    std::uint64_t bad_cells = 0;
    const auto page = pages.read(number);
    const auto cells =
        page ? read_cells(*page, number, pages.usable_bytes(), table_.kind, read_page, bad_cells)
             : std::nullopt;
    if (!cells) return find("page " + std::to_string(number) + " is no page of it any more");
    for (const StoredCell& cell : *cells)
      take_cell(insert, cell, number);
    if (bad_cells == 0) return;
    count_.dropped += bad_cells;
    find("page " + std::to_string(number) + ": " + std::to_string(bad_cells) +
         " rows cannot be read");
  }

  void take_cell(engine::RowInsert& insert, const StoredCell& cell, std::uint32_t number) {
    auto row = decode_row(cell, table_.kind);
    if (row && was_removed(*row)) return;
    StoredCell mended;
    bool was_mended = false;
    const bool holds = planted("salvage_believes_rows") || (row && proof_.holds(*row, owner_));
    if (proof_.proves() && !holds) {
      mended = cell;
      was_mended = repair_.run(mended, table_.kind, proof_, owner_);
      if (!was_mended) return drop(row, number, "fails its digest");
      row = decode_row(mended, table_.kind);
    }
    if (!row) return drop(row, number, "cannot be read");
    if (!insert.insert(*row)) return drop(row, number, "is there twice, or is no row of it");
    ++count_.kept;
    if (was_mended) ++count_.mended;
    if (names_ != nullptr) {
      names_->emplace((*row)[0].integer, std::string(as_text((*row)[*name_].bytes)));
    }
  }

  // What was to be freed stays behind; of what owned a content, that goes as well.
  bool was_removed(const std::vector<StoredField>& row) {
    const auto ranges = salvaging_.removed.find(table_.name);
    if (ranges == salvaging_.removed.end()) return false;
    const std::int64_t key = row.front().integer;
    const auto covers = [key](const content::KeyRange& range) {
      return range.first <= key && key <= range.last;
    };
    if (!std::ranges::any_of(ranges->second, covers)) return false;
    if (const auto content_key = owned_content(row)) {
      salvaging_.removed_contents.push_back(*content_key);
    }
    return true;
  }

  // A damaged row may name another's content. The record of a checkpoint's trace may be gone, without whose
  // name one of its two digests proves nothing; the other one is enough for this.
  std::optional<std::int64_t> owned_content(const std::vector<StoredField>& row) const {
    if (row.size() <= *proof_.find("content_key")) return std::nullopt;
    const StoredField& content_key = row[*proof_.find("content_key")];
    if (content_key.type != StoredField::Type::integer) return std::nullopt;
    const auto payload_digest = proof_.find("payload_digest");
    const bool owns = !payload_digest ? proof_.holds(row, owner_)
                                      : row.size() > *payload_digest &&
                                            content::RowDigest()
                                                    .add(row[*proof_.find("raw_bytes")].integer)
                                                    .add(engine::Value())
                                                    .add(std::optional(content_key.integer))
                                                    .value() == row[*payload_digest].integer;
    return owns ? std::optional(content_key.integer) : std::nullopt;
  }

  // Its name is what the damaged row says; keys and payloads are told to nobody.
  void drop(const std::optional<std::vector<StoredField>>& row,
            std::uint32_t number,
            const char* what) {
    ++count_.dropped;
    std::string place = "a row on page " + std::to_string(number);
    if (row && name_ && row->size() > *name_ && (*row)[*name_].type == StoredField::Type::text) {
      place += " (\"" + std::string(as_text((*row)[*name_].bytes)) + "\")";
    }
    find(place + " " + what);
  }

  Salvaging& salvaging_;
  const SalvagedTable& table_;
  RowProof proof_;
  const OwnerName& owner_;
  RowRepair& repair_;
  std::optional<std::size_t> name_;
  Names* names_ = nullptr;
  SalvageCount count_;
};

}  // namespace

void salvage_rows(Salvaging& salvaging) {
  Names traces;
  Names runs;
  RowRepair repair;
  for (const SalvagedTable& table : salvaged_tables()) {
    const std::string_view name = table.name;
    const Names& owners = name == "checkpoint" ? traces : runs;
    const OwnerName owner = [&](std::int64_t key) -> std::optional<std::string> {
      const auto found = owners.find(key);
      return found == owners.end() ? std::nullopt : std::optional(found->second);
    };
    Names* const names = name == "trace" ? &traces : name == "run" ? &runs : nullptr;
    TableSalvage(salvaging, table, owner, repair).run(names);
    if (names == nullptr) continue;
    // Of those that are lost: their rows prove the name, or fall.
    const std::string index = std::string("sqlite_autoindex_") + table.name + "_1";
    visit_names(salvaging, index.c_str(), [&](std::int64_t key, const std::string& found) {
      names->emplace(key, found);
    });
  }
}

}  // namespace holdfast::maintain
