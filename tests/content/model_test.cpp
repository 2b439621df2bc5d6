// Large payloads of every store against a model in memory: saved, edited, copied, pruned, removed; byte for
// byte what was given, and after each round no chunk too many and none too few.

#include "holdfast/maintain.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/temporary_database.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace holdfast {
namespace {

constexpr int kRounds = 40;
constexpr int kStepsPerRound = 25;
constexpr std::size_t kMaxBytes = 400'000;

class Model {
 public:
  explicit Model(test::Random& random) : random_(random) {}

  void step() {
    switch (random_.below(12)) {
      case 0:
        return save_checkpoint(random_.below(3), fresh());
      case 1:
      case 2:
      case 3:
        return save_checkpoint(random_.below(3), variant());
      case 4:
        return prune_checkpoints(random_.below(3));
      case 5:
        return remove_checkpoint();
      case 6:
        return put(random_.below(5), variant());
      case 7:
        return put(random_.below(5), random_.one_in(4) ? fresh() : variant());
      case 8:
        return remove_value(random_.below(5));
      case 9:
        return append(variant());
      case 10:
        return save_snapshot(variant());
      default:
        return roll_back(variant());
    }
  }

  void check() {
    for (const auto& [trace, checkpoints] : traces_) {
      for (const auto& [id, data] : checkpoints)
        require_same(db_->checkpoints().load(id).value().data, data);
    }
    for (const auto& [key, value] : values_)
      require_same(db_->state("s").get(key).value(), value);
    check_entries();
    for (const auto& [at_seq, state] : snapshots_)
      require_same(db_->runs().load_at("run", at_seq).value().state, state);
    const VerifyReport report = verify(*db_);
    for (const Finding& finding : report.findings)
      FAIL(finding.place << ": " << finding.what);
  }

  void reopen() {
    db_.close();
    db_.reopen();
  }

  void remove_all() {
    for (std::size_t trace = 0; trace < 3; ++trace)
      db_->checkpoints().remove_trace(trace_name(trace));
    db_->runs().prune("run", 0);
    for (const auto& [key, value] : values_)
      db_->state("s").remove(key);
    for (const StateCheckpointInfo& checkpoint : db_->state("s").list_checkpoints())
      db_->state("s").drop_checkpoint(checkpoint.id);
    db_->sessions().remove_session("session");
    REQUIRE(verify(*db_).sound());
    db_.close();
    REQUIRE(test::PlainSqlite(db_.file())
                .integer("SELECT (SELECT count(*) FROM content) + (SELECT count(*) FROM chunk)"
                         " + (SELECT count(*) FROM chunk_data)") == 0);
  }

 private:
  void check_entries() {
    if (entries_.empty()) return;  // the first append makes the log
    std::size_t position = 0;
    for (const LogEntry& entry : db_->sessions().read_all("session", "log"))
      require_same(entry.data, entries_.at(position++));
    REQUIRE(position == entries_.size());
  }

  static std::string trace_name(std::size_t trace) { return "trace " + std::to_string(trace); }

  static void require_same(BytesView actual, const std::string& expected) {
    // Not REQUIRE: half a megabyte is no message.
    if (as_text(actual) != expected) FAIL("a payload is not what was given");
  }

  std::string fresh() {
    const std::size_t size = 1 + random_.below(kMaxBytes);
    std::string bytes;
    switch (random_.below(4)) {
      case 0:
        bytes = random_.bytes(size);
        break;
      case 1:
        bytes.assign(size, 'z');
        break;
      default:
        while (bytes.size() < size)
          bytes += "item " + std::to_string(random_.below(10'000)) + ": nothing new\n";
    }
    return remember(bytes);
  }

  // Something like what was saved before.
  std::string variant() {
    if (recent_.empty()) return fresh();
    std::string bytes = random_.pick(recent_);
    for (std::size_t edits = random_.below(6); edits > 0; --edits) {
      const std::size_t at = random_.below(bytes.size() + 1);
      switch (random_.below(4)) {
        case 0:
          bytes.insert(at, random_.bytes(random_.below(100)));
          break;
        case 1:
          bytes.erase(at, random_.below(5000));
          break;
        case 2:
          bytes += random_.bytes(random_.below(8000));
          break;
        default:
          bytes.replace(at, std::min<std::size_t>(8, bytes.size() - at), random_.bytes(8));
      }
    }
    return remember(bytes);
  }

  std::string remember(std::string bytes) {
    if (bytes.size() > kMaxBytes) bytes.resize(kMaxBytes);
    if (bytes.empty()) bytes = "x";
    recent_.push_back(bytes);
    if (recent_.size() > 8) recent_.erase(recent_.begin());
    return bytes;
  }

  void save_checkpoint(std::size_t trace, const std::string& data) {
    auto& checkpoints = traces_[trace];
    std::string id = "c" + std::to_string(++last_id_);
    if (!checkpoints.empty() && random_.one_in(5)) {  // again
      const auto again =
          checkpoints.begin() + static_cast<std::ptrdiff_t>(random_.below(checkpoints.size()));
      id = again->first;
      checkpoints.erase(again);
    }
    db_->checkpoints().save(trace_name(trace), {.id = id, .data = to_bytes(data)});
    checkpoints.emplace_back(id, data);
  }

  void prune_checkpoints(std::size_t trace) {
    auto& checkpoints = traces_[trace];
    const std::size_t keep = random_.below(checkpoints.size() + 1);
    db_->checkpoints().prune(trace_name(trace), keep);
    checkpoints.erase(checkpoints.begin(), checkpoints.end() - static_cast<std::ptrdiff_t>(keep));
  }

  void remove_checkpoint() {
    auto& checkpoints = traces_[random_.below(3)];
    if (checkpoints.empty()) return;
    const std::size_t at = random_.below(checkpoints.size());
    REQUIRE(db_->checkpoints().remove(checkpoints[at].first));
    checkpoints.erase(checkpoints.begin() + static_cast<std::ptrdiff_t>(at));
  }

  void put(std::size_t key, const std::string& value) {
    db_->state("s").put(std::to_string(key), value);
    values_[std::to_string(key)] = value;
    if (random_.one_in(6)) db_->state("s").checkpoint(++last_id_);
  }

  void remove_value(std::size_t key) {
    REQUIRE(db_->state("s").remove(std::to_string(key)) ==
            (values_.erase(std::to_string(key)) == 1));
    const auto checkpoints = db_->state("s").list_checkpoints();
    if (checkpoints.size() > 2) db_->state("s").drop_checkpoint(checkpoints.back().id);
  }

  void append(const std::string& data) {
    db_->sessions().append_all("session", "log", {data}, {.codec = "raw"});
    entries_.push_back(data);
    if (entries_.size() < 6) return;
    entries_.resize(2);
    db_->sessions().truncate("session", "log", 2);
  }

  void save_snapshot(const std::string& state) {
    const std::uint64_t at_seq = random_.below(20);
    db_->runs().save_snapshot({.run = "run", .at_seq = at_seq, .state = to_bytes(state)});
    snapshots_[at_seq] = state;
    if (snapshots_.size() < 5) return;
    db_->runs().prune("run", 2);
    while (snapshots_.size() > 2)
      snapshots_.erase(snapshots_.begin());
  }

  // Several of these in one transaction that fails.
  void roll_back(const std::string& data) {
    struct Stop {};
    try {
      db_->transact([&] {
        db_->checkpoints().save(trace_name(0), {.id = "lost", .data = to_bytes(data)});
        db_->state("s").put("0", data);
        db_->checkpoints().prune(trace_name(0), 1);
        throw Stop();
      });
    } catch (const Stop&) {
    }
  }

  test::Random& random_;
  test::TemporaryDatabase db_;
  std::vector<std::string> recent_;
  std::map<std::size_t, std::vector<std::pair<std::string, std::string>>> traces_;
  std::map<std::string, std::string> values_;
  std::vector<std::string> entries_;
  std::map<std::uint64_t, std::string> snapshots_;
  std::uint64_t last_id_ = 0;
};

}  // namespace

TEST_CASE("a thousand random saves, edits, copies and prunes of large payloads lose nothing") {
  test::Random random;
  INFO(random);
  Model model(random);
  for (int round = 0; round < kRounds; ++round) {
    for (int step = 0; step < kStepsPerRound; ++step)
      model.step();
    model.check();
    if (random.one_in(10)) model.reopen();
  }
  model.remove_all();
}

}  // namespace holdfast
