// One run of verify(): the report as it grows, and how its parts read.
//
// A part reads in pages, each a read transaction of its own, so that no writer's log is pinned for
// long; each page looks at whole things (a row with its content, an owner with its rows), so that
// what others write between two pages is never a finding. What SQLite itself finds malformed ends
// the page, is a finding, and the other parts go on.
//
// Threads  one
#pragma once

#include "access.hpp"
#include "engine/connection.hpp"
#include "engine/link.hpp"
#include "holdfast/error.hpp"
#include "holdfast/maintain.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast::maintain {

// Rows looked at in one read transaction; a page ends early after so many bytes of payloads.
inline constexpr std::int64_t kPageRows = 1024;
inline constexpr std::uint64_t kPageBytes = 4ULL << 20;

class Verification {
 public:
  Verification(const Database& database, const VerifyOptions& options)
      : database_(database), link_(engine::Access::link(database)), options_(options) {}

  bool quick() const { return options_.quick; }
  const Database& database() const { return database_; }

  // Runs `work` in a read transaction. False: it met damage, which is now a finding at `place`.
  template <class Work>
  bool read(std::string_view place, Work&& work) {
    try {
      link_.read(work, "verify");
      return true;
    } catch (const Error& error) {
      // Anything else says nothing about the file: busy, io, closed. (SQLite calls a number that
      // overflows, or a schema that was changed under us, an error of the statement.)
      const bool damage =
          error.code() == ErrorCode::corrupt || error.code() == ErrorCode::incompatible;
      if (!damage) throw;
      add(Severity::error, place, error.what());
      return false;
    }
  }

  // Findings of one part beyond the first hundred are only counted: a file that is damaged all over
  // must not fill the memory.
  void begin_part() {
    part_findings_ = 0;
    untold_ = Severity::info;
  }
  void add(Severity severity, std::string_view place, std::string_view what);
  void end_part(std::string_view place);
  // A figure that its row says and one that was counted: a finding where they differ.
  void compare(std::string_view place,
               std::string_view figure,
               std::int64_t recorded,
               std::int64_t counted);

  // The total may rise while the work goes on; it is an estimate.
  void expect(std::uint64_t steps) { total_ += steps; }
  void count(std::uint64_t rows, std::uint64_t bytes);
  // Between two read transactions. False: the caller's function says stop.
  bool go_on(std::uint64_t steps);

  // For long read transactions: `full` where the log has reached its hard limit.
  void require_room_in_log() const;

  // The worst findings first.
  VerifyReport take_report();

 private:
  const Database& database_;
  const engine::Link& link_;
  const VerifyOptions& options_;
  VerifyReport report_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t part_findings_ = 0;
  Severity untold_ = Severity::info;  // the worst of those that were only counted
};

// The parts, in order. Each returns false when the caller's function stopped it.
bool check_log(Verification& verification);
bool check_structure(
    Verification& verification);  // SQLite's own check, the store's row, foreign objects
bool check_counts(Verification& verification);      // what owners say of their rows
bool check_references(Verification& verification);  // rows that belong to nobody
bool check_contents(Verification& verification);    // contents and their owners
bool check_digests(Verification& verification);     // every row and payload; not when quick

}  // namespace holdfast::maintain
