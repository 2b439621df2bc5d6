// How much a harness does: HOLDFAST_HARNESS = "short" (a tenth, the default), "full", or a number, which is a
// multiple of full.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace holdfast::test {

inline double scale() {
  const char* given = std::getenv("HOLDFAST_HARNESS");
  const std::string text = given != nullptr ? given : "short";
  if (text == "short") return 0.1;
  if (text == "full") return 1;
  const double multiple = std::stod(text);
  if (!(multiple > 0)) throw std::runtime_error("HOLDFAST_HARNESS is short, full, or a number");
  return multiple;
}

// So many of what is `count` at full; at least one.
inline std::size_t scaled(std::size_t count) {
  return std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(count) * scale()));
}

}  // namespace holdfast::test
