// Ids: how callers name traces, checkpoints, runs, sessions, segments, operators, states and leases.
//
// Shape    UTF-8 text of 1 to 1,024 bytes without NUL (stream names: 0 to 1,024). A Uuid is a
//          convenience: it is stored as its 36 characters, so "0190..." and the Uuid are the same id.
// Errors   at the call that takes the id: too_large (over-long), invalid_argument (empty, not UTF-8, a NUL)
// Threads  plain values
#pragma once

#include "holdfast/export.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

// 128 bits, RFC 9562. Ids made by the library are version 7: they sort by time of creation.
struct HOLDFAST_API Uuid {
  std::array<std::uint8_t, 16> bytes{};

  // From the text form with hyphens, either case; nothing else is taken.
  static std::optional<Uuid> parse(std::string_view text) noexcept;
  // A version 7 id of this moment and 74 random bits.
  static Uuid make_v7(std::int64_t unix_ms, std::uint64_t random_high, std::uint64_t random_low);

  std::string to_string() const;  // 36 characters, lower case
  // Milliseconds since the epoch if this is a version 7 id.
  std::optional<std::int64_t> unix_ms() const noexcept;

  auto operator<=>(const Uuid&) const = default;
};

// A borrowed id, as a parameter: made of text or of a Uuid. Not to be kept.
class IdRef {
 public:
  IdRef(std::string_view text) : text_(text) {}    // NOLINT: conversions are what it is for
  IdRef(const std::string& text) : text_(text) {}  // NOLINT
  IdRef(const char* text) : text_(text) {}         // NOLINT
  HOLDFAST_API IdRef(const Uuid& uuid);            // NOLINT
  IdRef(const IdRef&) = delete;
  IdRef& operator=(const IdRef&) = delete;
  ~IdRef() = default;

  std::string_view text() const { return text_; }
  std::string str() const { return std::string(text_); }

 private:
  std::array<char, 36> uuid_text_{};
  std::string_view text_;
};

}  // namespace holdfast
