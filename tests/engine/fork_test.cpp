// A child of fork() inherits open databases: it may not use them, and what it destroys or leaves is its
// parent's still.
#include "engine/folder.hpp"

#include <sys/wait.h>

using namespace holdfast;
using test::add_note;
using test::exit_code_of;
using test::FileGround;
using test::Link;
using test::Names;
using test::notes;
using test::outcome_of_exit;

namespace {

// Forks at once, with whatever is open; the child ends with the number of the first of its calls that did
// not end as it must, or 0.
template <class Child>
int in_fork(const Child& child) {
  const pid_t id = fork();
  if (id == 0) {
    int code = 98;
    try {
      code = child();
    } catch (...) {
      code = 97;
    }
    _exit(code);
  }
  int status = 0;
  REQUIRE(waitpid(id, &status, 0) == id);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

bool is_forked(const std::function<void()>& call) {
  return outcome_of_exit(exit_code_of(call)) == "forked";
}

}  // namespace

TEST_CASE("each call in a child is forked, and its handles go without a trace") {
  FileGround ground({.committer_thread = GENERATE(false, true)});
  std::optional<Link>& link = ground.link;
  add_note(*link, "a");
  REQUIRE(notes(*link) == Names{"a"});
  const int first_wrong = in_fork([&] {
    const std::vector<std::function<void()>> calls{
        [&] { add_note(*link, "b"); },
        [&] { notes(*link); },
        [&] { link->transact([] {}, {}); },
        [&] { link->read_snapshot([] {}); },
        [&] { link->commit([] {}, {}); },
        [&] { link->commit_async([] {}, {}); },
        [&] { link->statistics(); },
        [&] { link->close(); },
        [&] { test::open_link(ground.path()); },
    };
    for (std::size_t i = 0; i < calls.size(); ++i) {
      if (!is_forked(calls[i])) return static_cast<int>(i) + 1;
    }
    link.reset();
    return 0;
  });
  REQUIRE(first_wrong == 0);
  add_note(*link, "b");
  REQUIRE(notes(*link) == Names{"a", "b"});
  REQUIRE(notes(ground.reopen()) == Names{"a", "b"});
  REQUIRE(ground.ask("PRAGMA integrity_check") == "ok");
}

TEST_CASE("what a child destroys does not free its parent's locks") {
  FileGround ground;
  ground.close();
  // Forked before anything is open: another process, which looks.
  test::ChildProcess other([&] {
    return exit_code_of(
        [&] { add_note(test::open_link(ground.path(), {.busy_timeout_ms = 50}), "intruder"); });
  });
  const Link& link = ground.open();
  link.transact(
      [&] {
        add_note(link, "a");
        REQUIRE(in_fork([&] {
                  ground.close();
                  return 0;
                }) == 0);
        REQUIRE(outcome_of_exit(other.run_to_end()) == "busy");
        add_note(link, "b");
      },
      {});
  REQUIRE(notes(ground.reopen()) == Names{"a", "b"});
}

TEST_CASE(
    "a child that returns or throws out of an inherited transaction neither commits nor rolls "
    "back") {
  FileGround ground;
  const Link& link = *ground.link;
  const bool throws = GENERATE(false, true);
  const bool nested = GENERATE(false, true);
  pid_t child = 0;
  const auto body = [&] {
    add_note(link, "a");
    child = fork();
    if (child == 0 && throws) throw std::runtime_error("child");
  };
  std::string outcome = "ok";
  try {
    link.transact(
        [&] {
          if (nested) {
            link.transact(body, {});
          } else {
            body();
          }
          if (child > 0) {
            int status = 0;
            waitpid(child, &status, 0);
            outcome = outcome_of_exit(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
          }
          add_note(link, "b");
        },
        {});
  } catch (const Error& error) {
    if (child == 0) _exit(static_cast<int>(error.code()) + 1);
    throw;
  } catch (const std::runtime_error&) {
    if (child == 0) _exit(static_cast<int>(ErrorCode::forked) + 1);
    throw;
  }
  if (child == 0) _exit(0);
  REQUIRE(outcome == "forked");
  REQUIRE(notes(link) == Names{"a", "b"});
  REQUIRE(notes(ground.reopen()) == Names{"a", "b"});
  REQUIRE(ground.ask("PRAGMA integrity_check") == "ok");
}

TEST_CASE("a child that leaves an inherited read ends no read of its parent") {
  FileGround ground;
  const Link& link = *ground.link;
  add_note(link, "a");
  pid_t child = 0;
  link.read_snapshot([&] {
    REQUIRE(notes(link) == Names{"a"});
    child = fork();
    if (child == 0) return;
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    std::thread([&] { add_note(link, "b"); }).join();
    REQUIRE(notes(link) == Names{"a"});
  });
  if (child == 0) _exit(0);
  REQUIRE(notes(link) == Names{"a", "b"});
}

TEST_CASE("a ticket that a child inherited cannot be waited for there") {
  FileGround ground({.committer_thread = true});
  const Link& link = *ground.link;
  std::optional<Ticket> ticket;
  {
    test::HeldTurn turn(link);
    ticket = link.commit_async([to = link.borrowed()] { add_note(*to, "a"); }, {});
    REQUIRE(in_fork([&] { return is_forked([&] { ticket->wait(); }) ? 0 : 1; }) == 0);
  }
  ticket->wait();
  REQUIRE(notes(link) == Names{"a"});
}

TEST_CASE("a child may open another file") {
  FileGround ground;
  add_note(*ground.link, "a");
  const std::string other = ground.folder.file("other.holdfast");
  const int code = in_fork([&] {
    return exit_code_of([&] {
      const Link link = test::open_link(other);
      test::create_notes(link);
      add_note(link, "child's");
    });
  });
  REQUIRE(outcome_of_exit(code) == "ok");
  REQUIRE(notes(*ground.link) == Names{"a"});
  REQUIRE(notes(test::open_link(other)) == Names{"child's"});
}
