// Planted defects: what the harnesses must catch (tests/teeth). A product has none of them, nor any trace of
// this: `planted` is false before anything is compiled.
//
// With the build option `defects`, the environment variable HOLDFAST_DEFECT names the one that is there. Each is
// planted once, where the mistake would be made, and has a line in tests/teeth/defects.py.
//
// Threads  any
#pragma once

#include "defect_option.hpp"

#include <cstdlib>
#include <string_view>

namespace holdfast {

#ifdef HOLDFAST_DEFECTS
inline bool planted(std::string_view defect) noexcept {
  static const char* const chosen = std::getenv("HOLDFAST_DEFECT");
  return chosen != nullptr && defect == chosen;
}
#else
consteval bool planted(std::string_view) noexcept {
  return false;
}
#endif

}  // namespace holdfast
