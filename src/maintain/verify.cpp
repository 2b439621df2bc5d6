#include "holdfast/maintain.hpp"
#include "maintain/verification.hpp"

#include <algorithm>
#include <array>
#include <functional>

namespace holdfast {

namespace maintain {

namespace {
constexpr std::uint64_t kMaxPartFindings = 100;
}

void Verification::compare(std::string_view place,
                           std::string_view figure,
                           std::int64_t recorded,
                           std::int64_t counted) {
  if (recorded == counted) return;
  add(Severity::error,
      place,
      std::string(figure) + ": " + std::to_string(counted) + ", but its row says " +
          std::to_string(recorded));
}

void Verification::add(Severity severity, std::string_view place, std::string_view what) {
  if (++part_findings_ > kMaxPartFindings) {
    untold_ = std::max(untold_, severity);
    return;
  }
  report_.findings.push_back({severity, std::string(place), std::string(what)});
}

void Verification::end_part(std::string_view place) {
  if (part_findings_ <= kMaxPartFindings) return;
  const std::uint64_t more = part_findings_ - kMaxPartFindings;
  report_.findings.push_back(
      {untold_, std::string(place), "and " + std::to_string(more) + " more findings like these"});
}

void Verification::count(std::uint64_t rows, std::uint64_t bytes) {
  report_.rows_checked += rows;
  report_.bytes_checked += bytes;
}

bool Verification::go_on(std::uint64_t steps) {
  done_ += steps;
  if (!options_.progress || options_.progress(std::min(done_, total_), total_)) return true;
  report_.stopped = true;
  return false;
}

void Verification::require_room_in_log() const {
  const std::uint64_t limit = link_.options().wal_hard_limit_bytes;
  const std::uint64_t wal_bytes = link_.statistics().wal_bytes;
  if (wal_bytes < limit) return;
  throw Error(ErrorCode::full,
              "verify was given up: the write-ahead log has reached its hard limit meanwhile",
              {.expected = limit, .actual = wal_bytes});
}

VerifyReport Verification::take_report() {
  std::ranges::stable_sort(report_.findings, std::ranges::greater(), &Finding::severity);
  return std::move(report_);
}

namespace {

// Rows by what their owners say, once for those parts that pass by them: enough for a bar.
std::uint64_t estimate_steps(const Database& database, bool quick) {
  try {
    const DatabaseInfo facts = info(database);
    const std::uint64_t owners =
        facts.traces + facts.sessions + facts.segments + facts.runs + facts.streams + facts.states;
    const std::uint64_t rows = facts.checkpoints + facts.entries + facts.events + facts.snapshots +
                               2 * facts.manifests + facts.state_entries;
    // Checkpoints and snapshots have two digests.
    const std::uint64_t digests = rows + facts.checkpoints + facts.snapshots + owners;
    return owners + rows + (quick ? 0 : digests);
  } catch (const Error&) {
    return 0;  // damaged, as the parts will tell
  }
}

}  // namespace

}  // namespace maintain

bool VerifyReport::sound() const {
  return !stopped && count(Severity::error) == 0;
}

std::uint64_t VerifyReport::count(Severity severity) const {
  return static_cast<std::uint64_t>(std::ranges::count(findings, severity, &Finding::severity));
}

VerifyReport verify(const Database& database, const VerifyOptions& options) {
  using Part = bool (*)(maintain::Verification&);
  constexpr std::array<Part, 6> kParts = {maintain::check_log,
                                          maintain::check_structure,
                                          maintain::check_counts,
                                          maintain::check_references,
                                          maintain::check_contents,
                                          maintain::check_digests};
  maintain::Verification verification(database, options);
  verification.expect(maintain::estimate_steps(database, options.quick));
  for (const Part part : kParts) {
    if (!part(verification)) break;
  }
  return verification.take_report();
}

}  // namespace holdfast
