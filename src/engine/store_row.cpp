#include "engine/store_row.hpp"

#include "engine/field_digest.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"

namespace holdfast::engine {

std::int64_t digest_of(const StoreRow& row) {
  return field_digest({row.store_id, row.incarnation, std::to_string(row.created_at_us)});
}

StoreRow read_store_row(Connection& connection) {
  Statement select(
      connection,
      "SELECT store_id, incarnation, created_at_us, digest FROM store WHERE store_key = 1");
  auto found = select.run();
  if (!found.step()) {
    throw Error(ErrorCode::corrupt, "the file has lost the row that says who it is");
  }
  StoreRow row{.store_id = found.string(0),
               .incarnation = found.string(1),
               .created_at_us = found.integer(2)};
  if (digest_of(row) == found.integer(3)) return row;
  throw Error(ErrorCode::corrupt, "the row that says who the file is fails its digest");
}

void insert_store_row(Connection& connection, const StoreRow& row) {
  Statement insert(connection,
                   "INSERT INTO store (store_key, store_id, incarnation, created_at_us, "
                   "normal_commits, schema_cookie, roots_digest, digest) "
                   "VALUES (1, ?1, ?2, ?3, 0, 0, 0, ?4)");
  insert.execute(row.store_id, row.incarnation, row.created_at_us, digest_of(row));
}

void update_store_row(Connection& connection, const StoreRow& row) {
  Statement update(
      connection,
      "UPDATE store SET store_id = ?1, incarnation = ?2, created_at_us = ?3, digest = ?4"
      " WHERE store_key = 1");
  update.execute(row.store_id, row.incarnation, row.created_at_us, digest_of(row));
}

void change_incarnation(Connection& connection, const std::string& incarnation) {
  StoreRow row = read_store_row(connection);
  row.incarnation = incarnation;
  update_store_row(connection, row);
}

}  // namespace holdfast::engine
