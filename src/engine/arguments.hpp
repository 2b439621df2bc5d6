// What callers hand in, checked in one place, so that every store refuses alike (docs/errors.md).
#pragma once

#include "holdfast/bytes.hpp"
#include "holdfast/id.hpp"

#include <cstdint>
#include <string_view>

namespace holdfast::engine {

bool is_utf8(std::string_view text) noexcept;

// 1 to 1,024 bytes (else too_large) of UTF-8 without NUL (else invalid_argument). `what` names it in the message ("trace").
void check_id(std::string_view what, const IdRef& id);
// The same, 0 to 1,024 bytes.
void check_stream_name(const IdRef& name);
// At most kMaxNumber, else invalid_argument.
void check_number(std::string_view what, std::uint64_t number);
// At most kMaxKeyBytes, else too_large.
void check_key(BytesView key);

}  // namespace holdfast::engine
