#include "holdfast/database.hpp"
#include "manifests.hpp"
#include "support/catch.hpp"
#include "support/plain_sqlite.hpp"
#include "support/temporary_database.hpp"

#include <string>

namespace holdfast {
namespace {

using test::manifest;
using Row = test::PlainSqlite::Row;

TEST_CASE("the view `manifests` agrees with the store") {
  const std::string large(200'000, 'x');
  OpenOptions options;
  options.clock = [] { return std::int64_t{1'700'000'001'500'000}; };
  test::TemporaryDatabase db(test::Ground::file, options);
  auto store = db->manifests("pipeline");
  store.save_with_state(manifest(1, 11, test::kPending), "state");
  store.save(manifest(2, 12));
  store.save_with_state(manifest(3, 13, ",\"x\":\"" + large + "\""), large);
  store.import(4, "torn", std::nullopt);
  store.save_state_data(5, {"an orphan, which nobody sees"});
  const std::string checksum = store.state_checksum(1).value();
  db.close();

  test::PlainSqlite sqlite(db.file());
  const std::string columns =
      "SELECT stream, checkpoint_id, epoch, time, saved_at, decoded, committed, state_checksum,"
      " json, raw_bytes, state_bytes FROM manifests WHERE checkpoint_id = ";
  const std::string time = "2023-11-14T22:13:20.000Z";
  const std::string saved_at = "2023-11-14T22:13:21.500Z";
  const std::string first = manifest(1, 11, test::kPending).json();
  CHECK(sqlite.rows(columns + "1").at(0) == Row{"pipeline",
                                                "1",
                                                "11",
                                                time,
                                                saved_at,
                                                "1",
                                                "0",
                                                checksum,
                                                first,
                                                std::to_string(first.size()),
                                                "5"});
  const std::string second = manifest(2, 12).json();
  CHECK(sqlite.rows(columns + "2").at(0) == Row{"pipeline",
                                                "2",
                                                "12",
                                                time,
                                                saved_at,
                                                "1",
                                                "1",
                                                std::nullopt,
                                                second,
                                                std::to_string(second.size()),
                                                std::nullopt});
  const auto third = sqlite.rows(columns + "3").at(0);
  CHECK(third[8] == std::nullopt);
  CHECK(third[10] == std::to_string(large.size()));
  const auto fourth = sqlite.rows(columns + "4").at(0);
  CHECK(fourth[2] == std::nullopt);
  CHECK(fourth[5] == "0");
  CHECK(fourth[8] == std::nullopt);
  CHECK(fourth[9] == "4");
  CHECK(sqlite.integer("SELECT count(*) FROM manifests") == 4);
  CHECK(sqlite.text("SELECT json ->> '$.sink_commit_statuses.out' FROM manifests"
                    " WHERE checkpoint_id = 1") == "Pending");
}

}  // namespace
}  // namespace holdfast
