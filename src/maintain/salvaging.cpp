#include "maintain/salvaging.hpp"

#include <algorithm>

namespace holdfast {

namespace maintain {

namespace {
constexpr std::uint64_t kMaxPlaceFindings = 100;
}

SalvageCount& Salvaging::count_of(std::string_view table) {
  auto& counts = report_.counts;
  const auto found = std::ranges::find(counts, table, &SalvageCount::table);
  if (found != counts.end()) return *found;
  counts.push_back({.table = std::string(table)});
  return counts.back();
}

void Salvaging::drop(std::string_view table, std::uint64_t rows) {
  SalvageCount& count = count_of(table);
  count.kept -= std::min(rows, count.kept);
  count.dropped += rows;
}

void Salvaging::find(Severity severity, const std::string& place, const std::string& what) {
  if (++findings_[place] > kMaxPlaceFindings) return;
  report_.findings.push_back({severity, place, what});
}

void Salvaging::end_findings() {
  for (const auto& [place, count] : findings_) {
    if (count <= kMaxPlaceFindings) continue;
    const std::string more = std::to_string(count - kMaxPlaceFindings);
    report_.findings.push_back({Severity::error, place, "and " + more + " more like these"});
  }
}

void Salvaging::step(std::uint64_t steps) {
  done_ += steps;
  if (options_.progress && !options_.progress(std::min(done_, total_), total_)) {
    throw SalvageStopped();
  }
}

}  // namespace maintain

bool SalvageReport::whole() const {
  const auto is_error = [](const Finding& finding) { return finding.severity == Severity::error; };
  return !stopped && losses.empty() && std::ranges::none_of(findings, is_error) &&
         std::ranges::all_of(counts, [](const SalvageCount& count) { return count.dropped == 0; });
}

}  // namespace holdfast
