// The one exception of the library.
//
// Errors   every failure is an Error with a code that says what a caller can do about it; absence is no
//          failure (it is std::optional or bool). docs/errors.md lists each refusal under its code.
//          Exhausted memory is std::bad_alloc.
//          Messages are for people. Ids may appear in them; keys, values and payloads never do.
// Threads  plain values
#pragma once

#include "holdfast/export.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace holdfast {

// The set is closed: a switch over it needs no default.
enum class ErrorCode : std::uint8_t {
  not_found,       // the thing that the call needs is not there
  already_exists,  // it is there already, and the call would have replaced it
  conflict,  // somebody else was first: a head, an owner or an option differs (detail: expected, actual)
  fenced,            // the lease that the write carried belongs to somebody else now
  invalid_argument,  // this call can never succeed: change it
  too_large,         // beyond a stated limit (detail: the limit as expected, the size as actual)
  incompatible,      // it was written for something else: another graph, codec, or schema object
  corrupt,           // what is stored fails its digest, count or form
  busy,              // a deadline passed while waiting; nothing was done, and a repeat may succeed
  full,              // the disk, the quota or the write-ahead log's hard limit; nothing was done
  io,                // the operating system refused; nothing was done
  outcome_unknown,  // the commit failed so that nobody can know: it may be there after a reopen, or not
  poisoned,         // a sync failed earlier: this handle takes no more writes; close, reopen, look
  read_only,        // the file, the folder, or the handle cannot be written
  not_a_database,  // not a holdfast file (nor an empty one)
  schema_too_new,  // written by a newer holdfast; left as it was
  forked,       // this process inherited the handle through fork(); open the file anew after exec
  closed,       // close() was called
  unsupported,  // not on this platform, file system or build, or not with these options
};

// "conflict", "outcome_unknown", ...
HOLDFAST_API std::string_view to_string(ErrorCode code) noexcept;

// What a program may want to know beside the code. Fields that do not apply are empty.
struct ErrorDetail {
  std::optional<std::uint64_t> expected = std::nullopt;  // what the caller asked for, or the limit
  std::optional<std::uint64_t> actual = std::nullopt;    // what is there, or the size given
  std::optional<std::uint64_t> line = std::nullopt;      // of an imported file, from 1
  std::string id = {};  // of the trace, segment, run, ... concerned
};

class HOLDFAST_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, ErrorDetail detail = {});
  Error(const Error&) = default;
  Error& operator=(const Error&) = default;
  ~Error() override;

  ErrorCode code() const noexcept { return code_; }
  const ErrorDetail& detail() const noexcept { return detail_; }

 private:
  ErrorCode code_;
  ErrorDetail detail_;
};

}  // namespace holdfast
