// Rows that a connection remembers between calls are those of the file, also after changes were undone. Changes of
// other processes: tests/process.

#include "holdfast/holdfast.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/temporary_database.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace holdfast {
namespace {

struct Undone {};

// One owner of each kind whose row is remembered, with what it must hold.
struct Owners {
  std::uint64_t entries = 0;
  std::uint64_t events = 0;
  std::uint64_t checkpoints = 0;
  std::map<std::string, std::string> values = {};
};

void change(Database& db, Owners& owners, const std::string& value) {
  REQUIRE(db.sessions().append("session", "segment", "{}") == ++owners.entries);
  REQUIRE(db.runs().append("run", {"{}"}) == ++owners.events);
  db.checkpoints().save("trace", {.id = value, .data = to_bytes(value)});
  ++owners.checkpoints;
  db.state("s").put(value, value);
  db.state("s").partition({.operator_id = "o"}).put(value, value);
  owners.values[value] = value;
}

void check(Database& db, const Owners& owners) {
  REQUIRE(db.sessions().read_all("session", "segment").size() == owners.entries);
  REQUIRE(db.runs().head("run") == owners.events);
  REQUIRE(db.checkpoints().list("trace").size() == owners.checkpoints);
  REQUIRE(db.state("s").stats().entries == 2 * owners.values.size());
  for (const auto& [key, value] : owners.values) {
    REQUIRE(as_text(db.state("s").get(key).value()) == value);
    REQUIRE(as_text(db.state("s").partition({.operator_id = "o"}).get(key).value()) == value);
  }
}

}  // namespace

TEST_CASE("what was undone is not remembered") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  Owners owners;
  int number = 0;
  for (int round = 0; round < 50; ++round) {
    Owners inside = owners;
    const bool commits = random.one_in(2);
    try {
      db->transact([&] {
        change(*db, inside, std::to_string(++number));
        const Owners before = inside;
        try {
          db->transact([&] {
            change(*db, inside, std::to_string(++number));
            if (!random.one_in(3)) throw Undone();
          });
        } catch (const Undone&) {
          inside = before;
        }
        change(*db, inside, std::to_string(++number));
        check(*db, inside);
        if (!commits) throw Undone();
      });
    } catch (const Undone&) {
      inside = owners;
    }
    owners = inside;
    if (owners.entries > 0) check(*db, owners);
    change(*db, owners, std::to_string(++number));
  }
  REQUIRE(verify(*db).sound());
}

TEST_CASE("an owner that was removed and made anew is another one") {
  test::TemporaryDatabase db;
  for (int round = 0; round < 3; ++round) {
    Owners owners;
    const auto life = [&] {
      change(*db, owners, "a");
      change(*db, owners, "b");
      check(*db, owners);
      db->sessions().remove_session("session");
      db->state("s").remove_all();
      db->checkpoints().remove_trace("trace");
    };
    if (round == 1) {
      db->transact(life);
    } else {
      life();
    }
    REQUIRE_FALSE(db->sessions().exists("session", "segment"));
    REQUIRE_FALSE(db->state("s").get("a"));
    REQUIRE(db->runs().remove("run"));
  }
  REQUIRE(verify(*db).sound());
}

}  // namespace holdfast
