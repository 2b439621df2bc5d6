// The copies of damaged write-ahead logs that lie beside a file (Statistics::log_recovery): they stay until a
// person has looked at them.
//
// Threads  any
#pragma once

#include <string>
#include <vector>

namespace holdfast::maintain {

// Absolute paths, sorted; none for a database in memory, or where the folder cannot be read.
std::vector<std::string> kept_logs(const std::string& database_path);

}  // namespace holdfast::maintain
