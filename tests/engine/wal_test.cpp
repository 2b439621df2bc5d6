// The write-ahead log: used again under load, pinned by readers, limited.
#include "engine/folder.hpp"

#include <algorithm>
#include <latch>

using namespace holdfast;
using test::add_note;
using test::Connection;
using test::count_notes;
using test::FileGround;
using test::Link;
using test::MemoryGround;
using test::outcome_of;
using test::require_error;

namespace fs = std::filesystem;

namespace {

const std::string kTenKib(10 << 10, 'x');

// What the host is told.
class Messages {
 public:
  LogFunction function() {
    return [this](LogLevel level, std::string_view text) {
      const std::scoped_lock lock(mutex_);
      if (level == LogLevel::warning) texts_.emplace_back(text);
    };
  }
  std::vector<std::string> texts() const {
    const std::scoped_lock lock(mutex_);
    return texts_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> texts_;
};

// From another thread, until one is refused, or so often.
std::string write_until_refused(const Link& link, const std::string& prefix, int times) {
  std::string outcome = "ok";
  std::thread([&] {
    for (int i = 0; i < times && outcome == "ok"; ++i)
      outcome = outcome_of([&] { add_note(link, prefix + std::to_string(i), kTenKib); });
  }).join();
  return outcome;
}

OpenOptions small_log(const LogFunction& log) {
  return {.durability = Durability::normal,
          .wal_checkpoint_bytes = 256 << 10,
          .wal_soft_limit_bytes = 1 << 20,
          .wal_hard_limit_bytes = 3 << 20,
          .log = log};
}

}  // namespace

TEST_CASE("the log is used again under load, and does not grow with what is written") {
  FileGround ground({.durability = Durability::normal, .wal_checkpoint_bytes = 1 << 20});
  const Link& link = *ground.link;
  std::uintmax_t largest = 0;
  for (int i = 0; i < 1000; ++i) {
    add_note(link, std::to_string(i), kTenKib);
    largest = std::max(largest, fs::file_size(ground.path() + "-wal"));
  }
  CAPTURE(largest);
  REQUIRE(largest < 2 << 20);
  REQUIRE(link.statistics().wal_checkpoints >= 8);
  REQUIRE(fs::file_size(ground.path()) > 10 << 20);
}

TEST_CASE("short reads that never cease do not keep the log from being used again") {
  Messages messages;
  MemoryGround ground(small_log(messages.function()));
  const Link& link = *ground.link;
  std::atomic<bool> over = false;
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      while (!over)
        count_notes(link);
    });
  }
  std::string outcome = "ok";
  for (int i = 0; i < 1000 && outcome == "ok"; ++i)
    outcome = outcome_of([&] { add_note(link, std::to_string(i), kTenKib); });
  over = true;
  for (std::thread& reader : readers)
    reader.join();
  REQUIRE(outcome == "ok");
}

TEST_CASE("a reader that stays is named at the soft limit, and stops writes at the hard one") {
  Messages messages;
  MemoryGround ground(small_log(messages.function()));
  const Link& link = *ground.link;
  link.read_snapshot([&] {
    REQUIRE(count_notes(link) == 0);
    REQUIRE(write_until_refused(link, "a", 1000) == "full");
    REQUIRE(count_notes(link) == 0);
    const auto readers = link.statistics().readers;
    REQUIRE(readers.size() == 1);
    REQUIRE(readers.front().what == "read()");
  });
  REQUIRE(messages.texts().size() == 1);
  REQUIRE(messages.texts().front().find("a read() of ") != std::string::npos);
  REQUIRE(messages.texts().front().find("in this process") != std::string::npos);
  const auto pinned = link.statistics();
  REQUIRE(pinned.wal_pinned > 0);
  REQUIRE(pinned.wal_bytes >= 3 << 20);
  REQUIRE(pinned.wal_bytes < 4 << 20);
  // Now that the reader is gone the log is recycled, and everything works again.
  const auto before = count_notes(link);
  REQUIRE(write_until_refused(link, "b", 100) == "ok");
  REQUIRE(count_notes(link) == before + 100);
  REQUIRE(link.statistics().wal_bytes < 2 << 20);
  REQUIRE(count_notes(ground.reopen()) == before + 100);
}

TEST_CASE("what is refused at the hard limit is told with the limit and the size") {
  MemoryGround ground(small_log(nullptr));
  const Link& link = *ground.link;
  link.read_snapshot([&] {
    count_notes(link);
    write_until_refused(link, "a", 1000);
    ErrorDetail detail;
    std::thread([&] {
      try {
        link.transact([] {}, {});
      } catch (const Error& error) {
        detail = error.detail();
      }
    }).join();
    REQUIRE(detail.expected == 3U << 20);
    REQUIRE(detail.actual >= 3U << 20);
  });
}

TEST_CASE("each time that a reader pins the log is warned of once") {
  Messages messages;
  MemoryGround ground(small_log(messages.function()));
  const Link& link = *ground.link;
  for (std::size_t round = 1; round <= 2; ++round) {
    link.read_snapshot([&] {
      count_notes(link);
      write_until_refused(link, std::to_string(round) + "/", 1000);
    });
    write_until_refused(link, std::to_string(round) + "+", 10);
    REQUIRE(messages.texts().size() == round);
  }
}

TEST_CASE("a reader of another process is named as one") {
  Messages messages;
  MemoryGround ground(small_log(messages.function()));
  const auto other = std::make_shared<engine::Engine>(
      "/app.holdfast", OpenOptions{}, vfs::ShimOptions{.base = ground.disk.vfs()});
  const Link other_link(engine::Opening::make(other), std::nullopt);
  other_link.read_snapshot([&] {
    count_notes(other_link);
    REQUIRE(write_until_refused(*ground.link, "a", 1000) == "full");
  });
  REQUIRE(messages.texts().size() == 1);
  REQUIRE(messages.texts().front().find("another process") != std::string::npos);
  REQUIRE(write_until_refused(*ground.link, "b", 10) == "ok");
}

TEST_CASE("one large transaction is no reader that pins the log") {
  Messages messages;
  MemoryGround ground(small_log(messages.function()));
  const Link& link = *ground.link;
  link.transact(
      [&] {
        for (int i = 0; i < 400; ++i)
          add_note(link, std::to_string(i), kTenKib);
      },
      {});
  add_note(link, "next");
  REQUIRE(count_notes(link) == 401);
  REQUIRE(messages.texts().empty());
}

TEST_CASE("a host whose log function throws loses no commit by it") {
  const LogFunction throwing = [](LogLevel, std::string_view) {
    throw std::runtime_error("no log");
  };
  MemoryGround ground(small_log(throwing));
  const Link& link = *ground.link;
  link.read_snapshot([&] {
    count_notes(link);
    REQUIRE(write_until_refused(link, "a", 1000) == "full");
  });
}
