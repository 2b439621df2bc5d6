// Where bytes are cut: at places that the bytes around them choose, so that what is inserted or removed
// moves no cut but those beside it.
//
// A rolling hash over the last 64 bytes (gear) that has enough zero bits ends the chunk; before the
// usual length more of them are asked for than after it, which keeps lengths close to it.
//
// Threads  plain values
// Source   FastCDC, Xia et al., USENIX ATC 2016
#pragma once

#include "holdfast/bytes.hpp"

#include <cstddef>

namespace holdfast::content {

struct CutSizes {
  std::size_t min;
  std::size_t usual;  // a power of two
  std::size_t max;
};

// States that will come again, changed: what is stored of a change follows the size of a chunk.
inline constexpr CutSizes kFineCuts = {4ULL << 10, 16ULL << 10, 64ULL << 10};
// What does not compress, and was never there before: rows cost more than they can save.
inline constexpr CutSizes kCoarseCuts = {64ULL << 10, 128ULL << 10, 256ULL << 10};

// The length of the chunk that begins here; all that is left if there is no cut in it.
std::size_t find_cut(BytesView bytes, const CutSizes& sizes);

}  // namespace holdfast::content
