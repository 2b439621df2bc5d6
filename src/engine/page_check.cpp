#include "engine/page_check.hpp"

#include "engine/statement.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <new>
#include <string_view>

namespace holdfast::engine {

namespace {

// "... error code=266"; some findings say that a page could not be had and not why.
int result_in(std::string_view finding) {
  for (const char* unread : {"failed to get page", "Failed to read ptrmap"}) {
    if (finding.find(unread) != std::string_view::npos) return SQLITE_IOERR;
  }
  constexpr std::string_view kBefore = "error code=";
  int result = SQLITE_CORRUPT;
  const auto at = finding.find(kBefore);
  if (at == std::string_view::npos) return result;
  const std::string_view digits = finding.substr(at + kBefore.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), result);
  return result;
}

std::vector<PageFinding> check_once(Connection& connection, const char* pragma) {
  constexpr int kPrimaryMask = 0xff;
  std::vector<PageFinding> findings;
  Statement check(connection, pragma);
  auto row = check.run();
  while (row.step()) {
    if (row.text(0) == "ok") continue;
    const int result = result_in(row.text(0));
    if (result == SQLITE_NOMEM || result == SQLITE_IOERR_NOMEM) throw std::bad_alloc();
    const bool unreadable = (result & kPrimaryMask) == SQLITE_IOERR;
    findings.push_back({row.string(0), unreadable ? ErrorCode::io : ErrorCode::corrupt});
  }
  return findings;
}

}  // namespace

std::vector<PageFinding> check_pages(Connection& connection, const char* pragma) {
  auto findings = check_once(connection, pragma);
  const bool unreadable = std::any_of(findings.begin(), findings.end(), [](const auto& finding) {
    return finding.code == ErrorCode::io;
  });
  // What could not be read may be readable now.
  return unreadable ? check_once(connection, pragma) : findings;
}

}  // namespace holdfast::engine
