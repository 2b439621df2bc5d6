// SQLite's own check of a file's pages.
//
// Errors   busy, and std::bad_alloc: SQLite tells of a page that it could not get for want of memory, or by an
//          I/O error, in the same words as of a damaged one; here they are told apart
// Threads  those of the connection
#pragma once

#include "engine/connection.hpp"
#include "holdfast/error.hpp"

#include <string>
#include <vector>

namespace holdfast::engine {

struct PageFinding {
  std::string text = {};
  ErrorCode code = ErrorCode::corrupt;  // or io: the page could not be read
};

// What "PRAGMA integrity_check" or "PRAGMA quick_check" found; nothing if all is well.
std::vector<PageFinding> check_pages(Connection& connection, const char* pragma);

}  // namespace holdfast::engine
