// Successive states of one owner, saved one after the other: by holdfast, as a file each, as a row each.
#pragma once

#include "support/question.hpp"

#include <cstddef>
#include <functional>
#include <string>

namespace bench {

// Gives the next state at each call.
using States = std::function<const std::string&()>;

// The measures that add_states() gives: ms per save, ms per load of every tenth, bytes on the disk in thousandths
// of the states' own.
extern const std::vector<Measure> kStateMeasures;

// Adds "holdfast", "file" and "SQLite, a row" to the table. A round stores all states anew, in an empty folder.
void add_states(Table& table, std::size_t count, const std::function<States()>& make_states);

}  // namespace bench
