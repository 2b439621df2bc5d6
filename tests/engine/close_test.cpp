// The end of an opening: by close(), by its last handle, with calls under way, with a second one left.
#include "engine/folder.hpp"

#include <thread>

using namespace holdfast;
using test::add_note;
using test::FileGround;
using test::files_in;
using test::Link;
using test::MemoryGround;
using test::Names;
using test::notes;
using test::outcome_of;
using test::require_error;

TEST_CASE("after close() every call is closed") {
  FileGround ground({.committer_thread = true});
  const Link& link = *ground.link;
  const Link copy = link;
  const auto fenced = link.with_fence({"lease", 1});
  link.close();
  for (const Link& handle : {link, copy, *fenced, *link.borrowed()}) {
    require_error(ErrorCode::closed, [&] { add_note(handle, "a"); });
    require_error(ErrorCode::closed, [&] { notes(handle); });
    require_error(ErrorCode::closed, [&] { handle.transact([] {}, {}); });
    require_error(ErrorCode::closed, [&] { handle.read_snapshot([] {}); });
    require_error(ErrorCode::closed, [&] { handle.commit([] {}, {}); });
    require_error(ErrorCode::closed, [&] { handle.commit_async([] {}, {}); });
    require_error(ErrorCode::closed, [&] { handle.statistics(); });
    handle.close();
  }
}

TEST_CASE("a closed file is one file") {
  FileGround ground;
  add_note(*ground.link, "a");
  REQUIRE(files_in(ground.folder.path()).size() == 3);
  SECTION("by close()") {
    ground.link->close();
  }
  SECTION("by the last handle") {
    ground.close();
  }
  REQUIRE(files_in(ground.folder.path()) == Names{"app.holdfast"});
}

TEST_CASE("close() waits for calls that are under way, which go on; new ones are closed") {
  FileGround ground;
  const Link& link = *ground.link;
  std::atomic<bool> begun = false;
  std::atomic<bool> closing = false;
  std::string inside;
  std::thread writer([&] {
    link.transact(
        [&] {
          begun = true;
          test::wait_until([&] { return closing.load(); });
          inside = outcome_of([&] { add_note(link, "a"); });
        },
        {});
  });
  test::wait_until([&] { return begun.load(); });
  std::vector<std::thread> closers;
  std::atomic<int> closed = 0;
  for (int i = 0; i < 2; ++i) {
    closers.emplace_back([&] {
      link.close();
      ++closed;
    });
  }
  test::wait_until([&] { return outcome_of([&] { notes(link); }) == "closed"; });
  REQUIRE(closed == 0);
  closing = true;
  writer.join();
  for (std::thread& closer : closers)
    closer.join();
  REQUIRE(closed == 2);
  REQUIRE(inside == "ok");
  REQUIRE(files_in(ground.folder.path()) == Names{"app.holdfast"});
  REQUIRE(notes(ground.reopen()) == Names{"a"});
}

TEST_CASE("closing one opening of a file leaves the other one open") {
  FileGround ground;
  const Link& first = *ground.link;
  const Link second = test::open_link(ground.path());
  first.close();
  add_note(second, "a");
  require_error(ErrorCode::closed, [&] { notes(first); });
  REQUIRE(notes(second) == Names{"a"});
  second.close();
  REQUIRE(files_in(ground.folder.path()) == Names{"app.holdfast"});
}

TEST_CASE("an opening that ends inside a transaction of another one of its file waits for nobody") {
  FileGround ground;
  const Link& link = *ground.link;
  link.transact(
      [&] {
        const Link second = test::open_link(ground.path());
        add_note(second, "a");
      },
      {});
  link.read_snapshot([&] { const Link second = test::open_link(ground.path()); });
  REQUIRE(notes(link) == Names{"a"});
  ground.close();
  REQUIRE(files_in(ground.folder.path()) == Names{"app.holdfast"});
}

TEST_CASE("many threads may open, use and close one file at once") {
  FileGround ground;
  ground.close();
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const auto outcome = outcome_of([&] {
          const Link link = test::open_link(ground.path());
          add_note(link, std::to_string(t) + "/" + std::to_string(i));
          if (i % 2 == 0) link.close();
        });
        if (outcome != "ok") ++failures;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  REQUIRE(failures == 0);
  REQUIRE(notes(ground.open()).size() == 40);
}

TEST_CASE("what is in memory is gone with its last handle, and no sooner") {
  const auto open = [] { return Link(engine::OpenFiles::open_in_memory({}), std::nullopt); };
  std::optional<Link> first = open();
  test::create_notes(*first);
  add_note(*first, "a");
  const Link copy = *first;
  first.reset();
  REQUIRE(notes(copy) == Names{"a"});
  const Link other = open();
  REQUIRE(outcome_of([&] { notes(other); }) == "incompatible");  // it has no such table
}
