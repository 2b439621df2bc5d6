// What can happen to the bytes of a file, as pages that read differently from what was written.
#pragma once

#include "holdfast/bytes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace holdfast::test {

inline constexpr std::size_t kPageBytes = 512;

struct Damage {
  std::string what = {};                             // which bytes, for whoever repeats it
  std::map<std::size_t, Bytes> pages = {};           // by number from 0: what stands there now
  std::optional<std::size_t> length = std::nullopt;  // the file ends here
  std::optional<std::size_t> as_of = std::nullopt;   // the pages are as after this step

  // To the file itself.
  void apply(Bytes& file) const {
    for (const auto& [page, bytes] : pages) {
      std::copy(bytes.begin(),
                bytes.end(),
                file.begin() + static_cast<std::ptrdiff_t>(page * kPageBytes));
    }
    if (length) file.resize(*length);
  }
  // To what was read of it; false: there were not so many bytes.
  bool apply(std::byte* buffer, std::size_t size, std::size_t offset) const {
    for (auto page = pages.lower_bound(offset / kPageBytes);
         page != pages.end() && page->first * kPageBytes < offset + size;
         ++page) {
      const std::size_t begin = std::max(offset, page->first * kPageBytes);
      const std::size_t end = std::min(offset + size, (page->first + 1) * kPageBytes);
      const std::byte* from = page->second.data() + (begin - page->first * kPageBytes);
      std::copy(from, from + (end - begin), buffer + (begin - offset));
    }
    if (!length || offset + size <= *length) return true;
    const std::size_t kept = *length > offset ? *length - offset : 0;
    std::fill(buffer + kept, buffer + size, std::byte{0});
    return false;
  }
};

inline Bytes page_of(const Bytes& file, std::size_t page) {
  const auto begin = file.begin() + static_cast<std::ptrdiff_t>(page * kPageBytes);
  return {begin, begin + kPageBytes};
}

}  // namespace holdfast::test
