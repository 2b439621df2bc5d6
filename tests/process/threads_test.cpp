// Every public operation from many threads at once on one file: single calls, functions, batches, tickets and
// reads of one instant, on a few names that all of them use. Bounded by the number of operations; made to run under
// the thread sanitizer.
#include "harness/dump.hpp"
#include "harness/scale.hpp"
#include "holdfast/interchange.hpp"
#include "holdfast/maintain.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/temporary_folder.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <iostream>
#include <set>
#include <span>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace holdfast;
using test::Random;

namespace {

constexpr std::size_t kThreads = 8;
constexpr std::size_t kOperations = 150'000;  // of all threads, at full
constexpr std::size_t kAccounts = 6;

// What an operation is given: the file, chance, and a name that it shares with other threads.
struct Input {
  Database& db;
  Random& random;
  std::string name;
  const test::TemporaryFolder& folder;

  [[nodiscard]] std::uint64_t number() const { return 1 + random.below(6); }
  [[nodiscard]] std::string json() const {
    const std::size_t bytes = random.one_in(40) ? 90'000 : random.below(300);
    return R"({"kind":"k","turn_count":)" + std::to_string(number()) + R"(,"pad":")" +
           std::string(bytes, 'x') + R"("})";
  }
  [[nodiscard]] StateBackend state() const { return db.state("state-" + name); }
  [[nodiscard]] StatePartition partition() const {
    return state().partition({name, 0, static_cast<std::uint32_t>(number())});
  }
  [[nodiscard]] ManifestStore manifests() const { return db.manifests("stream-" + name); }
  [[nodiscard]] std::string key() const { return "key " + std::to_string(number()); }
};
using Operation = std::function<void(Input&)>;
using Operations = std::vector<Operation>;

const Operations kReads{
    [](Input& in) { in.db.checkpoints().load(in.name); },
    [](Input& in) { in.db.checkpoints().load_latest(in.name); },
    [](Input& in) { in.db.checkpoints().recover_latest(in.name); },
    [](Input& in) { in.db.checkpoints().list(in.name); },
    [](Input& in) { in.db.checkpoints().info(in.name); },
    [](Input& in) { in.db.checkpoints().list_traces(); },
    [](Input& in) { in.db.checkpoints().size(in.name); },
    [](Input& in) { in.db.checkpoints().empty(); },
    [](Input& in) { in.db.sessions().exists(in.name, in.name); },
    [](Input& in) { in.db.runs().head(in.name); },
    [](Input& in) { in.manifests().list_ids(); },
    [](Input& in) { in.partition().contains(in.key()); },
    [](Input& in) { in.state().size_bytes(); },
    [](Input& in) { in.state().version(); },
    [](Input& in) { in.db.leases().find(in.name); },
    [](Input& in) { in.db.sessions().read_all(in.name, in.name); },
    [](Input& in) { in.db.sessions().read(in.name, in.name, 1, 3); },
    [](Input& in) { in.db.sessions().tail(in.name, in.name, 3); },
    [](Input& in) { in.db.sessions().for_each(in.name, in.name, [](const LogEntry&) {}); },
    [](Input& in) { in.db.sessions().read_entry_count(in.name, in.name); },
    [](Input& in) { in.db.sessions().info(in.name); },
    [](Input& in) { in.db.sessions().lookup_session_of(in.name); },
    [](Input& in) { in.db.sessions().list_sessions(); },
    [](Input& in) { in.db.sessions().list_segments(in.name); },
    [](Input& in) { in.db.sessions().read_trace(in.name, in.name); },
    [](Input& in) { in.db.sessions().pods().list_names(); },
    [](Input& in) { in.db.sessions().pods().read_by_name(in.name); },
    [](Input& in) { in.db.runs().scan(in.name); },
    [](Input& in) { in.db.runs().for_each(in.name, 1, [](const LogEntry&) {}); },
    [](Input& in) { in.db.runs().load_latest(in.name); },
    [](Input& in) { in.db.runs().load_at(in.name, in.number()); },
    [](Input& in) { in.db.runs().recover_latest(in.name); },
    [](Input& in) { in.db.runs().list(in.name); },
    [](Input& in) { in.db.runs().info(in.name); },
    [](Input& in) { in.db.runs().list_runs(); },
    [](Input& in) { in.manifests().load_latest(); },
    [](Input& in) { in.manifests().load_by_id(in.number()); },
    [](Input& in) { in.manifests().load_state_data(in.number()); },
    [](Input& in) { in.manifests().list(); },
    [](Input& in) { in.manifests().validate_checkpoint(in.number()); },
    [](Input& in) { in.manifests().recover_latest_validated(); },
    [](Input& in) { in.manifests().export_json(in.number()); },
    [](Input& in) { in.manifests().state_checksum(in.number()); },
    [](Input& in) { in.manifests().list_streams(); },
    [](Input& in) { in.partition().get(in.key()); },
    [](Input& in) {
      in.state().multi_get({in.key(), in.key()});
    },
    [](Input& in) { in.state().range_scan("key"); },
    [](Input& in) { in.state().range("key 1", BytesView("key 4"), {.reverse = true}); },
    [](Input& in) { in.state().for_each("", [](const StateEntry&) {}); },
    [](Input& in) { in.state().list_partitions(); },
    [](Input& in) { in.state().list_checkpoints(); },
    [](Input& in) { in.state().read_at(in.number()).range_scan(""); },
    [](Input& in) { in.state().export_snapshot(in.number(), true); },
    [](Input& in) { in.state().stats(); },
    [](Input& in) { in.state().list_states(); },
    [](Input& in) { in.db.leases().list(); },
    [](Input& in) { in.db.statistics(); },
    [](Input& in) { info(in.db); },
    [](Input& in) { storage_by_owner(in.db, 3); },
};

const Operations kWrites{
    [](Input& in) {
      in.db.checkpoints().save(in.name, {in.name, to_bytes(in.json()), in.number(), 1});
    },
    [](Input& in) { in.db.checkpoints().save(in.name, {.id = in.name + in.key()}); },
    [](Input& in) { in.db.checkpoints().remove(in.name + in.key()); },
    [](Input& in) { in.db.checkpoints().prune(in.name, in.number()); },
    [](Input& in) { in.db.checkpoints().remove_trace(in.name); },
    [](Input& in) { in.db.sessions().append(in.name, in.name, in.json()); },
    [](Input& in) {
      in.db.sessions().append_all(in.name, in.name, {in.json(), in.json()});
    },
    [](Input& in) {
      in.db.sessions().append(in.name, in.name, in.json(), {.expected_count = in.number()});
    },
    [](Input& in) { in.db.sessions().create_segment(in.name, in.name + in.key(), {in.json()}); },
    [](Input& in) { in.db.sessions().truncate(in.name, in.name, in.number()); },
    [](Input& in) { in.db.sessions().set_metadata(in.name, in.name, R"({"a":1})"); },
    [](Input& in) { in.db.sessions().append_trace(in.name, in.name, in.json()); },
    [](Input& in) { in.db.sessions().remove_segment(in.name, in.name + in.key()); },
    [](Input& in) { in.db.sessions().remove_session(in.name); },
    [](Input& in) { in.db.sessions().pods().write(in.name, in.json()); },
    [](Input& in) { in.db.sessions().pods().remove_by_name(in.name); },
    [](Input& in) { in.db.runs().append(in.name, {in.json()}); },
    [](Input& in) { in.db.runs().append(in.name, {in.json()}, {.expected_head = in.number()}); },
    [](Input& in) {
      in.db.runs().save_snapshot({in.name, in.number(), to_bytes(in.json())});
    },
    [](Input& in) { in.db.runs().prune(in.name, in.number()); },
    [](Input& in) { in.db.runs().remove(in.name); },
    [](Input& in) { in.manifests().save(Manifest(in.number(), 1, 1)); },
    [](Input& in) { in.manifests().save_with_state(Manifest(in.number(), 1, 1), in.json()); },
    [](Input& in) { in.manifests().update_manifest(Manifest(in.number(), 2, 2)); },
    [](Input& in) { in.manifests().save_state_data(in.number(), {in.json()}); },
    [](Input& in) { in.manifests().cleanup_orphans(); },
    [](Input& in) { in.manifests().prune(in.number()); },
    [](Input& in) {
      const std::uint64_t id = in.number();
      in.manifests().import(id, Manifest(id, 1, 2).json(), std::nullopt);
    },
    [](Input& in) { in.manifests().remove_all(); },
    [](Input& in) { in.state().put(in.key(), in.json()); },
    [](Input& in) {
      in.partition().put_batch({{in.key(), in.json()}, {"other", "1"}});
    },
    [](Input& in) { in.state().remove(in.key()); },
    [](Input& in) { in.partition().update(in.key(), [](const auto& now) { return now; }); },
    [](Input& in) { in.state().checkpoint(in.number()); },
    [](Input& in) { in.state().restore(in.number()); },
    [](Input& in) { in.state().drop_checkpoint(in.number()); },
    [](Input& in) {
      in.state().import_snapshot(in.state().export_snapshot(1), {{in.name, 0, 1}});
    },
    [](Input& in) { in.state().remove_all(); },
    [](Input& in) {
      const auto lease = in.db.leases().acquire(in.name, in.key(), 1);
      if (!lease) return;
      in.db.leases().renew(*lease, 1);
      in.db.with_fence(lease->fence()).state("fenced").put(in.key(), "1");
      in.db.leases().release(*lease);
    },
};

// Catch2 asserts in one thread only.
void must_be_sound(const Database& db) {
  const VerifyReport report = verify(db);
  for (const Finding& finding : report.findings) {
    if (finding.severity == Severity::error)
      throw std::logic_error(finding.place + ": " + finding.what);
  }
}

// These have transactions of their own.
const Operations kRare{
    [](Input& in) { must_be_sound(in.db); },
    [](Input& in) { shrink(in.db); },
    [](Input& in) {
      std::size_t left = 100'000;  // as a stream
      in.manifests().save_with_state(Manifest(in.number(), 1, 1), [&](std::span<std::byte> buffer) {
        const std::size_t now = std::min(left, buffer.size());
        std::fill_n(buffer.begin(), now, std::byte{'x'});
        left -= now;
        return now;
      });
    },
    [](Input& in) {
      Database again = Database::open(in.db.path(),
                                      {.durability = Durability::normal,
                                       .wal_checkpoint_bytes = 1 << 20,
                                       .committer_thread = true});
      again.state("again").put(in.key(), "1");
      again.close();
    },
    [](Input& in) {
      const std::string copy = in.folder.file("copy-" + std::to_string(in.random.next()));
      backup(in.db, copy, {.pages_per_step = 64});
      must_be_sound(Database::open(copy));
      std::filesystem::remove(copy);
    },
    [](Input& in) {
      const std::string folder = in.folder.file("out-" + std::to_string(in.random.next()));
      export_to(in.db,
                folder,
                {.format = SourceFormat::manifest_directory, .stream = "stream-" + in.name});
      import_from(in.db, folder, {.stream = "imported"});
    },
};

struct GivenUp {};

// One thread's work.
class Worker {
 public:
  Worker(Database db, std::uint64_t seed, const test::TemporaryFolder& folder)
      : db_(std::move(db)), random_(seed), folder_(folder) {}

  void work(std::size_t operations) {
    for (std::size_t i = 0; i < operations; ++i)
      act();
    for (const Ticket& ticket : tickets_) {
      finish([&] { ticket.wait(); });
      if (!ticket.done()) unexpected_.insert("a ticket was waited for, and is not done");
    }
  }

  [[nodiscard]] const std::set<std::string>& unexpected() const { return unexpected_; }

 private:
  Input input() { return {db_, random_, "name-" + std::to_string(random_.below(3)), folder_}; }
  void run(const Operations& operations) {
    Input in = input();
    finish([&] { random_.pick(operations)(in); });
  }

  void act() {
    if (random_.one_in(400)) return run(kRare);
    switch (random_.below(8)) {
      case 0:
      case 1:
        return run(kWrites);
      case 2:
      case 3:
        return run(kReads);
      case 4:
        return finish([&] { run_function(); });
      case 5:
        return finish([&] { db_.read([&] { check_sum(); }); });
      case 6:
        return finish([&] { db_.commit(batch()); });
      default:
        tickets_.push_back(db_.commit_async(batch()));
    }
  }

  // A function: several operations, whose refusals undo only themselves, and a transfer.
  void run_function() {
    db_.transact([&] {
      transfer();
      run(random_.one_in(2) ? kReads : kWrites);
      finish([&] {
        db_.transact([&] {
          run(kWrites);
          give_up_sometimes();
        });
      });
      run(kWrites);
      give_up_sometimes();
    });
  }
  // With a half of a transfer done.
  void give_up_sometimes() {
    if (!random_.one_in(3)) return;
    add(random_.below(kAccounts), 1000);
    throw GivenUp();
  }

  void transfer() {
    const auto amount = static_cast<std::int64_t>(random_.below(100));
    add(random_.below(kAccounts), -amount);
    add(random_.below(kAccounts), amount);
  }
  void add(std::size_t account, std::int64_t amount) {
    db_.state("bank").update(std::to_string(account), [&](const std::optional<Bytes>& now) {
      const std::int64_t had = now ? std::stoll(std::string(as_text(*now))) : 0;
      return to_bytes(std::to_string(had + amount));
    });
  }
  void check_sum() {
    std::int64_t sum = 0;
    for (const StateEntry& entry : db_.state("bank").range_scan(""))
      sum += std::stoll(std::string(as_text(entry.value)));
    if (sum != 0) unexpected_.insert("money was made or lost");
    run(kReads);
    check_again(sum);
  }
  // Of the same instant.
  void check_again(std::int64_t before) {
    std::int64_t sum = 0;
    db_.state("bank").for_each(
        "", [&](const StateEntry& entry) { sum += std::stoll(std::string(as_text(entry.value))); });
    if (sum != before) unexpected_.insert("a read of one instant has seen two");
  }

  Batch batch() {
    Input in = input();
    Batch batch;
    batch.put(in.state(), in.key(), in.json())
        .append(in.name, in.name, in.json())
        .append_events(in.name, {in.json()})
        .save(in.name, {.id = in.name, .data = to_bytes(in.json())})
        .put(in.partition(), in.key(), in.json());
    if (random_.one_in(2)) batch.remove(in.state(), in.key()).append_trace(in.name, in.name, "{}");
    if (random_.one_in(2))
      batch.save_with_state(in.manifests(), Manifest(in.number(), 1, 1), {"x"});
    if (random_.one_in(2)) batch.save_snapshot({in.name, in.number(), to_bytes(in.json())});
    if (random_.one_in(4)) batch.checkpoint(in.state(), in.number());
    return batch;
  }

  // What others did first may refuse a call; nothing else may.
  template <class Function>
  void finish(const Function& function) {
    static const std::set<ErrorCode> expected{ErrorCode::conflict,
                                              ErrorCode::not_found,
                                              ErrorCode::already_exists,
                                              ErrorCode::fenced,
                                              ErrorCode::invalid_argument};
    try {
      function();
    } catch (const GivenUp&) {
    } catch (const Error& error) {
      if (expected.count(error.code()) == 0)
        unexpected_.insert(std::string(to_string(error.code())) + ": " + error.what());
    } catch (const std::exception& error) {
      unexpected_.insert(error.what());
    }
  }

  Database db_;
  Random random_;
  const test::TemporaryFolder& folder_;
  std::vector<Ticket> tickets_;
  std::set<std::string> unexpected_;
};

}  // namespace

TEST_CASE(
    "all operations from many threads at once leave a sound file, and each sees one instant") {
  Random random;
  INFO(random);
  const test::TemporaryFolder folder;
  const OpenOptions options{
      .durability = Durability::normal, .wal_checkpoint_bytes = 1 << 20, .committer_thread = true};
  Database db = Database::open(folder.file("app.holdfast"), options);
  const std::size_t each = test::scaled(kOperations) / kThreads;
  std::vector<Worker> workers;
  for (std::size_t i = 0; i < kThreads; ++i)
    workers.emplace_back(db, random.next(), folder);
  std::vector<std::thread> threads;
  for (Worker& worker : workers)
    threads.emplace_back([&worker, each] { worker.work(each); });
  for (std::thread& thread : threads)
    thread.join();
  std::set<std::string> unexpected;
  for (const Worker& worker : workers)
    unexpected.insert(worker.unexpected().begin(), worker.unexpected().end());
  REQUIRE(unexpected == std::set<std::string>{});
  REQUIRE(verify(db).sound());
  const std::string before = test::dump(db);
  const Statistics statistics = db.statistics();
  workers.clear();
  db.close();
  REQUIRE(test::dump(Database::open(folder.file("app.holdfast"), options)) == before);
  std::cout << each * kThreads << " operations of " << kThreads << " threads, "
            << statistics.commits << " commits, " << statistics.group_commits
            << " of groups, 0 violations\n";
}
