// Checkpoints: what they keep, what a restore puts back, what a drop frees.
#include "holdfast/database.hpp"
#include "state/state_rows.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <stdexcept>
#include <string>
#include <vector>

using namespace holdfast;
using test::Ground;
using test::require_error;
using test::text;

namespace {

constexpr std::uint64_t kLargestId = 0xffff'ffff'ffff'ffff;

using Ids = std::vector<std::uint64_t>;

Ids ids(const StateBackend& state) {
  Ids found;
  for (const StateCheckpointInfo& info : state.list_checkpoints())
    found.push_back(info.id);
  return found;
}

std::string at(const StateBackend& state, std::uint64_t id) {
  return text(state.read_at(id).range_scan(""));
}

}  // namespace

TEST_CASE("a checkpoint keeps nothing until something changes") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  for (int i = 0; i < 100; ++i)
    orders.put(std::to_string(i), "value");
  const auto before = db->statistics().commits;
  orders.checkpoint(1);
  REQUIRE(db->statistics().commits == before + 1);
  REQUIRE(test::undo_rows(*db) == 0);
  orders.put("7", "changed");
  orders.put("7", "again");
  orders.remove("8");
  REQUIRE(test::undo_rows(*db) == 2);  // the first change of each key
}

TEST_CASE("without a checkpoint nothing is kept") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  orders.put("a", "1");
  orders.put("a", "2");
  orders.remove("a");
  orders.put("a", "3");
  REQUIRE(test::undo_rows(*db) == 0);
  orders.checkpoint(1);
  orders.put("a", "4");
  orders.put("b", "4");
  REQUIRE(test::undo_rows(*db) == 2);
  orders.drop_checkpoint(1);
  REQUIRE(test::undo_rows(*db) == 0);
  orders.put("a", "5");
  orders.remove("b");
  REQUIRE(test::undo_rows(*db) == 0);
}

TEST_CASE("a checkpoint of an id that exists is already_exists, and nothing has changed") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  orders.put("a", "1");
  orders.checkpoint(7);
  orders.put("a", "2");
  const auto detail = require_error(ErrorCode::already_exists, [&] { orders.checkpoint(7); });
  REQUIRE(detail.id == "7");
  REQUIRE(at(orders, 7) == "a=1");
  REQUIRE(text(orders.range_scan("")) == "a=2");
  orders.drop_checkpoint(7);
  orders.checkpoint(7);  // the id is free again
  REQUIRE(at(orders, 7) == "a=2");
}

TEST_CASE("checkpoint ids are any 64 bits, and are listed oldest first with what they hold") {
  std::int64_t now_us = 100;
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory),
                             {.clock = [&] { return now_us; }});
  auto orders = db->state("orders");
  orders.checkpoint(kLargestId);  // of an empty state
  orders.put("key", "value");
  now_us = 200;
  orders.checkpoint(0);
  orders.put("key", "");
  const auto infos = orders.list_checkpoints();
  REQUIRE(infos.size() == 2);
  REQUIRE(infos[0].id == kLargestId);
  REQUIRE(infos[0].entries == 0);
  REQUIRE(infos[0].version == 0);
  REQUIRE(infos[0].created_at_us == 100);
  REQUIRE(infos[1].id == 0);
  REQUIRE(infos[1].entries == 1);
  REQUIRE(infos[1].size_bytes == 8);
  REQUIRE(infos[1].version == 1);
  REQUIRE(infos[1].created_at_us == 200);
  REQUIRE(at(orders, kLargestId).empty());
  REQUIRE(at(orders, 0) == "key=value");
}

TEST_CASE("restore of an unknown id is not_found, and nothing has changed") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  require_error(ErrorCode::not_found, [&] { orders.restore(1); });
  REQUIRE(orders.list_states().empty());
  orders.put("a", "1");
  orders.checkpoint(1);
  orders.put("a", "2");
  const auto detail = require_error(ErrorCode::not_found, [&] { orders.restore(2); });
  REQUIRE(detail.id == "2");
  REQUIRE(text(orders.range_scan("")) == "a=2");
  REQUIRE(orders.version() == 2);
}

TEST_CASE("restore puts back what was changed, removed and made, in every partition") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  auto partition = orders.partition({"op", 0, 0});
  orders.put("changed", "1");
  orders.put("removed", "1");
  orders.put("same", "1");
  partition.put("removed", "1");
  orders.checkpoint(1);
  orders.put("changed", "2");
  orders.put("changed", "3");
  orders.remove("removed");
  orders.put("made", "2");
  orders.put("fleeting", "2");
  orders.remove("fleeting");
  partition.remove("removed");
  orders.partition({"op", 0, 1}).put("made", "2");
  REQUIRE(orders.restore(1).empty());
  REQUIRE(text(orders.range_scan("")) == "changed=1 removed=1 same=1");
  REQUIRE(text(partition.range_scan("")) == "removed=1");
  REQUIRE(orders.list_partitions() == std::vector<PartitionKey>{{"op", 0, 0}});
  REQUIRE(orders.stats().entries == 4);
  REQUIRE(test::undo_rows(*db) == 0);
  REQUIRE(test::misplaced_rows(*db) == 0);
}

TEST_CASE("restore drops the later checkpoints and names them; the restored one stays") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  for (std::uint64_t id = 1; id <= 4; ++id) {
    orders.put("a", std::to_string(id));
    orders.checkpoint(id);
  }
  orders.put("a", "now");
  const auto version = orders.version();
  REQUIRE(orders.restore(2) == Ids{3, 4});
  REQUIRE(text(orders.range_scan("")) == "a=2");
  REQUIRE(ids(orders) == Ids{1, 2});
  REQUIRE(orders.version() == version + 1);
  REQUIRE(at(orders, 1) == "a=1");
  orders.put("a", "after");
  REQUIRE(at(orders, 2) == "a=2");
  REQUIRE(orders.restore(2).empty());
  REQUIRE(orders.restore(1) == Ids{2});
  REQUIRE(text(orders.range_scan("")) == "a=1");
}

TEST_CASE("a key that is removed and put again in one interval is kept once, as it was") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  orders.put("a", "1");
  orders.checkpoint(1);
  orders.remove("a");
  orders.put("a", "2");
  orders.remove("a");
  orders.put("a", "3");
  REQUIRE(test::undo_rows(*db) == 1);
  REQUIRE(at(orders, 1) == "a=1");
  orders.restore(1);
  REQUIRE(text(orders.range_scan("")) == "a=1");
}

TEST_CASE("dropping a checkpoint hands what it kept to the one before, unless that has its own") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  orders.put("both", "1");
  orders.put("late", "1");
  orders.checkpoint(1);
  orders.put("both", "2");
  orders.checkpoint(2);
  orders.put("both", "3");
  orders.put("late", "3");
  orders.put("made", "3");
  REQUIRE(test::undo_rows(*db) == 4);
  REQUIRE(orders.drop_checkpoint(2));
  REQUIRE(test::undo_rows(*db) == 3);  // 2 of "both" was needed by nobody else
  REQUIRE(at(orders, 1) == "both=1 late=1");
  // The interval of the dropped one is still open for 1: nothing is kept twice.
  orders.put("late", "4");
  orders.remove("made");
  orders.put("made", "4");
  REQUIRE(test::undo_rows(*db) == 3);
  REQUIRE(at(orders, 1) == "both=1 late=1");
  orders.restore(1);
  REQUIRE(text(orders.range_scan("")) == "both=1 late=1");
}

TEST_CASE("a key made before and removed after a dropped checkpoint is absent at the one before") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  orders.put("was", "1");
  orders.checkpoint(1);
  orders.checkpoint(2);
  orders.put("was", "3");
  orders.drop_checkpoint(2);
  orders.checkpoint(3);
  orders.drop_checkpoint(3);
  orders.remove("was");
  orders.put("was", "4");  // absent when it is put: but that is not its first change since 1
  REQUIRE(test::undo_rows(*db) == 1);
  REQUIRE(at(orders, 1) == "was=1");
}

TEST_CASE("dropping the oldest frees what only it needed; dropping all frees everything") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  for (std::uint64_t id = 1; id <= 3; ++id) {
    orders.put("a", std::to_string(id));
    orders.checkpoint(id);
  }
  orders.put("a", "now");
  REQUIRE(test::undo_rows(*db) == 3);
  REQUIRE(orders.drop_checkpoint(1));
  REQUIRE(test::undo_rows(*db) == 2);
  REQUIRE(at(orders, 2) == "a=2");
  REQUIRE_FALSE(orders.drop_checkpoint(1));
  REQUIRE(orders.drop_checkpoint(3));
  REQUIRE(test::undo_rows(*db) == 1);
  REQUIRE(at(orders, 2) == "a=2");
  REQUIRE(orders.drop_checkpoint(2));
  REQUIRE(test::undo_rows(*db) == 0);
  REQUIRE(text(orders.range_scan("")) == "a=now");
  REQUIRE_FALSE(db->state("none").drop_checkpoint(2));
  REQUIRE(orders.list_states().size() == 1);
}

TEST_CASE("the content of large values is freed with the last row that has it") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  const auto large = [](char c) { return std::string(200'000, c); };
  orders.put("a", large('1'));
  orders.checkpoint(1);
  orders.put("a", large('2'));
  orders.put("a", large('3'));
  REQUIRE(test::content_rows(*db) == 2);  // 1 at the checkpoint, 3 now
  orders.checkpoint(2);
  orders.remove("a");
  REQUIRE(test::content_rows(*db) == 2);
  REQUIRE(text(orders.read_at(1).get("a")) == large('1'));
  REQUIRE(text(orders.read_at(2).get("a")) == large('3'));
  orders.restore(1);
  REQUIRE(test::content_rows(*db) == 1);
  REQUIRE(text(orders.get("a")) == large('1'));
  orders.remove("a");
  REQUIRE(test::content_rows(*db) == 1);
  orders.drop_checkpoint(1);
  REQUIRE(test::content_rows(*db) == 0);
  REQUIRE(test::integer(*db, "SELECT count(*) FROM chunk") == 0);
  REQUIRE(test::misplaced_rows(*db) == 0);
}

TEST_CASE("interval numbers are never used twice") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  const char* const open_interval = "SELECT interval FROM state_backend";
  std::int64_t last = 0;
  const auto rose = [&] {
    const auto now = test::integer(*db, open_interval);
    const bool higher = now > last;
    last = now;
    return higher;
  };
  orders.put("a", "1");
  orders.checkpoint(1);
  REQUIRE(rose());
  orders.checkpoint(2);
  REQUIRE(rose());
  orders.restore(1);
  REQUIRE(rose());
  orders.drop_checkpoint(1);
  REQUIRE_FALSE(rose());  // nor does it fall
  orders.checkpoint(1);
  REQUIRE(rose());
}

TEST_CASE("a checkpoint, a restore and a drop that are rolled back have not happened") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  orders.put("a", "1");
  orders.checkpoint(1);
  orders.put("a", "2");
  orders.checkpoint(2);
  orders.put("a", "3");
  const auto rolled_back = [&](auto&& work) {
    REQUIRE_THROWS_AS(db->transact([&] {
      work();
      throw std::runtime_error("no");
    }),
                      std::runtime_error);
    REQUIRE(text(orders.range_scan("")) == "a=3");
    REQUIRE(ids(orders) == Ids{1, 2});
    REQUIRE(at(orders, 1) == "a=1");
    REQUIRE(at(orders, 2) == "a=2");
    REQUIRE(orders.version() == 3);
  };
  rolled_back([&] { orders.checkpoint(3); });
  rolled_back([&] { orders.restore(1); });
  rolled_back([&] { orders.drop_checkpoint(2); });
  rolled_back([&] {
    orders.put("a", "4");
    orders.remove_all();
  });
  orders.put("a", "4");  // the rollback took the undo row with it: it is kept anew
  orders.restore(2);
  REQUIRE(text(orders.range_scan("")) == "a=2");
}
