// SHA-256, for the hash chains and checksums in other programs' files.
//
// The store has one of its own, which this room cannot see: it knows the public headers only.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::interchange {

using Sha256 = std::array<unsigned char, 32>;

// Of the pieces, one after the other.
Sha256 sha256(const std::vector<std::string_view>& pieces);

// 64 characters, lower case.
std::string to_hex(const Sha256& digest);

}  // namespace holdfast::interchange
