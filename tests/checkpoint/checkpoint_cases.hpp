// Checkpoints as these tests make them.
#pragma once

#include "holdfast/database.hpp"
#include "support/temporary_database.hpp"

#include <string>
#include <string_view>

namespace holdfast::test {

inline CheckpointBlob blob(std::string id, std::string_view data) {
  return {.id = std::move(id), .data = to_bytes(data)};
}

// The data of what was found; "(none)" if nothing was.
inline std::string data_of(const std::optional<CheckpointBlob>& found) {
  return found ? std::string(as_text(found->data)) : "(none)";
}

// The database on both grounds, one after the other.
inline Ground any_ground() {
  return GENERATE(Ground::file, Ground::memory);
}

}  // namespace holdfast::test
