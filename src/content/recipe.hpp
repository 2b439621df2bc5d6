// The list of a content's chunks, as its row keeps it.
//
// Threads  plain values
// Source   schema/0002_content.sql
#pragma once

#include "holdfast/bytes.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace holdfast::content {

Bytes encode_recipe(const std::vector<std::int64_t>& chunk_keys);
// nullopt: it is none of so many chunks.
std::optional<std::vector<std::int64_t>> decode_recipe(BytesView recipe, std::int64_t chunk_count);

}  // namespace holdfast::content
