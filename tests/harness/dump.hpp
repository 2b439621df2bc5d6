// Everything that is in a database, through the public headers, as one text: two databases that hold the same
// have the same text. Left out is what no two runs share: identities, and how long a lease still runs.
// What nobody can read (a state that waits for its manifest, contents, old values) shows as a number of rows.
//
// Errors   those of reading: what is damaged is `corrupt`
// Threads  one instant of the whole file, whatever others write
#pragma once

#include "holdfast/database.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::test {

std::string dump(const Database& db);

// 64 bits of any bytes, for ledgers and for counting what is distinct.
std::uint64_t digest_of(std::string_view bytes);

// The first line in which two texts differ, for a message.
std::string first_difference(std::string_view expected, std::string_view found);

}  // namespace holdfast::test
