// SQLite's own check of pages, trees, indexes and constraints, and what the file says of itself.

#include "engine/lease.hpp"
#include "engine/page_check.hpp"
#include "engine/progress_hook.hpp"
#include "engine/schema.hpp"
#include "engine/statement.hpp"
#include "engine/store_row.hpp"
#include "maintain/verification.hpp"

#include <string>
#include <string_view>

namespace holdfast::maintain {

namespace {

using engine::Connection;
using engine::Statement;

constexpr std::string_view kPlace = "sqlite";

// The one long read transaction of verify(): only the check of the whole file notices a page that
// two trees use, and SQLite has no way to do it in slices. It can be stopped, and gives up where it
// would make writers run into the log's hard limit. False: stopped.
bool run_sqlite_check(Verification& verification, Connection& db) {
  const engine::ProgressHook hook(db, [&] {
    verification.require_room_in_log();
    return verification.go_on(0);
  });
  try {
    const char* pragma =
        verification.quick() ? "PRAGMA quick_check(100)" : "PRAGMA integrity_check(100)";
    for (const auto& finding : engine::check_pages(db, pragma))
      verification.add(Severity::error, kPlace, finding.text);
  } catch (const Error&) {
    hook.rethrow();
    if (!hook.gave_up()) throw;
    return false;
  }
  return true;
}

void check_store_row(Verification& verification, Connection& db) {
  try {
    engine::read_store_row(db);
  } catch (const Error& error) {
    verification.add(Severity::error, "store", error.what());
  }
}

void check_leases(Verification& verification, Connection& db) {
  try {
    engine::read_lease_rows(db);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    verification.add(Severity::error, "lease " + error.detail().id, error.what());
  }
}

// Schema changes are seen at open; here are those that happened while the file was open.
void check_schema(Verification& verification, Connection& db) {
  try {
    engine::check_fingerprint(db);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::incompatible) throw;
    verification.add(Severity::error, "schema", error.what());
  }
  for (const auto& object : engine::foreign_objects(db)) {
    verification.add(Severity::info, "schema", object + " was added by somebody; it is left alone");
  }
  if (engine::schema_is_ours_alone(db)) return engine::check_roots(db);
  verification.add(
      Severity::info,
      "schema",
      "another program has changed the schema: the checksums of pages are not compared");
}

}  // namespace

bool check_structure(Verification& verification) {
  verification.begin_part();
  // A share of the bar, whatever the size: nothing is known of its progress.
  verification.expect(1);
  bool complete = true;
  verification.read(kPlace, [&](Connection& db) { complete = run_sqlite_check(verification, db); });
  if (!complete) return false;
  verification.read("store", [&](Connection& db) { check_store_row(verification, db); });
  verification.read("leases", [&](Connection& db) { check_leases(verification, db); });
  verification.read("schema", [&](Connection& db) { check_schema(verification, db); });
  verification.end_part(kPlace);
  return verification.go_on(1);
}

}  // namespace holdfast::maintain
