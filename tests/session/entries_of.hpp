// What a segment has, as texts: for comparisons.
#pragma once

#include "holdfast/session.hpp"

#include <string>
#include <vector>

namespace holdfast::test {

using Texts = std::vector<std::string>;

inline Texts texts_of(const std::vector<LogEntry>& entries) {
  Texts texts;
  for (const LogEntry& entry : entries)
    texts.emplace_back(entry.text());
  return texts;
}

}  // namespace holdfast::test
