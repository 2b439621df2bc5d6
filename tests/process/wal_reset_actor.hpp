// One who takes part in the WAL-reset race: a connection in a thread or in a process of its own, which does
// what it is told, a step at a time. It speaks through pipes in both cases, so that both run the same steps.
#pragma once

#include "pipe.hpp"
#include "vfs/shim.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <sys/types.h>

namespace holdfast::test {

enum class Where { threads, processes };

struct Order {
  enum class What : std::uint8_t {
    create,
    insert,      // `count` commits of one row each
    checkpoint,  // `mode`, as SQLite numbers them
    count,       // the rows
    go_on,       // the answer to Report::in_window
    stress,      // `count` commits, or checkpoints in mode -1, at random from `seed`
    leave,
  };
  What what = What::leave;
  int count = 0;
  int mode = 0;
  std::uint64_t seed = 0;
};

struct Report {
  bool in_window = false;  // not done yet: the checkpoint stands in the window until go_on
  int result = 0;          // SQLite's
  std::int64_t count = 0;  // commits that were acknowledged, or rows
};

class Actor {
 public:
  struct Role {
    std::string path;
    vfs::WalResetCure cure = vfs::WalResetCure::none;
    bool has_window = false;  // its checkpoints stop in the window
  };

  // In a process it makes a shim of its own; threads share one, as the connections of an engine do.
  Actor(Where where, const Role& role, vfs::Shim* shared);
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  ~Actor();

  void tell(const Order& order) const { orders_.send(order); }
  Report hear() const;
  Report ask(const Order& order) const {
    tell(order);
    return hear();
  }

 private:
  void serve(const Role& role, vfs::Shim* shared);

  Pipe<Order> orders_;
  Pipe<Report> reports_;
  std::thread thread_;
  pid_t process_ = -1;
};

}  // namespace holdfast::test
