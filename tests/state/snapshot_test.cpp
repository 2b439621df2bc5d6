// Export and import of the interchange bytes.
#include "holdfast/database.hpp"
#include "state/snapshot_image.hpp"
#include "state/state_rows.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

using namespace holdfast;
using test::Ground;
using test::require_error;
using test::SnapshotImage;
using test::text;

namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;

constexpr std::uint64_t kLargestId = 0xffff'ffff'ffff'ffff;

SnapshotImage image_of(const Bytes& bytes) {
  const auto image = test::decode(std::string(as_text(bytes)));
  REQUIRE(image);
  return *image;
}

void put_some(StateBackend& state) {
  state.put("z", "26");
  state.put("a", "");
  state.put("op", "flat");
  state.partition({"op", 10, 0}).put("k", "op 10");
  state.partition({"op", 2, 0}).put("k", "op 2");
  state.partition({"a", 0, 0}).put(std::string("\0\xff", 2), "a");
}

const Entries kSome = {{"a", ""},
                       {std::string("a:0:0:\0\xff", 8), "a"},
                       {"op", "flat"},
                       {"op:10:0:k", "op 10"},
                       {"op:2:0:k", "op 2"},
                       {"z", "26"}};

const std::vector<PartitionKey> kSomePartitions = {{"op", 10, 0}, {"op", 2, 0}, {"a", 0, 0}};

// What a refused import must leave as it is.
struct Picture {
  explicit Picture(const StateBackend& state)
      : bytes(state.export_snapshot(0)),
        version(state.version()),
        size_bytes(state.size_bytes()),
        partitions(state.list_partitions()) {}
  bool operator==(const Picture&) const = default;
  Bytes bytes;
  std::uint64_t version;
  std::uint64_t size_bytes;
  std::vector<PartitionKey> partitions;
};

}  // namespace

TEST_CASE("an export has every entry, partitioned ones with their prefix, sorted by key") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  put_some(orders);
  const auto image = image_of(orders.export_snapshot(kLargestId));
  REQUIRE(image.id == kLargestId);
  REQUIRE(image.entries == kSome);
}

TEST_CASE("the bytes of a small export are these") {
  test::TemporaryDatabase db(Ground::memory);
  auto orders = db->state("orders");
  orders.put("ab", "xyz");
  const std::string expected(
      "\x01\x02\0\0\0\0\0\0"  // id
      "\x01\0\0\0\0\0\0\0"    // count
      "\x02\0\0\0"
      "ab"
      "\x03\0\0\0"
      "xyz",
      29);
  REQUIRE(as_text(orders.export_snapshot(0x201)) == expected);
}

TEST_CASE("an export of a state that is not there is empty, of its checkpoint not_found") {
  test::TemporaryDatabase db(Ground::memory);
  auto orders = db->state("orders");
  REQUIRE(image_of(orders.export_snapshot(3)).entries.empty());
  require_error(ErrorCode::not_found, [&] { orders.export_snapshot(3, true); });
  orders.put("a", "1");
  require_error(ErrorCode::not_found, [&] { orders.export_snapshot(3, true); });
}

TEST_CASE("an export of a checkpoint is that of the state as it was") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  put_some(orders);
  orders.checkpoint(5);
  orders.put("a", "changed");
  orders.remove("z");
  orders.partition({"op", 2, 0}).remove("k");
  orders.partition({"new", 2, 0}).put("k", "new");
  const auto image = image_of(orders.export_snapshot(5, true));
  REQUIRE(image.id == 5);
  REQUIRE(image.entries == kSome);
  REQUIRE(image_of(orders.export_snapshot(5)).entries != kSome);
}

TEST_CASE("two entries with the same prefixed key are a conflict") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  orders.put("op:0:0:k", "flat");
  orders.put("other", "");
  REQUIRE(image_of(orders.export_snapshot(1)).entries.size() == 2);
  orders.partition({"op", 0, 0}).put("k", "partitioned");
  require_error(ErrorCode::conflict, [&] { orders.export_snapshot(1); });
  orders.remove("op:0:0:k");
  REQUIRE(image_of(orders.export_snapshot(1)).entries.size() == 2);
  // Also of two partitions, where an operator's name holds colons.
  orders.partition({"op", 0, 0}).put("x:1:1:k", "");
  orders.partition({"op:0:0:x", 1, 1}).put("k", "");
  require_error(ErrorCode::conflict, [&] { orders.export_snapshot(1); });
}

TEST_CASE("an import replaces the whole content, moves the version by one and keeps checkpoints") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  put_some(orders);
  orders.checkpoint(1);
  const auto version = orders.version();
  const SnapshotImage image{.id = kLargestId, .entries = {{"z", "new"}, {"b", "new"}}};
  REQUIRE(orders.import_snapshot(test::encode(image)) == kLargestId);
  REQUIRE(text(orders.range_scan("")) == "b=new z=new");  // given in another order
  REQUIRE(
      orders.list_partitions() ==
      std::vector<PartitionKey>{{"a", 0, 0}, {"op", 2, 0}, {"op", 10, 0}});  // at the checkpoint
  REQUIRE(orders.version() == version + 1);
  REQUIRE(orders.size_bytes() == 8);
  REQUIRE(orders.stats().entries == 2);
  REQUIRE(image_of(orders.export_snapshot(1, true)).entries == kSome);
  orders.restore(1);
  REQUIRE(image_of(orders.export_snapshot(1)).entries == kSome);
  REQUIRE(test::misplaced_rows(*db) == 0);
}

TEST_CASE("an import into a state that is not there makes it") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  REQUIRE(orders.import_snapshot(test::encode({.id = 9})) == 9);
  REQUIRE(orders.list_states() == std::vector<std::string>{"orders"});
  REQUIRE(orders.version() == 1);
}

TEST_CASE("entries go to declared partitions, the others stay flat") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  const std::string bytes = test::encode({.id = 1, .entries = kSome});
  orders.import_snapshot(bytes, {{"op", 2, 0}, {"never", 0, 0}});
  REQUIRE(text(orders.partition({"op", 2, 0}).range_scan("")) == "k=op 2");
  REQUIRE(orders.stats().entries == kSome.size());
  REQUIRE(orders.range_scan("").size() == kSome.size() - 1);
  REQUIRE(text(orders.get("op:10:0:k")) == "op 10");
  REQUIRE(orders.list_partitions() == std::vector<PartitionKey>{{"op", 2, 0}});
  orders.import_snapshot(bytes, kSomePartitions);
  REQUIRE(orders.list_partitions().size() == 3);
  REQUIRE(text(orders.range_scan("")) == "a= op=flat z=26");
  orders.import_snapshot(bytes);  // none declared: the keys stay as they are
  REQUIRE(orders.list_partitions().empty());
  REQUIRE(test::misplaced_rows(*db) == 0);
}

TEST_CASE("where declared prefixes contain each other, the longest takes the key") {
  test::TemporaryDatabase db(Ground::memory);
  auto orders = db->state("orders");
  const std::string bytes =
      test::encode({.id = 1, .entries = {{"op:0:0:k", "short"}, {"op:0:0:x:1:1:k", "long"}}});
  orders.import_snapshot(bytes, {{"op", 0, 0}, {"op:0:0:x", 1, 1}});
  REQUIRE(text(orders.partition({"op", 0, 0}).range_scan("")) == "k=short");
  REQUIRE(text(orders.partition({"op:0:0:x", 1, 1}).range_scan("")) == "k=long");
}

TEST_CASE("keys and values of any bytes come through export and import") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  auto partition = orders.partition({"op:1", 4294967295U, 0});
  for (const std::string& key : {std::string(),
                                 std::string("\0", 1),
                                 std::string("\xff\xff"),
                                 std::string(kMaxKeyBytes, '\xff'),
                                 std::string("op:1:")}) {
    orders.put(key, "flat");
    partition.put(key, std::string(70'000, 'x') + key);
  }
  const Bytes bytes = orders.export_snapshot(1);
  auto copy = db->state("copy");
  REQUIRE(copy.import_snapshot(bytes, {partition.key()}) == 1);
  REQUIRE(copy.export_snapshot(1) == bytes);
  REQUIRE(text(copy.range_scan("")) == text(orders.range_scan("")));
  REQUIRE(text(copy.partition(partition.key()).range_scan("")) == text(partition.range_scan("")));
  REQUIRE(copy.size_bytes() == orders.size_bytes());
}

TEST_CASE("damaged snapshots are corrupt, and nothing has changed") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  put_some(orders);
  const Picture before(orders);
  const std::string good = test::encode({.id = 1, .entries = kSome});
  const auto refused = [&](const std::string& bytes) {
    require_error(ErrorCode::corrupt, [&] { orders.import_snapshot(bytes, kSomePartitions); });
    REQUIRE(Picture(orders) == before);
  };
  SECTION("truncated anywhere") {
    for (std::size_t size = 0; size < good.size(); ++size)
      refused(good.substr(0, size));
  }
  SECTION("bytes after the end") {
    refused(good + '\0');
    refused(good + good);
  }
  SECTION("a key twice") {
    refused(test::encode({.id = 1, .entries = {{"a", "1"}, {"b", "2"}, {"a", "1"}}}));
  }
  SECTION("counts that the bytes cannot hold") {
    for (const std::uint64_t count : {kLargestId,
                                      kLargestId >> 1,
                                      std::uint64_t{1} << 61,
                                      std::uint64_t{kSome.size() + 1},
                                      std::uint64_t{0}}) {
      refused(good.substr(0, 8) + test::little_endian(count, 8) + good.substr(16));
    }
  }
  SECTION("lengths that the bytes cannot hold") {
    refused(good.substr(0, 16) + test::little_endian(0xffff'ffff, 4) + good.substr(20));
  }
}

TEST_CASE("snapshots with random damage are corrupt, or imported for what they say") {
  test::TemporaryDatabase db(Ground::memory);
  test::Random random;
  INFO(random);
  auto orders = db->state("orders");
  put_some(orders);
  const std::string good = test::encode({.id = 1, .entries = kSome});
  int imported = 0;
  for (int round = 0; round < 2'000; ++round) {
    std::string bytes = good;
    for (std::size_t changes = 1 + random.below(3); changes > 0; --changes) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    }
    const Picture before(orders);
    auto image = test::decode(bytes);
    if (image) {
      std::sort(image->entries.begin(), image->entries.end());
      const auto same_key = [](const auto& a, const auto& b) { return a.first == b.first; };
      const auto twice = std::adjacent_find(image->entries.begin(), image->entries.end(), same_key);
      if (twice != image->entries.end()) image.reset();
    }
    if (!image) {
      require_error(ErrorCode::corrupt, [&] { orders.import_snapshot(bytes, kSomePartitions); });
      REQUIRE(Picture(orders) == before);
      continue;
    }
    REQUIRE(orders.import_snapshot(bytes, kSomePartitions) == image->id);
    REQUIRE(image_of(orders.export_snapshot(0)).entries == image->entries);
    ++imported;
  }
  REQUIRE(imported > 0);
}

TEST_CASE("a snapshot with a key or a value that is too large here is too_large") {
  test::TemporaryDatabase db(Ground::memory, {.max_payload_bytes = 100'000});
  auto orders = db->state("orders");
  orders.put("a", "1");
  const Picture before(orders);
  const std::string longest(kMaxKeyBytes, 'k');
  const auto refused = [&](const Entries& entries) {
    require_error(ErrorCode::too_large,
                  [&] { orders.import_snapshot(test::encode({.id = 1, .entries = entries})); });
    REQUIRE(Picture(orders) == before);
  };
  refused({{"b", ""}, {longest + "k", ""}});
  refused({{"b", std::string(100'001, 'v')}});
  // A key of a partition counts without its prefix.
  orders.import_snapshot(test::encode({.id = 1, .entries = {{"op:0:0:" + longest, ""}}}),
                         {{"op", 0, 0}});
  REQUIRE(orders.partition({"op", 0, 0}).contains(longest));
}

TEST_CASE("a declared partition must have a name that an operator can have") {
  test::TemporaryDatabase db(Ground::memory);
  auto orders = db->state("orders");
  require_error(ErrorCode::invalid_argument, [&] {
    orders.import_snapshot(test::encode({}), {{"", 0, 0}});
  });
  REQUIRE(orders.list_states().empty());
}

TEST_CASE("an import that is rolled back has not happened") {
  test::TemporaryDatabase db(GENERATE(Ground::file, Ground::memory));
  auto orders = db->state("orders");
  put_some(orders);
  const Picture before(orders);
  REQUIRE_THROWS_AS(db->transact([&] {
    orders.import_snapshot(test::encode({.id = 1, .entries = {{"b", ""}}}));
    throw std::runtime_error("no");
  }),
                    std::runtime_error);
  REQUIRE(Picture(orders) == before);
}
