#include "wal_reset_actor.hpp"

#include "support/random.hpp"
#include "support/reset_window.hpp"

#include <sqlite3.h>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <sys/wait.h>

namespace holdfast::test {

namespace {

constexpr int kPatienceMs = 60'000;

class Session {
 public:
  Session(const char* vfs, const std::string& path) {
    constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(path.c_str(), &db_, kFlags, vfs) != SQLITE_OK) {
      throw std::runtime_error("no database");
    }
    // Syncs decide nothing here: nobody pulls a plug.
    run("PRAGMA synchronous=OFF");
    sqlite3_wal_autocheckpoint(db_, 0);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    // Closing the last connection must not move the log: that is asked for.
    sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_close_v2(db_);
  }

  int run(const char* sql) { return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr); }

  Report insert(int commits) {
    Report report;
    for (int i = 0; i < commits && report.result == SQLITE_OK; ++i) {
      report.result = run("INSERT INTO t(b) VALUES(zeroblob(3000))");
      if (report.result == SQLITE_OK) ++report.count;
    }
    return report;
  }
  int checkpoint(int mode) {
    return sqlite3_wal_checkpoint_v2(db_, nullptr, mode, nullptr, nullptr);
  }
  Report count() {
    Report report;
    sqlite3_stmt* statement = nullptr;
    report.result = sqlite3_prepare_v2(db_, "SELECT count(*) FROM t", -1, &statement, nullptr);
    if (report.result != SQLITE_OK) return report;
    const int stepped = sqlite3_step(statement);
    report.count = stepped == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    report.result = sqlite3_finalize(statement);
    return report;
  }
  void wait_when_busy() { sqlite3_busy_timeout(db_, kPatienceMs); }

 private:
  sqlite3* db_ = nullptr;
};

bool is_busy(int result) {
  return (result & 0xff) == SQLITE_BUSY;
}

void rest(Random& random, std::size_t most_us) {
  std::this_thread::sleep_for(std::chrono::microseconds(random.below(most_us)));
}

// Bursts of commits, with a rest in which a checkpoint can get all of the log.
Report write_at_random(Session& session, int commits, Random& random) {
  Report report;
  while (report.count < commits && report.result == SQLITE_OK) {
    const Report burst = session.insert(static_cast<int>(1 + random.below(60)));
    report.count += burst.count;
    report.result = burst.result;
    rest(random, 1000);
  }
  return report;
}

// Mostly passive ones, which do not wait for anybody.
Report checkpoint_at_random(Session& session, int times, Random& random) {
  Report report;
  for (int i = 0; i < times && report.result == SQLITE_OK; ++i) {
    const bool passive = !random.one_in(6);
    const int result = session.checkpoint(passive ? SQLITE_CHECKPOINT_PASSIVE
                                                  : static_cast<int>(1 + random.below(3)));
    if (!is_busy(result)) report.result = result;
    rest(random, 300);
  }
  return report;
}

Report work_at_random(Session& session, const Order& order, Random& random) {
  session.wait_when_busy();
  return order.mode >= 0 ? write_at_random(session, order.count, random)
                         : checkpoint_at_random(session, order.count, random);
}

Report obey(Session& session, const Order& order, Random& random) {
  switch (order.what) {
    case Order::What::create:
      session.run("PRAGMA journal_mode=WAL");
      return {.result = session.run("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")};
    case Order::What::insert:
      return session.insert(order.count);
    case Order::What::checkpoint:
      return {.result = session.checkpoint(order.mode)};
    case Order::What::count:
      return session.count();
    case Order::What::stress:
      return work_at_random(session, order, random);
    case Order::What::go_on:
    case Order::What::leave:
      break;
  }
  return {.result = SQLITE_MISUSE};
}

}  // namespace

Actor::Actor(Where where, const Role& role, vfs::Shim* shared) {
  if (where == Where::threads) {
    thread_ = std::thread([this, role, shared] { serve(role, shared); });
    return;
  }
  process_ = fork();
  if (process_ < 0) throw std::runtime_error("no process");
  if (process_ == 0) {
    orders_.receive_only();
    reports_.send_only();
    try {
      serve(role, nullptr);
    } catch (...) {
      _exit(1);
    }
    _exit(0);
  }
  orders_.send_only();
  reports_.receive_only();
}

Actor::~Actor() {
  tell({.what = Order::What::leave});
  if (thread_.joinable()) thread_.join();
  if (process_ > 0) waitpid(process_, nullptr, 0);
}

Report Actor::hear() const {
  const auto report = reports_.receive(2 * kPatienceMs);
  if (!report) throw std::runtime_error("an actor is gone");
  return *report;
}

void Actor::serve(const Role& role, vfs::Shim* shared) {
  std::optional<vfs::Shim> own;
  if (shared == nullptr) shared = &own.emplace(vfs::ShimOptions{.wal_reset_cure = role.cure});
  Order order;
  Random random(0);
  const auto in_window = [&] {
    if (order.what == Order::What::stress) {
      const auto wait = std::chrono::microseconds(random.below(400));
      if (!random.one_in(4)) std::this_thread::sleep_for(wait);
    } else if (order.what == Order::What::checkpoint && order.count > 0) {
      order.count = 0;  // once
      reports_.send({.in_window = true});
      static_cast<void>(orders_.receive(kPatienceMs));
    }
  };
  std::optional<ResetWindow> window;
  if (role.has_window) window.emplace(sqlite3_vfs_find(shared->name().c_str()), in_window);
  Session session(window ? window->name() : shared->name().c_str(), role.path);
  while (const auto next = orders_.receive(-1)) {
    order = *next;
    if (order.what == Order::What::leave) return;
    random = Random(order.seed);
    reports_.send(obey(session, order, random));
  }
}

}  // namespace holdfast::test
