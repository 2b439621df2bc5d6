#include "holdfast/error.hpp"

#include <utility>

namespace holdfast {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::already_exists:
      return "already_exists";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::fenced:
      return "fenced";
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::too_large:
      return "too_large";
    case ErrorCode::incompatible:
      return "incompatible";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::busy:
      return "busy";
    case ErrorCode::full:
      return "full";
    case ErrorCode::io:
      return "io";
    case ErrorCode::outcome_unknown:
      return "outcome_unknown";
    case ErrorCode::poisoned:
      return "poisoned";
    case ErrorCode::read_only:
      return "read_only";
    case ErrorCode::not_a_database:
      return "not_a_database";
    case ErrorCode::schema_too_new:
      return "schema_too_new";
    case ErrorCode::forked:
      return "forked";
    case ErrorCode::closed:
      return "closed";
    case ErrorCode::unsupported:
      return "unsupported";
  }
  return "unknown";
}

Error::Error(ErrorCode code, const std::string& message, ErrorDetail detail)
    : std::runtime_error(message), code_(code), detail_(std::move(detail)) {}

Error::~Error() = default;

}  // namespace holdfast
