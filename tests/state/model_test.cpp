// Random operations beside a model, with transactions that are rolled back among them.
#include "holdfast/database.hpp"
#include "state/state_model.hpp"
#include "state/state_rows.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace holdfast;
using test::Ground;
using test::require_error;
using test::SnapshotImage;
using test::StateModel;
using test::text;

namespace {

using Place = StateModel::Place;
using Listed = std::vector<std::pair<std::string, std::string>>;

struct RolledBack {};

// Number 0 stands for the flat entries. Their names try to reach each other.
const std::vector<PartitionKey> kPartitions = {
    {}, {"op", 0, 0}, {"op", 0, 1}, {"op:0", 0, 0}, {"op:0:0:a", 0, 0}, {"x", 7, 4294967295U}};

Listed listed(const std::vector<StateEntry>& entries) {
  Listed list;
  for (const StateEntry& entry : entries)
    list.emplace_back(as_text(entry.key), as_text(entry.value));
  return list;
}

class Walk {
 public:
  Walk(Database db, test::Random& random, StateOptions options = {})
      : db_(std::move(db)), options_(std::move(options)), random_(random) {
    prefixes_.emplace_back();
    for (std::size_t i = 1; i < kPartitions.size(); ++i)
      prefixes_.push_back(kPartitions[i].to_prefix());
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      CAPTURE(i);
      step(0);
      check_figures();
      if (writes_back() && random_.one_in(5)) check_committed();
      if (random_.one_in(25)) check_all();
    }
    check_all();
  }

 private:
  StateEntries at(std::size_t partition) {
    if (partition == 0) return state_;
    return state_.partition(kPartitions[partition]);
  }

  // Few keys, so that operations meet; some are another's with its prefix.
  Place place() {
    static const std::vector<std::string> pieces = {
        "", "a", "b", std::string("\0", 1), "\xff", ":", "0:0:", "op:0:0:", "a:0:0:"};
    std::string key = random_.pick(pieces);
    if (random_.one_in(2)) key += random_.pick(pieces);
    return {random_.below(kPartitions.size()), key};
  }
  std::string value() {
    if (random_.one_in(20)) return random_.bytes(64 * 1024 + 1 + random_.below(1000));
    if (random_.one_in(4)) return "{\"a\": " + std::to_string(random_.below(100)) + "}";
    return random_.bytes(random_.below(20));
  }
  std::uint64_t id() {
    if (!model_.checkpoints.empty() && !random_.one_in(4))
      return random_.pick(model_.checkpoints).id;
    return random_.below(12) - 6;  // some are above 2^63
  }

  void step(int depth) {
    using Step = void (Walk::*)();
    static const std::vector<std::pair<std::size_t, Step>> steps = {{30, &Walk::put},
                                                                    {15, &Walk::remove},
                                                                    {8, &Walk::put_batch},
                                                                    {8, &Walk::update},
                                                                    {10, &Walk::checkpoint},
                                                                    {4, &Walk::restore},
                                                                    {6, &Walk::drop},
                                                                    {8, &Walk::read},
                                                                    {8, &Walk::scan},
                                                                    {8, &Walk::read_at},
                                                                    {3, &Walk::export_import},
                                                                    {1, &Walk::remove_all},
                                                                    {4, &Walk::flush}};
    if (random_.one_in(12) && depth < 3) return roll_back_or_commit(depth);
    std::size_t sum = 0;
    for (const auto& weighted : steps)
      sum += weighted.first;
    std::size_t chosen = random_.below(sum);
    for (const auto& weighted : steps) {
      if (chosen < weighted.first) return (this->*weighted.second)();
      chosen -= weighted.first;
    }
  }

  void roll_back_or_commit(int depth) {
    const StateModel before = model_;
    const bool touched_before = touched_;
    const bool commit = random_.one_in(2);
    if (depth == 0) in_transaction_ = true;
    try {
      db_.transact([&] {
        for (std::size_t steps = 1 + random_.below(6); steps > 0; --steps)
          step(depth + 1);
        if (!commit) throw RolledBack();
      });
    } catch (const RolledBack&) {
      model_ = before;
      touched_ = touched_before;
    }
    if (depth > 0) return;
    in_transaction_ = false;
    if (std::exchange(touched_, false)) committed_ = model_;
  }

  bool writes_back() const { return options_.mode == StateMode::write_back; }
  // An operation that reaches the file, or does in the transaction that it is in.
  void reached_file() {
    touched_ = in_transaction_;
    if (!in_transaction_) committed_ = model_;
  }
  // One that stays in memory, unless it is in a transaction.
  void reached_memory() {
    if (in_transaction_ || !writes_back() || std::exchange(committed_by_change_, false))
      reached_file();
  }
  // Changes need room in memory.
  void change(const std::function<void()>& function) {
    try {
      function();
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::full);
      REQUIRE((writes_back() && !in_transaction_));
      db_.transact(function);
      committed_by_change_ = true;
    }
  }
  void flush() {
    state_.flush();
    if (writes_back()) reached_file();
  }

  void put() {
    const Place to = place();
    const std::string bytes = value();
    change([&] { at(to.first).put(to.second, bytes); });
    model_.put(to, bytes);
    reached_memory();
  }
  void remove() {
    const Place from = place();
    bool removed = false;
    change([&] { removed = at(from.first).remove(from.second); });
    REQUIRE(removed == model_.remove(from));
    reached_memory();
  }
  void put_batch() {
    const std::size_t partition = random_.below(kPartitions.size());
    std::vector<std::pair<std::string, std::string>> batch(random_.below(5));
    std::vector<std::pair<BytesView, BytesView>> views;
    for (auto& [key, bytes] : batch) {
      key = place().second;
      bytes = value();
      views.emplace_back(key, bytes);
    }
    change([&] { at(partition).put_batch(views); });
    for (const auto& [key, bytes] : batch)
      model_.put({partition, key}, bytes);
    if (!batch.empty()) reached_memory();
  }
  void update() {
    const Place of = place();
    const auto found = model_.entries.find(of);
    std::optional<std::string> next;
    if (!random_.one_in(3)) next = value();
    const auto decide = [&](const std::optional<Bytes>& now) -> std::optional<Bytes> {
      REQUIRE(now.has_value() == (found != model_.entries.end()));
      if (now) REQUIRE(as_text(*now) == found->second);
      if (!next) return std::nullopt;
      return to_bytes(*next);
    };
    change([&] { at(of.first).update(of.second, decide); });
    if (next) {
      model_.put(of, *next);
    } else {
      model_.remove(of);
    }
    reached_memory();
  }
  void checkpoint() {
    const std::uint64_t chosen = random_.one_in(3) ? id() : random_.next();
    if (model_.checkpoint(chosen)) {
      state_.checkpoint(chosen);
      reached_file();
    } else {
      require_error(ErrorCode::already_exists, [&] { state_.checkpoint(chosen); });
    }
  }
  void restore() {
    const std::uint64_t chosen = id();
    if (const auto dropped = model_.restore(chosen)) {
      REQUIRE(state_.restore(chosen) == *dropped);
      reached_file();
    } else {
      require_error(ErrorCode::not_found, [&] { state_.restore(chosen); });
    }
  }
  void drop() {
    const std::uint64_t chosen = id();
    REQUIRE(state_.drop_checkpoint(chosen) == model_.drop(chosen));
    reached_file();
  }
  void remove_all() {
    if (!random_.one_in(4)) return;  // long histories matter more
    // A state that has an owner is there as long as that.
    const bool was_there =
        writes_back() ? model_.version > 0 || !model_.checkpoints.empty() : model_.exists;
    REQUIRE(state_.remove_all() == was_there);
    model_ = {};
    reached_file();
  }

  void check_value(const std::optional<Bytes>& got,
                   const StateModel::Entries& from,
                   const Place& of) {
    const auto found = from.find(of);
    REQUIRE(got.has_value() == (found != from.end()));
    if (got) REQUIRE(as_text(*got) == found->second);
  }
  void read() {
    const Place first = place();
    const Place second = {first.first, place().second};
    check_value(at(first.first).get(first.second), model_.entries, first);
    REQUIRE(at(second.first).contains(second.second) == (model_.entries.count(second) == 1));
    const auto both = at(first.first).multi_get({first.second, second.second});
    check_value(both[0], model_.entries, first);
    check_value(both[1], model_.entries, second);
    touched_ = in_transaction_;
  }

  // What a scan of this prefix with these options must give.
  static Listed expected(const StateModel::Entries& from,
                         const Place& prefix,
                         const StateScanOptions& options) {
    Listed list;
    for (const auto& [place, value] : from) {
      if (place.first != prefix.first || place.second.rfind(prefix.second, 0) != 0) continue;
      if (options.after && !options.reverse && place.second <= as_text(*options.after)) continue;
      if (options.after && options.reverse && place.second >= as_text(*options.after)) continue;
      list.emplace_back(place.second, value);
    }
    if (options.reverse) std::reverse(list.begin(), list.end());
    if (list.size() > options.limit) list.resize(options.limit);
    return list;
  }
  StateScanOptions scan_options() {
    StateScanOptions options;
    if (random_.one_in(2)) options.limit = random_.below(6);
    options.reverse = random_.one_in(2);
    if (random_.one_in(3)) options.after = to_bytes(place().second);
    return options;
  }
  void scan() {
    const Place prefix = place();
    const auto options = scan_options();
    REQUIRE(listed(at(prefix.first).range_scan(prefix.second, options)) ==
            expected(model_.entries, prefix, options));
    Listed half_open;
    const std::string to = place().second;
    for (const auto& entry : expected(model_.entries, {prefix.first, ""}, {})) {
      if (entry.first >= prefix.second && entry.first < to) half_open.push_back(entry);
    }
    REQUIRE(listed(at(prefix.first).range(prefix.second, BytesView(to))) == half_open);
    touched_ = in_transaction_;
  }
  void read_at() {
    const std::uint64_t chosen = id();
    const auto found = model_.find(chosen);
    if (found == model_.checkpoints.end()) {
      require_error(ErrorCode::not_found, [&] { state_.read_at(chosen); });
      return;
    }
    const StateView view = state_.read_at(chosen);
    const Place of = place();
    const auto options = scan_options();
    const PartitionKey& partition = kPartitions[of.first];
    const bool flat = of.first == 0;
    check_value(flat ? view.get(of.second) : view.get(partition, of.second), found->entries, of);
    REQUIRE(listed(flat ? view.range_scan(of.second, options)
                        : view.range_scan(partition, of.second, options)) ==
            expected(found->entries, of, options));
  }

  void check_export(std::uint64_t chosen, const StateModel::Entries& from, bool of_checkpoint) {
    const auto image = StateModel::image(chosen, from, prefixes_);
    if (!image) {
      require_error(ErrorCode::conflict, [&] { state_.export_snapshot(chosen, of_checkpoint); });
    } else {
      const Bytes bytes = state_.export_snapshot(chosen, of_checkpoint);
      REQUIRE((as_text(bytes) == test::encode(*image)));
    }
  }
  void export_import() {
    check_export(7, model_.entries, false);
    touched_ = in_transaction_;
    StateModel::Entries from = model_.entries;
    if (!model_.checkpoints.empty()) {
      const auto& checkpoint = random_.pick(model_.checkpoints);
      check_export(checkpoint.id, checkpoint.entries, true);
      from = checkpoint.entries;
    }
    const auto image = StateModel::image(9, from, prefixes_);
    if (!image) return;
    std::set<std::size_t> declared;
    std::vector<PartitionKey> partitions;
    for (std::size_t i = 1; i < kPartitions.size(); ++i) {
      if (random_.one_in(3)) continue;
      declared.insert(i);
      partitions.push_back(kPartitions[i]);
    }
    REQUIRE(state_.import_snapshot(test::encode(*image), partitions) == 9);
    model_.import(*image, prefixes_, declared);
    reached_file();
  }

  void check_figures() {
    REQUIRE(state_.version() == model_.version);
    const auto stats = state_.stats();
    REQUIRE(stats.entries == model_.entries.size());
    REQUIRE(stats.size_bytes == StateModel::size_bytes(model_.entries));
    // What a buffer has forgotten again has left no row.
    if (!writes_back())
      REQUIRE(test::undo_rows(db_) == static_cast<std::int64_t>(model_.undo_rows()));
    REQUIRE(test::counted_undo_rows(db_) == test::undo_rows(db_));
  }

  // What another process would see, and what a crash would leave.
  void check_committed() {
    const StateBackend file = db_.state("orders");
    REQUIRE(file.version() == committed_.version);
    REQUIRE(file.stats().entries == committed_.entries.size());
    REQUIRE(file.stats().size_bytes == StateModel::size_bytes(committed_.entries));
    for (std::size_t partition = 0; partition < kPartitions.size(); ++partition) {
      const auto found = partition == 0 ? file.range_scan("")
                                        : file.partition(kPartitions[partition]).range_scan("");
      REQUIRE(listed(found) == expected(committed_.entries, {partition, ""}, {}));
    }
  }

  void check_partitions() {
    std::set<std::string> expected;
    for (const auto& entry : model_.entries)
      expected.insert(prefixes_[entry.first.first]);
    for (const auto& checkpoint : model_.checkpoints) {
      for (const auto& entry : checkpoint.entries)
        expected.insert(prefixes_[entry.first.first]);
    }
    expected.erase("");
    std::set<std::string> found;
    for (const PartitionKey& key : state_.list_partitions())
      found.insert(key.to_prefix());
    REQUIRE(found == expected);
  }

  void check_all() {
    for (std::size_t partition = 0; partition < kPartitions.size(); ++partition) {
      REQUIRE(listed(at(partition).range_scan("")) ==
              expected(model_.entries, {partition, ""}, {}));
    }
    const auto infos = state_.list_checkpoints();
    REQUIRE(infos.size() == model_.checkpoints.size());
    for (std::size_t i = 0; i < infos.size(); ++i) {
      const auto& checkpoint = model_.checkpoints[i];
      REQUIRE(infos[i].id == checkpoint.id);
      REQUIRE(infos[i].version == checkpoint.version);
      REQUIRE(infos[i].entries == checkpoint.entries.size());
      REQUIRE(infos[i].size_bytes == StateModel::size_bytes(checkpoint.entries));
      const StateView view = state_.read_at(checkpoint.id);
      REQUIRE(listed(view.range_scan("")) == expected(checkpoint.entries, {0, ""}, {}));
      for (std::size_t partition = 1; partition < kPartitions.size(); ++partition) {
        REQUIRE(listed(view.range_scan(kPartitions[partition], "")) ==
                expected(checkpoint.entries, {partition, ""}, {}));
      }
    }
    check_partitions();
    REQUIRE(test::misplaced_rows(db_) == 0);
  }

  Database db_;
  StateOptions options_;
  StateBackend state_ = db_.state("orders", options_);
  test::Random& random_;
  StateModel model_;
  StateModel committed_;
  bool in_transaction_ = false;
  bool touched_ = false;  // the state, in the transaction
  bool committed_by_change_ = false;
  std::vector<std::string> prefixes_;
};

}  // namespace

TEST_CASE("a state does what maps with full copies per checkpoint do") {
  const auto ground = GENERATE(Ground::memory, Ground::file);
  test::Random random;
  INFO(random);
  test::TemporaryDatabase db(ground, {.durability = Durability::normal});
  Walk(*db, random).run(ground == Ground::memory ? 5'000 : 800);
}

TEST_CASE("a state in write-back mode does the same, and the file has its last commit") {
  const auto ground = GENERATE(Ground::memory, Ground::file);
  const auto budget = GENERATE(std::uint64_t{1} << 30, std::uint64_t{4'000});
  test::Random random;
  INFO(random);
  test::TemporaryDatabase db(ground, {.durability = Durability::normal});
  Walk(*db, random, {.mode = StateMode::write_back, .memory_budget_bytes = budget})
      .run(ground == Ground::memory ? 4'000 : 600);
}
