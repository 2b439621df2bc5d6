// What a recovery of a damaged log is told as: to the log function, in the statistics, and by a copy.
#include "engine/folder.hpp"

using namespace holdfast;
using test::add_note;
using test::bytes_of;
using test::FileGround;
using test::Link;
using test::Names;
using test::notes;
using test::write_bytes;
using Finding = LogRecovery::Finding;

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kFrameBytes = 4096 + 24;

// A process that adds a note for each level and dies; then the log is damaged in the frame with that index
// from its end, by one bit.
class Crashed {
 public:
  Crashed(const std::vector<Durability>& levels, std::size_t frame_from_end) {
    FileGround* ground = &ground_;
    ground->close();
    test::ChildProcess child([&] {
      const Link link = test::open_link(ground->path());
      for (std::size_t i = 0; i < levels.size(); ++i) {
        link.transact([&] { add_note(link, std::to_string(i)); }, {.durability = levels[i]});
      }
      _exit(0);
      return 0;
    });
    REQUIRE(child.run_to_end() == 0);
    std::string log = bytes_of(log_path());
    REQUIRE(log.size() > kFrameBytes * (frame_from_end + 1));
    log[log.size() - kFrameBytes * (frame_from_end + 1) + 1000] ^= 1;
    write_bytes(log_path(), log);
    damaged_ = log;
  }

  std::string log_path() const { return ground_.path() + "-wal"; }
  const std::string& path() {
    path_ = ground_.path();
    return path_;
  }
  const std::string& damaged() const { return damaged_; }
  Link open(OpenOptions options = {}) {
    options.log = [this](LogLevel level, std::string_view text) {
      messages.emplace_back(level, text);
    };
    return test::open_link(path(), options);
  }

  std::vector<std::pair<LogLevel, std::string>> messages;

 private:
  FileGround ground_;
  std::string path_;
  std::string damaged_;
};

constexpr auto kFull = Durability::full;
constexpr auto kNormal = Durability::normal;

}  // namespace

TEST_CASE("a damaged log at full durability is told as damage, and a copy of it is kept") {
  // A note is three frames: its row, the index of names, and the highest key.
  Crashed crashed({kFull, kFull, kFull, kFull}, 4);
  {
    const Link link = crashed.open();
    REQUIRE(notes(link).size() < 4);
    const LogRecovery found = link.statistics().log_recovery;
    REQUIRE(found.finding == Finding::damaged);
    REQUIRE(found.dropped_pages >= 4);
    REQUIRE(found.kept_pages > 0);
    REQUIRE(bytes_of(found.copy) == crashed.damaged());
    REQUIRE(fs::status(found.copy).permissions() == fs::perms(0600));
    REQUIRE(crashed.messages.size() == 1);
    REQUIRE(crashed.messages.front().first == LogLevel::error);
    REQUIRE(crashed.messages.front().second.find(found.copy) != std::string::npos);
    add_note(link, "goes on");
  }
  // It is told once; the copy stays.
  crashed.messages.clear();
  const Link again = crashed.open();
  REQUIRE(again.statistics().log_recovery.finding == Finding::clean);
  REQUIRE(crashed.messages.empty());
  REQUIRE(test::files_in(fs::path(crashed.path()).parent_path().string()).size() >= 2);
}

TEST_CASE("where commits were made at normal, it cannot be told from a power loss") {
  Crashed crashed({kFull, kNormal, kNormal, kNormal}, 4);
  const Link link = crashed.open();
  const LogRecovery found = link.statistics().log_recovery;
  REQUIRE(found.finding == Finding::uncertain);
  REQUIRE(bytes_of(found.copy) == crashed.damaged());
  REQUIRE(crashed.messages.size() == 1);
  REQUIRE(crashed.messages.front().first == LogLevel::warning);
}

TEST_CASE("damage before the first commit at normal is certain") {
  // 0 at full, then the note that normal is in use, then 1 to 3.
  Crashed crashed({kFull, kFull, kFull, kNormal, kNormal}, 8);
  const Link link = crashed.open();
  REQUIRE(link.statistics().log_recovery.finding == Finding::damaged);
}

TEST_CASE("damage to the newest commit looks like a crash, and is told as one") {
  Crashed crashed({kFull, kFull}, 0);
  const Link link = crashed.open();
  REQUIRE(notes(link) == Names{"0"});
  REQUIRE(link.statistics().log_recovery.finding == Finding::unfinished);
  REQUIRE(link.statistics().log_recovery.copy.empty());
  REQUIRE(crashed.messages.size() == 1);
  REQUIRE(crashed.messages.front().first == LogLevel::info);
}

TEST_CASE("who may only read tells of a damaged log each time, and keeps one copy") {
  Crashed crashed({kFull, kFull, kFull, kFull}, 4);
  std::string copy;
  for (int i = 0; i < 2; ++i) {
    const Link link = crashed.open({.read_only = true});
    REQUIRE(link.statistics().log_recovery.finding == Finding::damaged);
    if (i == 0) copy = link.statistics().log_recovery.copy;
    REQUIRE(link.statistics().log_recovery.copy == copy);
  }
  REQUIRE(bytes_of(copy) == crashed.damaged());
}

TEST_CASE("a process that died leaves nothing to tell") {
  FileGround ground;
  ground.close();
  test::ChildProcess child([&] {
    const Link link = test::open_link(ground.path());
    for (int i = 0; i < 20; ++i)
      add_note(link, std::to_string(i));
    _exit(0);
    return 0;
  });
  REQUIRE(child.run_to_end() == 0);
  ground.open();
  REQUIRE(notes(*ground.link).size() == 20);
  REQUIRE(ground.link->statistics().log_recovery.finding == Finding::clean);
}
