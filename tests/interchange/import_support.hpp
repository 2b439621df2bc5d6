// What the tests of this room say over and over.
#pragma once

#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace holdfast::test {

using FindingKind = ImportFinding::Kind;

inline std::vector<std::string> entries(const Database& db, const std::string& segment) {
  const auto session = db.sessions().lookup_session_of(segment);
  std::vector<std::string> texts;
  if (!session) return texts;
  for (const LogEntry& entry : db.sessions().read_all(*session, segment)) {
    texts.emplace_back(entry.text());
  }
  return texts;
}

inline std::vector<std::string> trace(const Database& db, const std::string& segment) {
  const auto session = db.sessions().lookup_session_of(segment);
  std::vector<std::string> texts;
  if (!session) return texts;
  for (const LogEntry& entry : db.sessions().read_trace(*session, segment)) {
    texts.emplace_back(entry.text());
  }
  return texts;
}

inline std::size_t count(const ImportReport& report, FindingKind kind) {
  return static_cast<std::size_t>(std::count_if(
      report.findings.begin(), report.findings.end(), [&](const ImportFinding& found) {
        return found.kind == kind;
      }));
}

// "torn_tail a.jsonl:3: ...", one on each line: what a failing test shows.
inline std::string to_text(const ImportReport& report) {
  constexpr std::array kKinds = {
      "torn_tail", "bad_record", "broken_chain", "conflict", "skipped_file", "unreadable"};
  std::string text;
  for (const ImportFinding& found : report.findings) {
    text += std::string(kKinds.at(static_cast<std::size_t>(found.kind))) + " " + found.file + ":" +
            std::to_string(found.line) + ": " + found.reason + "\n";
  }
  return text;
}

inline bool has(const ImportReport& report,
                FindingKind kind,
                const std::string& file,
                std::uint64_t line) {
  return std::any_of(
      report.findings.begin(), report.findings.end(), [&](const ImportFinding& found) {
        return found.kind == kind && found.file == file && found.line == line &&
               !found.reason.empty();
      });
}

// Did the import add anything?
inline bool added_nothing(const ImportReport& report) {
  return report.sessions + report.segments + report.records + report.trace_records + report.pods +
             report.manifests + report.states + report.bytes ==
         0;
}

}  // namespace holdfast::test
