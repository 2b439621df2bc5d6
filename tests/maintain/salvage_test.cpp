#include "holdfast/maintain.hpp"
#include "maintain/everything.hpp"
#include "support/catch.hpp"
#include "support/full_database.hpp"
#include "support/plain_sqlite.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/source_files.hpp"
#include "support/temporary_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace holdfast;
namespace fs = std::filesystem;

namespace {

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::string text_of(const SalvageReport& report) {
  std::string text;
  for (const auto& loss : report.losses) {
    text += loss.owner + ": " + loss.things + " " + std::to_string(loss.kept) + " of " +
            std::to_string(loss.expected) + ": " + loss.what + "\n";
  }
  for (const auto& finding : report.findings)
    text += finding.place + ": " + finding.what + "\n";
  return text;
}

const std::string kRemoved = "REMOVED";

// More than one page of everything, and much that was there and has gone: nothing of it may come back.
void fill_and_remove(Database& db) {
  test::fill(db);
  for (int i = 0; i < 60; ++i) {
    const std::string n = std::to_string(i);
    const std::string text = "{\"n\":" + n + ",\"text\":\"" + std::string(150, 'x') + "\"}";
    db.checkpoints().save("trace-3", {"e" + n, to_bytes(text), 1, i});
    db.sessions().append("session-3", "long", text);
    db.sessions().append("session-4", "cut", text);
    db.runs().append("run-3", {text});
    if (i % 10 == 0) db.runs().save_snapshot({"run-3", static_cast<std::uint64_t>(i), to_bytes(n)});
    db.state("carts").put("key-" + n, "first " + text);
    db.manifests("many").save_with_state(
        Manifest(static_cast<std::uint64_t>(i) + 1, static_cast<std::uint64_t>(i) + 1, 1),
        {"state " + n});
  }
  for (int i = 0; i < 60; ++i)
    db.state("carts").put("key-" + std::to_string(i), "second " + std::to_string(i));
  db.sessions().truncate("session-4", "cut", 3);
  db.checkpoints().prune("trace-3", 20);
  db.manifests("many").prune(10);
  for (int i = 0; i < 60; i += 2)
    db.state("carts").remove("key-" + std::to_string(i));
  // Whole pages of rows that go last: nobody writes over them.
  for (int i = 0; i < 200; ++i)
    db.state("gone").put("key-" + std::to_string(i), kRemoved + std::string(100, 'x'));
  db.state("gone").remove_all();
}

// A database of which the bytes are known, for one test after another to damage.
class Original {
 public:
  explicit Original(std::uint32_t page_bytes = 4096) : page_bytes_(page_bytes) {
    auto db = Database::open(file_, {.durability = Durability::normal, .page_bytes = page_bytes});
    fill_and_remove(db);
    everything_ = test::everything_in(db);
    store_id_ = db.store_id();
    incarnation_ = db.incarnation();
    token_ = db.leases().find("leader").value().token;
    db.close();
    bytes_ = test::read_file(file_);
  }

  const std::string& bytes() const { return bytes_; }
  const test::Everything& everything() const { return everything_; }
  const std::string& store_id() const { return store_id_; }
  const std::string& incarnation() const { return incarnation_; }
  std::uint64_t token() const { return token_; }
  std::size_t page_bytes() const { return page_bytes_; }
  std::size_t pages() const { return bytes_.size() / page_bytes_; }

 private:
  test::TemporaryFolder folder_;
  std::string file_ = folder_.file("original");
  std::uint32_t page_bytes_;
  std::string bytes_;
  test::Everything everything_;
  std::string store_id_;
  std::string incarnation_;
  std::uint64_t token_ = 0;
};

struct Outcome {
  SalvageReport report = {};
  test::Everything everything = {};
  std::size_t missing = 0;  // of what the original has
};

// Salvages these bytes, and requires what holds of every salvage: the damaged file is as it was, the
// new one is sound, all that it has is the original's, and what it has not is told.
Outcome salvage_bytes(const Original& original, const std::string& damaged) {
  const test::TemporaryFolder folder;
  write_file(folder.file("damaged"), damaged);
  Outcome outcome;
  outcome.report = salvage(folder.file("damaged"), folder.file("new"));
  INFO(text_of(outcome.report));
  REQUIRE(test::read_file(folder.file("damaged")) == damaged);
  const Database db = Database::open(folder.file("new"), {.create = false});
  REQUIRE(verify(db).sound());
  REQUIRE(db.incarnation() != original.incarnation());
  outcome.everything = test::everything_in(db);
  for (const auto& [place, value] : outcome.everything) {
    INFO(place);
    const auto found = original.everything().find(place);
    REQUIRE(found != original.everything().end());
    REQUIRE(found->second == value);
  }
  outcome.missing = original.everything().size() - outcome.everything.size();
  REQUIRE((outcome.missing == 0 || !outcome.report.whole()));
  return outcome;
}

}  // namespace

TEST_CASE("of a sound file salvage keeps everything, under its id and a new incarnation") {
  const auto page_bytes = GENERATE(512U, 4096U, 65'536U);
  const Original original(page_bytes);
  const Outcome outcome = salvage_bytes(original, original.bytes());
  INFO(text_of(outcome.report));
  REQUIRE(outcome.missing == 0);
  REQUIRE(outcome.report.whole());
  REQUIRE(outcome.report.findings.empty());
}

TEST_CASE("wherever bytes are flipped, salvage keeps only what is right, and tells what is lost") {
  test::Random random;
  INFO(random);
  const Original original(GENERATE(512U, 4096U));
  std::size_t missing = 0;
  constexpr int kCases = 60;
  for (int round = 0; round < kCases; ++round) {
    std::string damaged = original.bytes();
    const std::size_t flips = 1 + random.below(8);
    for (std::size_t flip = 0; flip < flips; ++flip) {
      damaged[random.below(damaged.size())] ^= static_cast<char>(1U << random.below(8));
    }
    INFO("round " << round);
    missing += salvage_bytes(original, damaged).missing;
  }
  // A flipped bit costs what it is in, and no more: mostly a large payload.
  INFO("missing in all: " << missing);
  REQUIRE(missing < kCases * original.everything().size() / 20);
}

TEST_CASE("whatever page is lost, salvage keeps what stands on the others") {
  test::Random random;
  INFO(random);
  const Original original(4096);
  // All that hold rows; of those behind them, which hold the large payloads, some.
  constexpr std::size_t kPagesOfRows = 56;
  for (std::size_t page = 0; page < original.pages(); page += page < kPagesOfRows ? 1 : 9) {
    std::string damaged = original.bytes();
    const std::size_t at = page * original.page_bytes();
    const std::string garbage = random.bytes(original.page_bytes());
    damaged.replace(
        at, garbage.size(), page % 2 == 0 ? garbage : std::string(garbage.size(), '\0'));
    INFO("page " << page + 1);
    const Outcome outcome = salvage_bytes(original, damaged);
    // The records of all segments stand on one page here: what is under them goes with it.
    REQUIRE(outcome.missing < original.everything().size() / 2);
  }
}

TEST_CASE("of a file that was cut off, salvage keeps what is left, whatever the length") {
  test::Random random;
  INFO(random);
  const Original original;
  for (int round = 0; round < 40; ++round) {
    // The tables' roots stand in the first fifty pages; without them there is nothing to go by.
    const std::size_t first = 50 * original.page_bytes();
    const std::size_t length = first + random.below(original.bytes().size() - first);
    INFO("length " << length);
    const Outcome outcome = salvage_bytes(original, original.bytes().substr(0, length));
    REQUIRE_FALSE(outcome.report.whole());
  }
}

TEST_CASE("without its header, its schema or its pointer map a file is salvaged all the same") {
  const Original original(GENERATE(512U, 4096U));
  std::string damaged = original.bytes();
  SECTION("the header") {
    damaged.replace(0, 100, std::string(100, '\0'));
  }
  SECTION("the size of pages") {
    damaged[17] ^= 0x20;
  }
  SECTION("the version of the schema") {
    damaged[63] = 99;
  }
  SECTION("the application id") {
    damaged[70] = 0;
  }
  SECTION("the whole first page") {
    damaged.replace(0, original.page_bytes(), std::string(original.page_bytes(), '\xee'));
  }
  SECTION("the first page of the pointer map") {
    damaged.replace(
        original.page_bytes(), original.page_bytes(), std::string(original.page_bytes(), '\0'));
  }
  const Outcome outcome = salvage_bytes(original, damaged);
  INFO(text_of(outcome.report));
  REQUIRE(outcome.missing == 0);
}

TEST_CASE("what was removed does not come back, though its bytes are still in the file") {
  const Original original;
  REQUIRE(original.bytes().find(kRemoved) != std::string::npos);
  const std::size_t page = original.page_bytes();
  for (std::size_t map = page; map < original.bytes().size(); map += 820 * page) {
    // Nor where the map of pages is damaged.
    for (std::size_t at = 0; at < 5 * original.pages() && at < page; at += 35) {
      std::string damaged = original.bytes();
      damaged[map + at] ^= 0x04;
      for (const auto& [place, value] : salvage_bytes(original, damaged).everything)
        REQUIRE(value.find(kRemoved) == std::string::npos);
    }
  }
}

TEST_CASE("a log with a hole keeps the entries before it, and the report says which") {
  const Original original;
  const test::TemporaryFolder folder;
  write_file(folder.file("damaged"), original.bytes());
  test::PlainSqlite(folder.file("damaged"))
      .run(
          "UPDATE log_entry SET payload = '[' || payload || '0000]' WHERE entry_key ="
          " (SELECT (node_key << 32) + 42 FROM segment WHERE name = 'long');"
          "DELETE FROM log_entry WHERE entry_key ="
          " (SELECT (node_key << 32) + 51 FROM run WHERE name = 'run-3')");
  const Outcome outcome = salvage_bytes(original, test::read_file(folder.file("damaged")));
  INFO(text_of(outcome.report));
  REQUIRE(outcome.everything.contains("segment session-3/long/40"));
  REQUIRE_FALSE(outcome.everything.contains("segment session-3/long/41"));
  REQUIRE_FALSE(outcome.everything.contains("segment session-3/long/42"));
  REQUIRE(outcome.report.losses.size() == 2);
  const SalvageLoss& segment = outcome.report.losses.at(0);
  REQUIRE(segment.owner == "session session-3 segment long");
  REQUIRE(segment.things == "entries");
  REQUIRE(segment.kept == 41);
  REQUIRE(segment.expected == 60);
  REQUIRE(segment.what ==
          "0..40 kept; 41 is damaged or missing; 18 readable ones behind it were left out");
  const SalvageLoss& run = outcome.report.losses.at(1);
  REQUIRE(run.owner == "run run-3");
  REQUIRE(run.kept == 50);
  REQUIRE(outcome.everything.contains("snapshot run-3/50"));
}

TEST_CASE("one wrong byte of a row is put right by the row's digest") {
  const Original original;
  std::string damaged = original.bytes();
  // An owner's record, upon which all that it owns depends.
  const auto at = damaged.find("session-3");
  REQUIRE(at != std::string::npos);
  damaged[at + 3] = '?';
  const Outcome outcome = salvage_bytes(original, damaged);
  INFO(text_of(outcome.report));
  REQUIRE(outcome.missing == 0);
}

TEST_CASE("counts and chains that are wrong are made anew, and what they belong to is kept") {
  const Original original;
  const test::TemporaryFolder folder;
  write_file(folder.file("damaged"), original.bytes());
  SECTION("a checkpoint is gone") {
    test::PlainSqlite(folder.file("damaged")).run("DELETE FROM checkpoint WHERE name = 'c2'");
  }
  SECTION("a snapshot is gone") {
    test::PlainSqlite(folder.file("damaged")).run("DELETE FROM snapshot WHERE at_seq = 7");
  }
  SECTION("a manifest is gone, with its state") {
    test::PlainSqlite(folder.file("damaged"))
        .run(
            "DELETE FROM manifest WHERE checkpoint_id = 2; DELETE FROM manifest_state WHERE"
            " checkpoint_id = 2");
  }
  SECTION("an entry of a state is gone, which no checkpoint needs") {
    test::PlainSqlite(folder.file("damaged"))
        .run("DELETE FROM state_entry WHERE key = x'6e65776572'");
  }
  const Outcome outcome = salvage_bytes(original, test::read_file(folder.file("damaged")));
  INFO(text_of(outcome.report));
  REQUIRE(outcome.missing == 1);
  REQUIRE(outcome.report.losses.size() == 1);
}

TEST_CASE("a checkpoint of a state that needs a lost row goes, the others stay") {
  const Original original;
  const test::TemporaryFolder folder;
  write_file(folder.file("damaged"), original.bytes());
  // What checkpoint 9 keeps of key b; checkpoint 10 has a later one.
  test::PlainSqlite(folder.file("damaged"))
      .run("DELETE FROM state_undo WHERE key = x'63' AND interval = 2");
  const Outcome outcome = salvage_bytes(original, test::read_file(folder.file("damaged")));
  INFO(text_of(outcome.report));
  REQUIRE(outcome.missing == 1);
  REQUIRE_FALSE(outcome.everything.contains("state orders@9"));
  REQUIRE(outcome.everything.contains("state orders@10"));
}

TEST_CASE("rows that go on on overflow pages are salvaged, however many stand on one page") {
  const test::TemporaryFolder folder;
  {
    auto db = Database::open(folder.file("file"), {.page_bytes = 512});
    const std::string entry = "\"" + std::string(3000, 'x') + "\"";
    db.sessions().append_all("session", "segment", std::vector<std::string>(50, entry));
  }
  const SalvageReport report = salvage(folder.file("file"), folder.file("new"));
  INFO(text_of(report));
  REQUIRE(report.whole());
}
