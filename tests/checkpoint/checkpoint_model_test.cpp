// Random operations on the store and on a model of it, which is a list per trace.
#include "checkpoint/checkpoint_cases.hpp"
#include "holdfast/error.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <algorithm>
#include <map>
#include <thread>

namespace holdfast {

namespace {

using test::data_of;
using Names = std::vector<std::string>;

class Model {
 public:
  Model(test::TemporaryDatabase& db, test::Random& random) : db_(db), random_(random) {}

  void step() {
    switch (random_.below(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        save();
        break;
      case 5:
      case 6:
        remove();
        break;
      case 7:
        prune();
        break;
      case 8:
        page();
        break;
      default:
        read_one();
    }
  }

  void check() {
    auto store = db_->checkpoints();
    std::size_t total = 0;
    Names traces;
    for (const auto& [trace, blobs] : traces_) {
      Names newest_first;
      for (auto it = blobs.rbegin(); it != blobs.rend(); ++it)
        newest_first.push_back(it->id);
      REQUIRE(store.list(trace) == newest_first);
      REQUIRE(store.size(trace) == blobs.size());
      const auto latest = store.load_latest(trace);
      REQUIRE(latest.has_value() == !blobs.empty());
      if (latest) require_same(*latest, blobs.back());
      if (!blobs.empty()) traces.push_back(trace);
      total += blobs.size();
    }
    REQUIRE(store.list_traces() == traces);
    REQUIRE(store.size() == total);
  }

 private:
  using Blobs = std::vector<CheckpointBlob>;

  std::string any_trace() { return "trace " + std::to_string(random_.below(3)); }
  std::string any_id() { return "id " + std::to_string(random_.below(24)); }
  std::size_t any_size() { return random_.one_in(20) ? 100'000 : random_.below(300); }

  static Blobs::iterator find(Blobs& blobs, const std::string& id) {
    return std::find_if(
        blobs.begin(), blobs.end(), [&](const auto& blob) { return blob.id == id; });
  }
  std::string owner_of(const std::string& id) {
    for (auto& [trace, blobs] : traces_) {
      if (find(blobs, id) != blobs.end()) return trace;
    }
    return {};
  }
  static void require_same(const CheckpointBlob& found, const CheckpointBlob& expected) {
    REQUIRE(found.id == expected.id);
    REQUIRE(found.data == expected.data);
    REQUIRE(found.graph_hash == expected.graph_hash);
    REQUIRE(found.created_at_ns == expected.created_at_ns);
  }

  void save() {
    const std::string trace = any_trace();
    const CheckpointBlob blob{.id = any_id(),
                              .data = to_bytes(random_.bytes(any_size())),
                              .graph_hash = random_.next(),
                              .created_at_ns = static_cast<std::int64_t>(random_.next())};
    const std::string owner = owner_of(blob.id);
    if (!owner.empty() && owner != trace) {
      test::require_error(ErrorCode::conflict, [&] { db_->checkpoints().save(trace, blob); });
      return;
    }
    db_->checkpoints().save(trace, blob);
    Blobs& blobs = traces_[trace];
    if (!owner.empty()) blobs.erase(find(blobs, blob.id));
    blobs.push_back(blob);
  }

  void remove() {
    const std::string id = any_id();
    const std::string owner = owner_of(id);
    REQUIRE(db_->checkpoints().remove(id) == !owner.empty());
    if (!owner.empty()) traces_[owner].erase(find(traces_[owner], id));
  }

  void prune() {
    const std::string trace = any_trace();
    Blobs& blobs = traces_[trace];
    const std::size_t keep = random_.below(8);
    const std::size_t excess = blobs.size() > keep ? blobs.size() - keep : 0;
    REQUIRE(db_->checkpoints().prune(trace, keep) == excess);
    blobs.erase(blobs.begin(), blobs.begin() + static_cast<std::ptrdiff_t>(excess));
  }

  void page() {
    const std::string trace = any_trace();
    Blobs& blobs = traces_[trace];
    if (blobs.empty()) return;
    const std::size_t at = random_.below(blobs.size());
    const std::size_t limit = random_.below(4);
    Names expected;
    for (std::size_t i = at; i > 0 && expected.size() < limit;)
      expected.push_back(blobs[--i].id);
    REQUIRE(db_->checkpoints().list(trace, {.limit = limit, .before = blobs[at].id}) == expected);
  }

  void read_one() {
    const std::string id = any_id();
    const std::string owner = owner_of(id);
    const auto found = db_->checkpoints().load(id);
    REQUIRE(found.has_value() == !owner.empty());
    if (found) require_same(*found, *find(traces_[owner], id));
  }

  test::TemporaryDatabase& db_;
  test::Random& random_;
  std::map<std::string, Blobs> traces_;
};

}  // namespace

TEST_CASE("random operations leave what a list per trace would hold", "[checkpoint]") {
  test::Random random;
  INFO(random);
  test::TemporaryDatabase db(test::any_ground(), {.durability = Durability::normal});
  Model model(db, random);
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 15; ++i)
      model.step();
    model.check();
    if (db.ground() == test::Ground::file && random.one_in(10)) db.reopen();
  }
}

TEST_CASE("saves, prunes and reads of several threads leave every trace whole", "[checkpoint]") {
  test::TemporaryDatabase db(test::any_ground(), {.durability = Durability::normal});
  constexpr std::size_t kThreads = 4;
  constexpr int kSaves = 60;
  constexpr std::size_t kKept = 3;
  std::vector<std::thread> threads;
  std::vector<std::string> failures(kThreads);
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      auto store = db->checkpoints();
      // Two threads to a trace: what one prunes, the other must not miss.
      const std::string trace = "t" + std::to_string(thread % 2);
      for (int i = 0; i < kSaves; ++i) {
        const std::string id = std::to_string(thread) + "-" + std::to_string(i);
        store.save(trace, test::blob(id, id));
        store.prune(trace, kKept);
        const auto latest = store.load_latest(trace);
        if (!latest || as_text(latest->data) != latest->id) failures[thread] = "latest at " + id;
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
  CHECK(failures == std::vector<std::string>(kThreads));
  auto store = db->checkpoints();
  for (const char* trace : {"t0", "t1"}) {
    CHECK(store.list(trace).size() == kKept);
    CHECK(store.size(trace) == kKept);
  }
}

TEST_CASE("saves of one thread keep their order among those of others", "[checkpoint]") {
  test::TemporaryDatabase db(test::any_ground(), {.durability = Durability::normal});
  constexpr int kThreads = 4;
  constexpr int kSaves = 50;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&db, thread] {
      for (int i = 100; i < 100 + kSaves; ++i) {
        db->checkpoints().save("t", test::blob(std::to_string(thread) + std::to_string(i), ""));
      }
    });
  }
  for (auto& thread : threads)
    thread.join();

  Names ids = db->checkpoints().list("t");
  REQUIRE(ids.size() == kThreads * kSaves);
  std::reverse(ids.begin(), ids.end());
  for (char thread = '0'; thread < '0' + kThreads; ++thread) {
    Names own;
    for (const auto& id : ids) {
      if (id.front() == thread) own.push_back(id);
    }
    CHECK(own.size() == kSaves);
    CHECK(std::is_sorted(own.begin(), own.end()));
  }
}

TEST_CASE("two handles on one file see each other's saves at once", "[checkpoint]") {
  test::TemporaryDatabase db;
  Database second = Database::open(db.file());
  db->checkpoints().save("t", test::blob("a", "1"));
  CHECK(data_of(second.checkpoints().load_latest("t")) == "1");
  second.checkpoints().save("t", test::blob("b", "2"));
  CHECK(data_of(db->checkpoints().load_latest("t")) == "2");
  CHECK(second.checkpoints().prune("t", 1) == 1);
  CHECK(db->checkpoints().list("t") == Names{"b"});
  second.close();
}

}  // namespace holdfast
