// One write operation on one state: it changes entries, keeps what checkpoints still need of them, and
// at its end writes the head (version, counts, sizes) once.
//
//   BackendEdit edit(db, state_, now_us);
//   edit.put(edit.partition(partition_), key, value);
//   edit.save(1);
//
// Whether a change is a key's first since the newest checkpoint is read from the rows each time: a set in
// memory would be wrong after a rollback, or beside another process.
//
// Content belongs to the row that names it: it moves to state_undo with the entry's row, and goes with
// the last row that has it.
//
// Threads  within one write
#pragma once

#include "engine/connection.hpp"
#include "holdfast/bytes.hpp"
#include "holdfast/state.hpp"
#include "state/backend_row.hpp"
#include "state/entry_row.hpp"
#include "state/ownership.hpp"
#include "state/partition_row.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::state {

class BackendEdit {
 public:
  // Of a state that is made if it is not there.
  BackendEdit(engine::Connection& db, std::string_view state, std::int64_t now_us);
  BackendEdit(engine::Connection& db, BackendRow row);
  BackendEdit(const BackendEdit&) = delete;
  BackendEdit& operator=(const BackendEdit&) = delete;
  ~BackendEdit() = default;

  [[nodiscard]] const BackendRow& row() const { return row_; }
  // conflict: somebody else owns the state (ownership.hpp).
  void require_owner(std::int64_t token) { state::require_owner(db_, row_, token); }
  // Made if it is not there. It borrows from this object.
  Partition partition(const std::optional<PartitionKey>& key);

  void put(const Partition& partition, BytesView key, BytesView value);
  // False: it was not there.
  bool remove(const Partition& partition, BytesView key);
  // Makes the entry what the undo row says, which is to be deleted afterwards: its content is the
  // entry's now.
  void put_back(const UndoRow& undo);

  // What is kept from now on belongs to another interval, and to the checkpoint that is newest now.
  void begin_interval() {
    ++row_.interval;
    row_.undo_count = 0;
  }
  void save(std::int64_t versions);

 private:
  // What a change needs to know of the row that it replaces.
  struct OldEntry {
    std::int64_t interval = 0;
    std::int64_t raw_bytes = 0;
    std::optional<std::int64_t> content_key = std::nullopt;
    std::int64_t digest = 0;
  };

  std::optional<OldEntry> find(const Partition& partition, BytesView key);
  void keep_or_free(const Partition& partition, BytesView key, const OldEntry& old);
  void keep_absence(const Partition& partition, BytesView key);
  // Into the head's figures, or out of them.
  void count(BytesView key, std::int64_t raw_bytes, std::int64_t digest);
  void discount(BytesView key, std::int64_t raw_bytes, std::int64_t digest);

  engine::Connection& db_;
  BackendRow row_;
};

}  // namespace holdfast::state
