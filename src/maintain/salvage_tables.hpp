// The tables that salvage fills, and the proof of a row: its digests, over what its record says.
//
// What a digest covers is written down once, in stored_tables.hpp; here it is read from there by the
// names of the columns.
//
// Threads  plain values
#pragma once

#include "maintain/stored_record.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::maintain {

struct SalvagedTable {
  const char* name;
  TreeKind kind;
  // Every column in the order of CREATE TABLE; the rowid's, if there is one, is the first.
  const char* insert;
};

// Owners come before what they own, and contents before both.
std::span<const SalvagedTable> salvaged_tables();

// The name of the owner that a digest covers without having it in its row: of a trace, of a run.
// nullopt: there is no such owner.
using OwnerName = std::function<std::optional<std::string>(std::int64_t key)>;

class RowProof {
 public:
  explicit RowProof(const SalvagedTable& table);

  // Is there a digest to prove anything by?
  bool proves() const { return !digests_.empty(); }
  // Do all digests of the row fit? `owner` may be empty where no digest covers an owner's name.
  bool holds(std::span<const StoredField> row, const OwnerName& owner) const;

  std::size_t columns() const { return columns_.size(); }
  // Where a column is; it must be there.
  std::size_t index_of(std::string_view column) const;
  std::optional<std::size_t> find(std::string_view column) const;

 private:
  struct Field {
    char kind;
    std::size_t column;  // of an owner's name: of the key that leads to it
    bool owner_name = false;
    std::size_t payload = 0;  // of kind p: the other two columns
    std::size_t content_key = 0;
  };
  struct Digest {
    std::size_t column = 0;
    bool optional = false;  // where it is NULL there is nothing to prove
    std::vector<Field> fields = {};
  };

  bool holds(const Digest& digest, std::span<const StoredField> row, const OwnerName& owner) const;

  std::vector<std::string> columns_;
  std::vector<Digest> digests_;
};

}  // namespace holdfast::maintain
