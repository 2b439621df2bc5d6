// The interchange bytes, written and read a second time and independently, so that a mistake which the
// library made both ways would show.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::test {

struct SnapshotImage {
  std::uint64_t id = 0;
  std::vector<std::pair<std::string, std::string>> entries = {};
};

inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i)
    text += static_cast<char>(value >> (8 * i));
  return text;
}

inline std::string encode(const SnapshotImage& image) {
  std::string bytes = little_endian(image.id, 8) + little_endian(image.entries.size(), 8);
  for (const auto& [key, value] : image.entries) {
    bytes += little_endian(key.size(), 4) + key + little_endian(value.size(), 4) + value;
  }
  return bytes;
}

// Nothing unless every byte belongs; the order is that of the bytes.
inline std::optional<SnapshotImage> decode(const std::string& bytes) {
  std::size_t at = 0;
  bool good = true;
  const auto number = [&](std::size_t size) {
    std::uint64_t value = 0;
    if (!good || bytes.size() - at < size) {
      good = false;
      return value;
    }
    for (std::size_t i = 0; i < size; ++i)
      value |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
    at += size;
    return value;
  };
  const auto text = [&] {
    const std::uint64_t size = number(4);
    if (!good || bytes.size() - at < size) {
      good = false;
      return std::string();
    }
    std::string taken = bytes.substr(at, size);
    at += size;
    return taken;
  };
  SnapshotImage image;
  image.id = number(8);
  const std::uint64_t count = number(8);
  for (std::uint64_t i = 0; good && i < count; ++i) {
    std::string key = text();
    image.entries.emplace_back(std::move(key), text());
  }
  if (!good || at != bytes.size()) return std::nullopt;
  return image;
}

}  // namespace holdfast::test
