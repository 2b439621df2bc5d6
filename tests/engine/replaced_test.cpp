// The file, its log or its index is replaced or removed by somebody while it is open: never in silence.
#include "engine/folder.hpp"

#include <sqlite3.h>

using namespace holdfast;
using test::add_note;
using test::bytes_of;
using test::FileGround;
using test::Link;
using test::Names;
using test::notes;
using test::require_error;
using test::write_bytes;
using vfs::Verdict;

namespace fs = std::filesystem;

namespace {

enum class How { removed, replaced };

// Another file of the same bytes, as an editor or a synchronising program leaves it.
void take_away(const std::string& path, How how) {
  if (how == How::replaced) fs::copy_file(path, path + ".new");
  fs::rename(path, path + ".old");
  if (how == How::replaced) fs::rename(path + ".new", path);
}

}  // namespace

TEST_CASE("a file that was replaced or removed poisons the next write, and is left alone") {
  const std::string ending = GENERATE("", "-wal", "-shm");
  const How how = GENERATE(How::removed, How::replaced);
  FileGround ground;
  const Link& link = *ground.link;
  add_note(link, "old");
  REQUIRE(notes(link) == Names{"old"});
  const std::string path = ground.path() + ending;
  take_away(path, how);
  const std::string put_there = how == How::replaced ? bytes_of(path) : "";
  require_error(ErrorCode::poisoned, [&] { add_note(link, "a"); });
  require_error(ErrorCode::poisoned, [&] { link.transact([] {}, {}); });
  REQUIRE(link.statistics().poisoned);
  REQUIRE(notes(link) == Names{"old"});
  ground.close();
  REQUIRE(fs::exists(path) == (how == How::replaced));
  if (how == How::replaced) REQUIRE((bytes_of(path) == put_there));
}

TEST_CASE(
    "a handle that was closed after its file was replaced neither moves nor removes the new log") {
  FileGround ground;
  add_note(*ground.link, "old");
  const std::string log = ground.path() + "-wal";
  take_away(log, How::replaced);
  write_bytes(log, "somebody's");
  const std::string before = bytes_of(ground.path());
  ground.close();  // nothing was written since: nobody has noticed yet
  REQUIRE(bytes_of(log) == "somebody's");
  REQUIRE((bytes_of(ground.path()) == before));
}

TEST_CASE("a file that is replaced during a commit makes its outcome unknown") {
  const std::string ending = GENERATE("", "-wal", "-shm");
  const How how = GENERATE(How::removed, How::replaced);
  test::TemporaryFolder folder;
  const std::string path = folder.file("app.holdfast");
  { const Link made = test::open_link(path); }
  test::Rule rule;
  const Link link(engine::Opening::make(std::make_shared<engine::Engine>(
                      path, OpenOptions{}, vfs::ShimOptions{.interceptor = &rule})),
                  std::nullopt);
  test::create_notes(link);
  add_note(link, "old");
  bool done = false;
  rule.set([&](const vfs::Call& call) {
    if (call.operation == vfs::Operation::sync && !done) {
      done = true;
      take_away(path + ending, how);
    }
    return Verdict::proceed();
  });
  require_error(ErrorCode::outcome_unknown, [&] { add_note(link, "a"); });
  REQUIRE(done);
  require_error(ErrorCode::poisoned, [&] { add_note(link, "b"); });
  rule.set(nullptr);
}

TEST_CASE("after the poisoned handle is closed, what lies there now can be opened") {
  FileGround ground;
  add_note(*ground.link, "old");
  ground.reopen();
  add_note(*ground.link, "in the log");
  take_away(ground.path() + "-wal", How::removed);
  require_error(ErrorCode::poisoned, [&] { add_note(*ground.link, "a"); });
  ground.close();
  const Link& link = ground.open();
  // The log went, and the newest commit with it; the rest is whole.
  REQUIRE(notes(link) == Names{"old"});
  add_note(link, "b");
  REQUIRE(ground.ask("PRAGMA integrity_check") == "ok");
}
