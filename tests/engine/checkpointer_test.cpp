// The first phase of a checkpoint: beside the writers.
#include "engine/checkpointer.hpp"

#include "engine/ground.hpp"

#include <sqlite3.h>

using namespace holdfast;
using engine::Checkpointer;
using engine::ConnectionOptions;
using engine::Mode;
using test::Connection;
using test::wait_until;
using vfs::Operation;
using vfs::Verdict;

namespace {

// Stops the first write to the database file, which a checkpoint makes, until it may go on.
class Gate : public vfs::Interceptor {
 public:
  Verdict before(const vfs::Call& call) override {
    const bool moves = call.operation == Operation::write && call.file == vfs::FileKind::database;
    if (moves && closed.load() && !reached.exchange(true)) wait_until([this] { return !closed; });
    return Verdict::proceed();
  }
  std::atomic<bool> closed = false;
  std::atomic<bool> reached = false;
};

// A file with a table, and connections to it.
struct Ground {
  Ground() {
    writer.execute("PRAGMA journal_mode = WAL");
    writer.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)");
  }
  std::unique_ptr<Connection> connect() {
    auto connection = std::make_unique<Connection>(options(), Mode::write);
    connection->integer("SELECT count(*) FROM t");
    return connection;
  }
  ConnectionOptions options() { return {.path = "/app.holdfast", .vfs = shim.name()}; }

  vfs::MemoryDisk disk;
  Gate gate;
  vfs::Shim shim{{.base = disk.vfs(), .interceptor = &gate}};
  Connection writer{options(), Mode::write};
};

// Runs what it requests in a thread of its own, as a writer that has had its turn.
class Moving {
 public:
  explicit Moving(Checkpointer& checkpointer) {
    checkpointer.request();
    thread_ = std::thread([&] { checkpointer.run_requested(); });
  }
  Moving(const Moving&) = delete;
  Moving& operator=(const Moving&) = delete;
  ~Moving() { thread_.join(); }

 private:
  std::thread thread_;
};

}  // namespace

TEST_CASE("commits go on while the log is moved, and the next round moves what they wrote") {
  Ground ground;
  Checkpointer checkpointer([&] { return ground.connect(); });
  ground.writer.execute("INSERT INTO t VALUES (1)");
  ground.gate.closed = true;
  const Moving moving_1(checkpointer);
  wait_until([&] { return ground.gate.reached.load(); });
  REQUIRE(checkpointer.under_way());
  for (int i = 0; i < 10; ++i)
    ground.writer.execute("INSERT INTO t DEFAULT VALUES");
  REQUIRE(checkpointer.under_way());
  ground.gate.closed = false;
  checkpointer.wait();
  REQUIRE(checkpointer.take_finished() == true);
  REQUIRE(checkpointer.take_finished() == std::nullopt);
  REQUIRE(ground.shim.wal_index_position()->backfilled_frames <
          ground.shim.wal_index_position()->frames);
  const Moving moving_2(checkpointer);
  checkpointer.wait();
  REQUIRE(checkpointer.take_finished() == true);
  REQUIRE(ground.shim.wal_index_position()->backfilled_frames ==
          ground.shim.wal_index_position()->frames);
  REQUIRE(ground.writer.integer("SELECT count(*) FROM t") == 11);
}

TEST_CASE("a checkpoint does not wait for a writer") {
  Ground ground;
  Checkpointer checkpointer([&] { return ground.connect(); });
  ground.writer.execute("BEGIN IMMEDIATE");
  ground.writer.execute("INSERT INTO t VALUES (1)");
  const Moving moving_3(checkpointer);
  checkpointer.wait();
  REQUIRE(checkpointer.take_finished() == true);
  ground.writer.execute("COMMIT");
}

TEST_CASE("a reader keeps the log from being moved, and nothing waits for it") {
  Ground ground;
  Checkpointer checkpointer([&] { return ground.connect(); });
  const auto reader = ground.connect();
  reader->execute("BEGIN");
  REQUIRE(reader->integer("SELECT count(*) FROM t") == 0);
  ground.writer.execute("INSERT INTO t VALUES (1)");
  const Moving moving_4(checkpointer);
  checkpointer.wait();
  REQUIRE(checkpointer.take_finished() == false);
  reader->execute("COMMIT");
  const Moving moving_5(checkpointer);
  checkpointer.wait();
  REQUIRE(checkpointer.take_finished() == true);
}

TEST_CASE("a checkpointer that gets no connection says that nothing was moved") {
  Checkpointer checkpointer([]() -> std::unique_ptr<Connection> { throw std::bad_alloc(); });
  const Moving moving_6(checkpointer);
  checkpointer.wait();
  REQUIRE(checkpointer.take_finished() == false);
}

TEST_CASE("a checkpoint waits for another one, and no longer than its deadline") {
  Ground ground;
  ground.writer.execute("INSERT INTO t VALUES (1)");
  ground.gate.closed = true;
  Checkpointer checkpointer([&] { return ground.connect(); });
  const Moving moving_7(checkpointer);
  wait_until([&] { return ground.gate.reached.load(); });
  ground.writer.set_deadline({});
  REQUIRE_FALSE(engine::run_checkpoint(ground.writer, SQLITE_CHECKPOINT_RESTART));
  ground.writer.set_deadline(engine::deadline_after(60'000));
  std::thread opener([&] { ground.gate.closed = false; });
  REQUIRE(engine::run_checkpoint(ground.writer, SQLITE_CHECKPOINT_RESTART));
  opener.join();
}
