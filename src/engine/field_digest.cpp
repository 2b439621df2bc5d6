#include "engine/field_digest.hpp"

#include <xxhash.h>

#include <bit>
#include <string>

namespace holdfast::engine {

std::int64_t field_digest(std::initializer_list<std::string_view> fields) {
  std::uint64_t state = 0;
  for (const std::string_view field : fields) {
    state = XXH3_64bits_withSeed(field.data(), field.size(), state);
    const std::string size = std::to_string(field.size());
    state = XXH3_64bits_withSeed(size.data(), size.size(), state);
  }
  return std::bit_cast<std::int64_t>(state);
}

}  // namespace holdfast::engine
