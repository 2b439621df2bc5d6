// A write-ahead log as salvage reads it: what each page of the database became, as far as that can be
// proven.
//
// SQLite goes by one checksum over all frames, and drops everything behind the first that fails. Each
// frame carries the checksum that the next one goes on from, so those behind a damaged frame can be
// proven all the same: only the page of the damaged frame is lost. That is right only where a later
// transaction stands whole behind it; at the end of the log a damaged frame is a commit that was
// interrupted, and its transaction is left out. A log that was moved into the file already says
// nothing that the file does not, and nothing is lost with it.
//
// Threads  one
// Source   https://sqlite.org/fileformat2.html#the_write_ahead_log
#pragma once

#include "engine/closed_file.hpp"
#include "holdfast/maintain.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace holdfast::maintain {

struct DamagedLog {
  std::map<std::uint32_t, std::uint64_t> pages = {};  // where in the log the newest one is
  std::uint32_t page_count = 0;       // of the database after it; 0: it says nothing
  std::set<std::uint32_t> lost = {};  // pages whose newest form was damaged
  std::vector<Finding> notes = {};    // what was wrong with it
};

DamagedLog read_log(const engine::RawFile& log,
                    const engine::RawFile& database,
                    std::uint32_t page_bytes);

}  // namespace holdfast::maintain
