// Chunks that contents share, differences from keyframes, and what damage to one of them costs.

#include "holdfast/maintain.hpp"
#include "support/catch.hpp"
#include "support/content_chunks.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace holdfast {
namespace {

void save(Database& db, const std::string& id, const std::string& state) {
  db.checkpoints().save("trace", {.id = id, .data = to_bytes(state)});
}

std::string load(Database& db, const std::string& id) {
  return std::string(as_text(db.checkpoints().load(id).value().data));
}

std::int64_t stored(test::TemporaryDatabase& db) {
  db.close();
  const auto bytes =
      test::PlainSqlite(db.file()).integer("SELECT ifnull(sum(length(bytes)), 0) FROM chunk_data");
  db.reopen();
  return bytes;
}

std::string with_edits(std::string state, test::Random& random, int edits) {
  for (int edit = 0; edit < edits; ++edit)
    state.replace(random.below(state.size() - 8), 8, random.bytes(8));
  return state;
}

std::string content_of(const std::string& id) {
  return "SELECT content_key FROM checkpoint WHERE name = '" + id + "'";
}

}  // namespace

TEST_CASE("equal payloads are stored once, whichever store has them") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  const std::string payload = random.bytes(256 * 1024);
  for (int i = 0; i < 20; ++i)
    db->state("s").put("key " + std::to_string(i), payload);
  save(*db, "a", payload);
  db->runs().save_snapshot({.run = "r", .at_seq = 0, .state = to_bytes(payload)});
  db->manifests().save_state_data(1, {payload});
  REQUIRE(verify(*db).sound());
  REQUIRE(stored(db) < 260 * 1024);
  db->checkpoints().remove_trace("trace");
  db->runs().prune("r", 0);
  REQUIRE(as_text(*db->state("s").get("key 7")) == payload);
  REQUIRE(verify(*db).sound());
}

TEST_CASE("a state that changes in a few places, or moves, costs what changed") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  std::string state;
  std::function<std::string(const std::string&)> change;
  std::int64_t limit = 2000;
  SECTION("small edits") {
    limit = 10 * 2000;
    change = [&](const std::string& old) { return with_edits(old, random, 10); };
  }
  SECTION("something inserted near its beginning") {
    change = [](const std::string& old) {
      return old.substr(0, 5000) + "inserted" + old.substr(5000);
    };
  }
  SECTION("something removed near its beginning") {
    change = [](const std::string& old) { return old.substr(0, 5000) + old.substr(5100); };
  }
  SECTION("something appended") {
    limit = 5000;
    change = [&](const std::string& old) { return old + random.bytes(3000); };
  }
  // A change that falls on a cut costs a chunk. That is rare: what is usual is asked for.
  std::vector<std::int64_t> costs;
  for (int round = 0; round < 7; ++round) {
    save(*db, "old", state = random.bytes(1 << 20));
    const auto whole = stored(db);
    REQUIRE(whole < (1 << 20) + 1000);
    save(*db, "new", state = change(state));
    costs.push_back(stored(db) - whole);
    REQUIRE(load(*db, "new") == state);
    REQUIRE(verify(*db).sound());
    db->checkpoints().remove_trace("trace");
  }
  std::ranges::sort(costs);
  REQUIRE(costs[costs.size() / 2] < limit);
}

TEST_CASE("a difference is one step deep, and a keyframe has few dependants") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  std::string state = random.bytes(100'000);
  for (int i = 0; i < 200; ++i) {
    state[50'000 + static_cast<std::size_t>(i) % 8] ^= static_cast<char>(1 + random.below(255));
    save(*db, std::to_string(i), state);
  }
  db.close();
  {
    test::PlainSqlite sqlite(db.file());
    REQUIRE(sqlite.integer("SELECT count(*) FROM chunk WHERE codec = 'delta'") > 150);
    REQUIRE(sqlite.integer("SELECT max(dependants) FROM chunk") <= 64);
    REQUIRE(sqlite.integer("SELECT count(*) FROM chunk AS d JOIN chunk AS k"
                           " ON k.chunk_key = d.keyframe_key WHERE k.codec = 'delta'") == 0);
  }
  db.reopen();
  SECTION("a keyframe stays until its last dependant goes") {
    REQUIRE(db->checkpoints().prune("trace", 1) == 199);
    REQUIRE(load(*db, "199") == state);
    REQUIRE(verify(*db).sound());
    db->checkpoints().remove_trace("trace");
    REQUIRE(verify(*db).sound());
    REQUIRE(stored(db) == 0);
  }
  SECTION("it stays also when the newest go first") {
    for (int i = 199; i > 0; --i)
      db->checkpoints().remove(std::to_string(i));
    REQUIRE(verify(*db).sound());
    REQUIRE(stored(db) <= 100'000);
  }
}

TEST_CASE("damage to a chunk costs the contents that need it, and no other") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  const std::string first = random.bytes(300'000);
  const std::string second = with_edits(first, random, 1);
  const std::string other = random.bytes(300'000);
  save(*db, "first", first);
  save(*db, "second", second);
  save(*db, "other", other);
  const std::string deltas = "SELECT chunk_key FROM chunk WHERE codec = 'delta'";
  const std::string keyframes = "SELECT chunk_key FROM chunk WHERE dependants > 0";
  const auto zero = [&](const std::string& chunks) {
    db.damage("UPDATE chunk_data SET bytes = zeroblob(length(bytes)) WHERE chunk_key IN (" +
              chunks + ")");
  };
  SECTION("a difference") {
    zero(deltas);
    REQUIRE(load(*db, "first") == first);
    test::require_error(ErrorCode::corrupt, [&] { load(*db, "second"); });
  }
  SECTION("its keyframe") {
    zero(keyframes);
    test::require_error(ErrorCode::corrupt, [&] { load(*db, "first"); });
    test::require_error(ErrorCode::corrupt, [&] { load(*db, "second"); });
  }
  SECTION("a keyframe that nobody else uses any more") {
    db->checkpoints().remove("first");
    REQUIRE(load(*db, "second") == second);
    zero(keyframes);
    test::require_error(ErrorCode::corrupt, [&] { load(*db, "second"); });
  }
  SECTION("one that both share") {
    zero(test::chunks_of(content_of("first")) + " EXCEPT " + keyframes);
    test::require_error(ErrorCode::corrupt, [&] { load(*db, "first"); });
    test::require_error(ErrorCode::corrupt, [&] { load(*db, "second"); });
  }
  REQUIRE(load(*db, "other") == other);
  const VerifyReport report = verify(*db);
  REQUIRE_FALSE(report.sound());
  for (const Finding& finding : report.findings)
    REQUIRE(finding.place != "checkpoint other");
}

TEST_CASE("what is stored again by another owner after its chunks were damaged is whole") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  const std::string state = random.bytes(300'000);
  save(*db, "damaged", state);
  db.damage("UPDATE chunk_data SET bytes = zeroblob(length(bytes))");
  test::require_error(ErrorCode::corrupt, [&] { load(*db, "damaged"); });
  db->checkpoints().save("other trace", {.id = "again", .data = to_bytes(state)});
  REQUIRE(load(*db, "again") == state);
}

TEST_CASE("a content that is damaged goes without taking the chunks of others along") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  const std::string state = random.bytes(300'000);
  save(*db, "first", state);
  save(*db, "second", state + "!");
  db.damage("UPDATE content SET recipe = x'00' WHERE content_key = 1");
  test::require_error(ErrorCode::corrupt, [&] { load(*db, "first"); });
  REQUIRE(db->checkpoints().remove("first"));
  REQUIRE(load(*db, "second") == state + "!");
  REQUIRE_FALSE(verify(*db).sound());  // chunks that it had have too many users now
}

}  // namespace holdfast
