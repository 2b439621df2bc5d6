// Is this JSON? One value, in UTF-8, nothing after it.
#pragma once

#include "holdfast/bytes.hpp"

namespace holdfast::content {

// Never throws but for memory; nesting deeper than 512 is not JSON here.
bool is_json(BytesView bytes);
// The same, and the value is an object or an array (a cheap look at the first byte comes first).
bool is_json_container(BytesView bytes);

}  // namespace holdfast::content
