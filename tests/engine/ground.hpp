// What the tests of the engine stand on: a table of their own, files and disks in memory to keep it on,
// and a rule that fails what reaches the disk.
#pragma once

#include "engine/connection.hpp"
#include "engine/engine.hpp"
#include "engine/link.hpp"
#include "engine/open_files.hpp"
#include "engine/opening.hpp"
#include "engine/statement.hpp"
#include "support/catch.hpp"
#include "support/plain_sqlite.hpp"
#include "support/require_error.hpp"
#include "support/temporary_folder.hpp"
#include "vfs/interceptor.hpp"
#include "vfs/memory_disk.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace holdfast::test {

using engine::Connection;
using engine::Link;

// A table that a person added, so that these tests depend on no store: rows with a name, which is taken
// once, and a text.
struct NoteStatements {
  explicit NoteStatements(Connection& c)
      : add(c, "INSERT INTO note (name, text) VALUES (?1, ?2)"),
        count(c, "SELECT count(*) FROM note"),
        list(c, "SELECT name FROM note ORDER BY note_key") {}
  engine::Statement add;
  engine::Statement count;
  engine::Statement list;
};

inline void create_notes(const Link& link) {
  link.write([](Connection& db) {
    db.execute(
        "CREATE TABLE IF NOT EXISTS note (note_key INTEGER PRIMARY KEY AUTOINCREMENT,"
        " name TEXT NOT NULL UNIQUE, text TEXT NOT NULL)");
  });
}

inline void add_note(Connection& db, std::string_view name, std::string_view text = "") {
  db.statements<NoteStatements>().add.execute(name, text);
}
inline void add_note(const Link& link, std::string_view name, std::string_view text = "") {
  link.write([&](Connection& db) { add_note(db, name, text); });
}

inline std::vector<std::string> notes(const Link& link) {
  return link.read([](Connection& db) {
    std::vector<std::string> names;
    auto row = db.statements<NoteStatements>().list.run();
    while (row.step())
      names.push_back(row.string(0));
    return names;
  });
}

inline std::int64_t count_notes(Connection& db) {
  auto row = db.statements<NoteStatements>().count.run();
  row.step();
  return row.integer(0);
}
inline std::int64_t count_notes(const Link& link) {
  return link.read([](Connection& db) { return count_notes(db); });
}

using Names = std::vector<std::string>;

inline Link open_link(const std::string& path, const OpenOptions& options = {}) {
  return Link(engine::OpenFiles::instance().open(path, options), std::nullopt);
}

// A database on a file, with the table of notes. `link` is empty while it is closed.
class FileGround {
 public:
  explicit FileGround(OpenOptions options = {}) : options_(std::move(options)) {
    open();
    create_notes(*link);
  }
  [[nodiscard]] std::string path() const { return folder.file("app.holdfast"); }
  Link& open() { return link.emplace(open_link(path(), options_)); }
  void close() { link.reset(); }
  Link& reopen() {
    close();
    return open();
  }
  // Closes the file and lets another program look.
  std::string ask(const std::string& sql) {
    close();
    return PlainSqlite(path()).text(sql);
  }

  TemporaryFolder folder;
  std::optional<Link> link;

 private:
  OpenOptions options_;
};

// Decides what becomes of each call to the disk; may be changed at any time.
class Rule : public vfs::Interceptor {
 public:
  using Decide = std::function<vfs::Verdict(const vfs::Call&)>;

  vfs::Verdict before(const vfs::Call& call) override {
    const std::scoped_lock lock(mutex_);
    return decide_ ? decide_(call) : vfs::Verdict::proceed();
  }
  void set(Decide decide) {
    const std::scoped_lock lock(mutex_);
    decide_ = std::move(decide);
  }

 private:
  std::mutex mutex_;
  Decide decide_;
};

// A database on a disk in memory, with the table of notes; reopening keeps the disk.
class MemoryGround {
 public:
  explicit MemoryGround(OpenOptions options = {}) : options_(std::move(options)) {
    open();
    create_notes(*link);
  }
  Link& open() {
    auto engine = std::make_shared<engine::Engine>(
        "/app.holdfast", options_, vfs::ShimOptions{.base = disk.vfs(), .interceptor = &rule});
    return link.emplace(engine::Opening::make(std::move(engine)), std::nullopt);
  }
  Link& reopen() {
    link.reset();
    return open();
  }

  vfs::MemoryDisk disk;
  Rule rule;
  std::optional<Link> link;

 private:
  OpenOptions options_;
};

// For what will come true by what other threads do; a test that waits in vain ends by its timeout.
template <class Condition>
void wait_until(const Condition& condition) {
  while (!condition())
    std::this_thread::yield();
}

// A function that has its turn to write and keeps it, in a thread of its own, until the end.
class HeldTurn {
 public:
  explicit HeldTurn(const Link& link, TransactOptions options = {})
      : thread_([this, &link, options] {
          link.transact(
              [this] {
                begun_ = true;
                wait_until([this] { return over_.load(); });
              },
              options);
        }) {
    wait_until([this] { return begun_.load(); });
  }
  HeldTurn(const HeldTurn&) = delete;
  HeldTurn& operator=(const HeldTurn&) = delete;
  ~HeldTurn() { end(); }
  void end() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::atomic<bool> begun_ = false;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

// What a call ended with: a code's name, "bad_alloc", "other", or "ok".
template <class Function>
std::string outcome_of(const Function& function) {
  try {
    function();
    return "ok";
  } catch (const Error& error) {
    return std::string(to_string(error.code()));
  } catch (const std::bad_alloc&) {
    return "bad_alloc";
  } catch (...) {
    return "other";
  }
}

// Closed operations that end up in one group: each in a thread of its own, all waiting, in order, behind
// a function that has the turn.
class Group {
 public:
  using Work = std::function<void(Connection&)>;

  explicit Group(const Link& link) : link_(link), turn_(std::make_unique<HeldTurn>(link)) {}
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group() { run(); }

  void add(Work work) {
    add_call([this, work = std::move(work)] { link_.write(work); });
  }
  // Any call that waits for one turn to write.
  void add_call(std::function<void()> call) {
    const std::size_t index = threads_.size();
    {
      const std::scoped_lock lock(mutex_);
      outcomes_.emplace_back();
    }
    threads_.emplace_back([this, index, call = std::move(call)] {
      const std::string outcome = outcome_of(call);
      if (index == 0 && after_first) after_first();
      const std::scoped_lock lock(mutex_);
      outcomes_[index] = outcome;
    });
    wait_until([&] { return link_.statistics().waiting_writes == threads_.size(); });
  }
  // Called in the first thread, which leads, at its end.
  std::function<void()> after_first = nullptr;

  // Gives up the turn, and waits for all.
  const std::vector<std::string>& run() {
    turn_.reset();
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
    return outcomes_;
  }

 private:
  const Link& link_;
  std::unique_ptr<HeldTurn> turn_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::vector<std::string> outcomes_;
};

}  // namespace holdfast::test
