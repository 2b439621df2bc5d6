// Payloads in pieces: whole and proven, or their rows go. At the end: what belongs to nobody goes.

#include "content/content_store.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"
#include "maintain/salvaging.hpp"
#include "maintain/stored_tables.hpp"

#include <array>
#include <set>
#include <vector>

namespace holdfast::maintain {

namespace {

using engine::Connection;
using engine::Statement;

// Of one table with payloads: the keys of the rows that have a content; one row's payload columns;
// its removal.
struct PayloadTable {
  const char* name;
  const char* keys;
  const char* payload;
  const char* remove;
};

constexpr std::array kTables = {
    PayloadTable{"pod",
                 "SELECT pod_key FROM pod WHERE content_key IS NOT NULL",
                 "SELECT raw_bytes, payload, content_key FROM pod WHERE pod_key = ?1",
                 "DELETE FROM pod WHERE pod_key = ?1"},
    PayloadTable{"log_entry",
                 "SELECT entry_key FROM log_entry WHERE content_key IS NOT NULL",
                 "SELECT raw_bytes, payload, content_key FROM log_entry WHERE entry_key = ?1",
                 "DELETE FROM log_entry WHERE entry_key = ?1"},
    PayloadTable{"checkpoint",
                 "SELECT checkpoint_key FROM checkpoint WHERE content_key IS NOT NULL",
                 "SELECT raw_bytes, payload, content_key FROM checkpoint WHERE checkpoint_key = ?1",
                 "DELETE FROM checkpoint WHERE checkpoint_key = ?1"},
    PayloadTable{"snapshot",
                 "SELECT snapshot_key FROM snapshot WHERE content_key IS NOT NULL",
                 "SELECT raw_bytes, payload, content_key FROM snapshot WHERE snapshot_key = ?1",
                 "DELETE FROM snapshot WHERE snapshot_key = ?1"},
    PayloadTable{"manifest",
                 "SELECT manifest_key FROM manifest WHERE content_key IS NOT NULL",
                 "SELECT raw_bytes, payload, content_key FROM manifest WHERE manifest_key = ?1",
                 "DELETE FROM manifest WHERE manifest_key = ?1"},
    PayloadTable{"manifest_state",
                 "SELECT state_key FROM manifest_state WHERE content_key IS NOT NULL",
                 "SELECT raw_bytes, payload, content_key FROM manifest_state WHERE state_key = ?1",
                 "DELETE FROM manifest_state WHERE state_key = ?1"},
    PayloadTable{"state_entry",
                 "SELECT partition_key, key FROM state_entry WHERE content_key IS NOT NULL",
                 "SELECT raw_bytes, payload, content_key FROM state_entry"
                 " WHERE partition_key = ?1 AND key = ?2",
                 "DELETE FROM state_entry WHERE partition_key = ?1 AND key = ?2"},
    PayloadTable{"state_undo",
                 "SELECT undo_key FROM state_undo WHERE content_key IS NOT NULL",
                 "SELECT raw_bytes, payload, content_key FROM state_undo WHERE undo_key = ?1",
                 "DELETE FROM state_undo WHERE undo_key = ?1"},
};

constexpr const char* kUnownedContents =
    "DELETE FROM content WHERE content_key NOT IN ("
    "SELECT content_key FROM pod WHERE content_key IS NOT NULL UNION ALL"
    " SELECT content_key FROM log_entry WHERE content_key IS NOT NULL UNION ALL"
    " SELECT content_key FROM checkpoint WHERE content_key IS NOT NULL UNION ALL"
    " SELECT content_key FROM snapshot WHERE content_key IS NOT NULL UNION ALL"
    " SELECT content_key FROM manifest WHERE content_key IS NOT NULL UNION ALL"
    " SELECT content_key FROM manifest_state WHERE content_key IS NOT NULL UNION ALL"
    " SELECT content_key FROM state_entry WHERE content_key IS NOT NULL UNION ALL"
    " SELECT content_key FROM state_undo WHERE content_key IS NOT NULL)";

const StoredTable& stored_table(std::string_view name) {
  for (const StoredTable& table : stored_tables()) {
    if (table.name == name) return table;
  }
  throw Error(ErrorCode::incompatible, "salvage does not know a table");
}

class PayloadCheck {
 public:
  PayloadCheck(Salvaging& salvaging,
               const PayloadTable& table,
               content::ContentCheck& checked,
               std::set<std::int64_t>& owned)
      : salvaging_(salvaging),
        table_(table),
        stored_(stored_table(table.name)),
        checked_(checked),
        owned_(owned) {}

  void run(Connection& db) {
    Statement remove(db, table_.remove);
    for (const RowKey& key : read_keys(db)) {
      const std::string what = check(db, key);
      if (what.empty()) continue;
      salvaging_.find(Severity::error, place_of(db, stored_, key), what);
      salvaging_.drop(table_.name, 1);
      if (stored_.has_bytes_key) {
        remove.execute(key.number, key.bytes);
      } else {
        remove.execute(key.number);
      }
    }
  }

 private:
  std::vector<RowKey> read_keys(Connection& db) {
    std::vector<RowKey> keys;
    Statement select(db, table_.keys);
    auto row = select.run();
    while (row.step())
      keys.push_back(read_key(stored_, row));
    return keys;
  }

  std::string check(Connection& db, const RowKey& key) {
    Statement select(db, table_.payload);
    auto row = stored_.has_bytes_key ? select.run(key.number, key.bytes) : select.run(key.number);
    if (!row.step()) return {};
    try {
      checked_.run(db, row.integer(2), row.integer(0));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::corrupt) throw;
      return error.what();
    }
    return owned_.insert(row.integer(2)).second ? "" : "its payload belongs to another row";
  }

  Salvaging& salvaging_;
  const PayloadTable& table_;
  const StoredTable& stored_;
  content::ContentCheck& checked_;
  std::set<std::int64_t>& owned_;
};

void remove_ownerless_entries(Salvaging& salvaging, Connection& db) {
  {
    Statement find(db,
                   "SELECT entry_key >> 32, count(*) FROM log_entry GROUP BY entry_key >> 32"
                   " HAVING entry_key >> 32 NOT IN (SELECT node_key FROM log_node)");
    auto row = find.run();
    while (row.step()) {
      salvaging.find(
          Severity::error,
          "log node " + std::to_string(row.integer(0)),
          std::to_string(row.integer(1)) + " entries, whose segment or run is lost, were left out");
    }
  }
  Statement remove(db,
                   "DELETE FROM log_entry"
                   " WHERE entry_key >> 32 NOT IN (SELECT node_key FROM log_node)");
  salvaging.drop("log_entry", static_cast<std::uint64_t>(remove.execute()));
}

void keep_secret_twice(Connection& db) {
  db.execute(
      "INSERT OR IGNORE INTO content_secret SELECT * FROM content_secret_copy;"
      "INSERT OR IGNORE INTO content_secret_copy SELECT * FROM content_secret");
}

}  // namespace

void mend_payloads(Salvaging& salvaging) {
  std::set<std::int64_t> owned;
  content::ContentCheck checked;
  for (const PayloadTable& table : kTables) {
    salvaging.write(
        [&](Connection& db) { PayloadCheck(salvaging, table, checked, owned).run(db); });
  }
}

void mend_contents(Salvaging& salvaging) {
  salvaging.write([&](Connection& db) {
    remove_ownerless_entries(salvaging, db);
    Statement contents(db, kUnownedContents);
    salvaging.drop("content", static_cast<std::uint64_t>(contents.execute()));
    salvaging.drop("chunk", static_cast<std::uint64_t>(content::recount_chunks(db)));
    Statement data(db,
                   "DELETE FROM chunk_data"
                   " WHERE chunk_key NOT IN (SELECT chunk_key FROM chunk)");
    salvaging.drop("chunk_data", static_cast<std::uint64_t>(data.execute()));
    keep_secret_twice(db);
  });
}

}  // namespace holdfast::maintain
