// A digest over the columns of a row of the engine's own tables, as the stores have one over theirs
// (content/row_digest.hpp): it finds flipped bits where the seal of a page does not look, in rows.
//
// Shape    each field as text, followed by its length
// Threads  a function without state
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace holdfast::engine {

std::int64_t field_digest(std::initializer_list<std::string_view> fields);

}  // namespace holdfast::engine
