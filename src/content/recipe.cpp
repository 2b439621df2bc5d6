#include "content/recipe.hpp"

#include <cstddef>

namespace holdfast::content {

Bytes encode_recipe(const std::vector<std::int64_t>& chunk_keys) {
  Bytes recipe;
  recipe.reserve(2 * chunk_keys.size());
  std::int64_t last = 0;
  for (const std::int64_t key : chunk_keys) {
    const std::int64_t step = key - last;
    auto rest = static_cast<std::uint64_t>(step) << 1 ^ static_cast<std::uint64_t>(step >> 63);
    for (; rest >= 0x80; rest >>= 7)
      recipe.push_back(static_cast<std::byte>(rest | 0x80));
    recipe.push_back(static_cast<std::byte>(rest));
    last = key;
  }
  return recipe;
}

std::optional<std::vector<std::int64_t>> decode_recipe(BytesView recipe, std::int64_t chunk_count) {
  std::vector<std::int64_t> chunk_keys;
  std::uint64_t last = 0;
  std::uint64_t value = 0;
  unsigned shift = 0;
  for (const std::byte byte : recipe) {
    if (shift > 63) return std::nullopt;
    value |= (std::to_integer<std::uint64_t>(byte) & 0x7f) << shift;
    shift += 7;
    if ((byte & std::byte{0x80}) != std::byte{}) continue;
    last += value >> 1 ^ (~(value & 1) + 1);
    chunk_keys.push_back(static_cast<std::int64_t>(last));
    value = 0;
    shift = 0;
  }
  const bool whole = shift == 0 && static_cast<std::int64_t>(chunk_keys.size()) == chunk_count;
  return whole ? std::optional(std::move(chunk_keys)) : std::nullopt;
}

}  // namespace holdfast::content
