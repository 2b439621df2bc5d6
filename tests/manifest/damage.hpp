// SQL that damages what the manifest store has written, as a flipped bit or a careless hand would.
#pragma once

#include "support/content_chunks.hpp"

#include <cstdint>
#include <string>

namespace holdfast::test {

inline std::string where_id(std::uint64_t id) {
  return " WHERE checkpoint_id = " + std::to_string(id);
}

// A small manifest's JSON, by one character.
inline std::string damage_json(std::uint64_t id) {
  return "UPDATE manifest SET payload = replace(payload, 'version', 'versioN')" + where_id(id);
}
// A small state, keeping its length.
inline std::string damage_state(std::uint64_t id) {
  return "UPDATE manifest_state SET payload = CAST(zeroblob(raw_bytes) AS BLOB)" + where_id(id);
}
// A state or JSON (`table`: manifest_state, manifest) that stands in the content tables.
inline std::string damage_content(const std::string& table, std::uint64_t id) {
  return zero_chunks("SELECT content_key FROM " + table + where_id(id));
}
inline std::string delete_state(std::uint64_t id) {
  return "DELETE FROM manifest_state" + where_id(id);
}
inline std::string delete_manifest(std::uint64_t id) {
  return "DELETE FROM manifest" + where_id(id);
}

}  // namespace holdfast::test
