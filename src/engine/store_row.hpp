// The row that says who the file is.
//
// Errors   corrupt: it has gone, or fails its digest
// Threads  those of the connection
#pragma once

#include "engine/connection.hpp"

#include <cstdint>
#include <string>

namespace holdfast::engine {

struct StoreRow {
  std::string store_id = {};
  std::string incarnation = {};
  std::int64_t created_at_us = 0;
};

std::int64_t digest_of(const StoreRow& row);
StoreRow read_store_row(Connection& connection);
// In a new file.
void insert_store_row(Connection& connection, const StoreRow& row);
// In a file that has one already.
void update_store_row(Connection& connection, const StoreRow& row);
// Of a copy, which is another life of the store.
void change_incarnation(Connection& connection, const std::string& incarnation);

}  // namespace holdfast::engine
