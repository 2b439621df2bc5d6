// What may be opened: which paths, which files, by whom, how often. What is refused is left as it was.
#include "engine/folder.hpp"
#include "support/random.hpp"

#include <sqlite3.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

using namespace holdfast;
using test::add_note;
using test::contents_of;
using test::FileGround;
using test::files_in;
using test::Link;
using test::Names;
using test::notes;
using test::open_link;
using test::PlainSqlite;
using test::require_error;
using test::TemporaryFolder;
using test::write_bytes;

namespace fs = std::filesystem;

namespace {

unsigned mode_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return 0;
  return status.st_mode & 07777U;
}

// Refused, and nothing in the folder is any different.
void require_untouched(ErrorCode code, const TemporaryFolder& folder, const std::string& path) {
  const auto before = contents_of(folder.path());
  require_error(code, [&] { open_link(path); });
  REQUIRE(files_in(folder.path()).size() == before.size());
  REQUIRE((contents_of(folder.path()) == before));
}

void require_usable(const std::string& path) {
  const Link link = open_link(path);
  test::create_notes(link);
  add_note(link, "a");
  REQUIRE(notes(link) == Names{"a"});
}

// Copies a database and what lies beside it while it is open, as a killed program leaves it.
void leave_killed(const std::string& from, const std::string& to, const Names& endings) {
  for (const std::string& ending : endings)
    fs::copy_file(from + ending, to + ending);
}

}  // namespace

TEST_CASE("a new file and what lies beside it can be read by their owner only") {
  TemporaryFolder folder;
  const mode_t before = umask(0);
  const std::string path = folder.file("app.holdfast");
  const Link link = open_link(path);
  test::create_notes(link);
  umask(before);
  REQUIRE(mode_of(path) == 0600);
  REQUIRE(mode_of(path + "-wal") == 0600);
  REQUIRE(mode_of(path + "-shm") == 0600);
}

TEST_CASE("a file of 0 bytes is new") {
  TemporaryFolder folder;
  const std::string path = folder.file("app.holdfast");
  write_bytes(path, "");
  require_usable(path);
}

TEST_CASE("a creation that was killed is new") {
  TemporaryFolder folder;
  const std::string path = folder.file("app.holdfast");
  PlainSqlite(path, PlainSqlite::kCreate)
      .run("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; VACUUM");
  REQUIRE(fs::file_size(path) > 0);
  require_usable(path);
}

TEST_CASE("what is no database is refused and left as it was") {
  test::Random random;
  INFO(random);
  TemporaryFolder folder;
  const std::string path = folder.file("app.holdfast");
  write_bytes(path,
              GENERATE_REF(std::string("x"),
                           std::string("this is a text\n"),
                           std::string(100, '\0'),
                           random.bytes(99),
                           random.bytes(100'000),
                           "SQLite format 3" + random.bytes(4096)));
  require_untouched(ErrorCode::not_a_database, folder, path);
}

TEST_CASE("another program's database is refused and left as it was") {
  TemporaryFolder folder;
  const std::string path = folder.file("app.holdfast");
  const auto* const make = GENERATE("CREATE TABLE t (a)",
                                    "PRAGMA application_id = 7; CREATE TABLE t (a)",
                                    "PRAGMA application_id = 7; PRAGMA user_version = 8",
                                    "PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
  PlainSqlite(path, PlainSqlite::kCreate).run(make);
  require_untouched(ErrorCode::not_a_database, folder, path);
}

TEST_CASE("another program's database is left as it was also with a log that is not yet in it") {
  TemporaryFolder live;
  TemporaryFolder folder;
  const std::string path = folder.file("app.holdfast");
  const Names endings = GENERATE(Names{"", "-wal", "-shm"}, Names{"", "-wal"});
  {
    PlainSqlite other(live.file("other"), PlainSqlite::kCreate);
    other.run("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    leave_killed(live.file("other"), path, endings);
  }
  const auto before = contents_of(folder.path());
  require_error(ErrorCode::not_a_database, [&] { open_link(path); });
  auto after = contents_of(folder.path());
  REQUIRE(files_in(folder.path()).size() == endings.size());
  // The index beside the log holds no data: whoever comes first after a crash builds it anew.
  after.erase("app.holdfast-shm");
  for (const auto& [name, bytes] : after)
    REQUIRE((before.at(name) == bytes));
  REQUIRE(PlainSqlite(path).integer("SELECT a FROM t") == 1);
}

TEST_CASE("a file of a newer schema is refused and left as it was") {
  FileGround ground;
  ground.close();
  PlainSqlite(ground.path()).run("PRAGMA user_version = 9999");
  require_untouched(ErrorCode::schema_too_new, ground.folder, ground.path());
}

TEST_CASE("a file that was taken out of WAL mode is put back into it") {
  FileGround ground;
  add_note(*ground.link, "a");
  ground.close();
  REQUIRE(PlainSqlite(ground.path()).text("PRAGMA journal_mode = DELETE") == "delete");
  {
    const Link link = open_link(ground.path(), {.read_only = true});
    REQUIRE(notes(link) == Names{"a"});
  }
  REQUIRE(notes(ground.open()) == Names{"a"});
  REQUIRE(ground.ask("PRAGMA journal_mode") == "wal");
}

TEST_CASE("a truncated file is refused, and not made shorter or longer") {
  FileGround ground;
  ground.close();
  const auto size = fs::file_size(ground.path());
  fs::resize_file(ground.path(), GENERATE_COPY(size / 2, size - 8192, std::uintmax_t{8192}));
  require_untouched(ErrorCode::corrupt, ground.folder, ground.path());
}

// SQLite would open it, and say at the first write that the database may only be read.
TEST_CASE("a file whose header asks for a newer SQLite to write it is damaged") {
  FileGround ground;
  ground.close();
  constexpr std::streamoff kWriteVersion = 18;
  {
    std::fstream file(ground.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(kWriteVersion).put(2 + 8);
  }
  require_untouched(ErrorCode::corrupt, ground.folder, ground.path());
}

TEST_CASE("a path that is no file to be opened is invalid") {
  TemporaryFolder folder;
  const std::string path = folder.file("app.holdfast");
  { const Link link = open_link(path); }
  require_error(ErrorCode::invalid_argument, [&] { open_link(folder.path()); });
  require_error(ErrorCode::invalid_argument, [&] { open_link(""); });
  require_error(ErrorCode::invalid_argument, [&] { open_link(std::string("a\0b", 3)); });
  fs::create_symlink(path, folder.file("link"));
  require_error(ErrorCode::invalid_argument, [&] { open_link(folder.file("link")); });
  fs::create_symlink(folder.file("nowhere"), folder.file("dangling"));
  require_error(ErrorCode::invalid_argument, [&] { open_link(folder.file("dangling")); });
  REQUIRE(mkfifo(folder.file("fifo").c_str(), 0600) == 0);
  require_error(ErrorCode::invalid_argument, [&] { open_link(folder.file("fifo")); });
  REQUIRE_FALSE(fs::exists(folder.file("nowhere")));
  require_usable(path);
}

TEST_CASE("a file with two names is refused under both") {
  FileGround ground;
  ground.close();
  fs::create_hard_link(ground.path(), ground.folder.file("second"));
  require_untouched(ErrorCode::invalid_argument, ground.folder, ground.path());
  require_untouched(ErrorCode::invalid_argument, ground.folder, ground.folder.file("second"));
}

TEST_CASE("a folder may be a link, and leads to the same file") {
  FileGround ground;
  add_note(*ground.link, "a");
  TemporaryFolder elsewhere;
  fs::create_directory_symlink(ground.folder.path(), elsewhere.file("linked"));
  const Link link = open_link(elsewhere.file("linked/app.holdfast"));
  REQUIRE(notes(link) == Names{"a"});
  REQUIRE(&link.engine() == &ground.link->engine());
  REQUIRE(link.path() == ground.path());
}

TEST_CASE("a folder that is missing, and a file that must be there, are not found") {
  TemporaryFolder folder;
  require_error(ErrorCode::not_found, [&] { open_link(folder.file("no/app.holdfast")); });
  write_bytes(folder.file("plain"), "x");
  require_error(ErrorCode::not_found, [&] { open_link(folder.file("plain/app.holdfast")); });
  require_error(ErrorCode::not_found,
                [&] { open_link(folder.file("app.holdfast"), {.create = false}); });
  require_error(ErrorCode::not_found,
                [&] { open_link(folder.file("app.holdfast"), {.read_only = true}); });
  REQUIRE(files_in(folder.path()) == Names{"plain"});
}

TEST_CASE("a name means a file, whatever is in it") {
  TemporaryFolder folder;
  const auto* const name = GENERATE("file:app.holdfast?mode=memory",
                                    ":memory:",
                                    "-wal",
                                    " a b\n%20'\".holdfast",
                                    "app.holdfast?vfs=unix-none#x");
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  {
    const Link link = open_link(name);
    test::create_notes(link);
    REQUIRE(link.path() == folder.file(name));
  }
  fs::current_path(before);
  REQUIRE(files_in(folder.path()) == Names{name});
}

TEST_CASE("a folder or a file that cannot be written is read_only") {
  FileGround ground;
  add_note(*ground.link, "a");
  ground.close();
  const std::string folder = ground.folder.path();
  fs::permissions(folder, fs::perms(0777));
  fs::permissions(ground.path(), fs::perms(0666));
  const auto open_and_write = [&] { add_note(open_link(ground.path()), "b"); };
  const auto open_and_read = [&] { notes(open_link(ground.path(), {.read_only = true})); };
  SECTION("the folder") {
    fs::permissions(folder, fs::perms(0555));
    REQUIRE(test::outcome_as_nobody(open_and_write) == "read_only");
    REQUIRE(test::outcome_as_nobody([&] { open_link(folder + "/new.holdfast"); }) == "read_only");
    // The index of the log could not be made beside it.
    REQUIRE(test::outcome_as_nobody(open_and_read) == "read_only");
  }
  SECTION("the file") {
    fs::permissions(ground.path(), fs::perms(0444));
    REQUIRE(test::outcome_as_nobody(open_and_write) == "read_only");
    REQUIRE(test::outcome_as_nobody(open_and_read) == "ok");
  }
  SECTION("neither") {
    REQUIRE(test::outcome_as_nobody(open_and_write) == "ok");
  }
  fs::permissions(folder, fs::perms(0777));
}

TEST_CASE("a read-only opening reads, refuses every write, and migrates nothing") {
  FileGround ground;
  add_note(*ground.link, "a");
  ground.close();
  const auto before = test::bytes_of(ground.path());
  {
    const Link link = open_link(ground.path(), {.read_only = true});
    REQUIRE(notes(link) == Names{"a"});
    require_error(ErrorCode::read_only, [&] { add_note(link, "b"); });
    require_error(ErrorCode::read_only, [&] { link.transact([] {}, {}); });
    require_error(ErrorCode::read_only, [&] { link.commit([] {}, {}); });
  }
  REQUIRE((test::bytes_of(ground.path()) == before));
  PlainSqlite(ground.path()).run("PRAGMA user_version = 0");
  require_error(ErrorCode::read_only, [&] { open_link(ground.path(), {.read_only = true}); });
  write_bytes(ground.folder.file("empty"), "");
  require_error(ErrorCode::read_only,
                [&] { open_link(ground.folder.file("empty"), {.read_only = true}); });
}

TEST_CASE("opening a file twice shares it, and other options are a conflict") {
  FileGround ground({.busy_timeout_ms = 1234});
  const Link second = open_link(ground.path(), {.busy_timeout_ms = 1234});
  REQUIRE(&second.engine() == &ground.link->engine());
  // `create` says what to do if it is missing, and it is not.
  const Link third = open_link(ground.path(), {.create = false, .busy_timeout_ms = 1234});
  REQUIRE(&third.engine() == &ground.link->engine());
  require_error(ErrorCode::conflict, [&] { open_link(ground.path()); });
  require_error(ErrorCode::conflict, [&] {
    open_link(ground.path(), {.busy_timeout_ms = 1234, .committer_thread = true});
  });
  require_error(ErrorCode::conflict,
                [&] { open_link(ground.path(), {.read_only = true, .busy_timeout_ms = 1234}); });
}

TEST_CASE("a second opening may leave functions out, but gives none of another kind") {
  const auto clock_at = [](std::int64_t now) { return [now] { return now; }; };
  FileGround ground({.clock = clock_at(1)});
  REQUIRE(open_link(ground.path()).now_us() == 1);
  REQUIRE(open_link(ground.path(), {.clock = clock_at(2)}).now_us() == 1);
  require_error(ErrorCode::conflict,
                [&] { open_link(ground.path(), {.clock = [] { return std::int64_t{3}; }}); });
  require_error(ErrorCode::conflict,
                [&] { open_link(ground.path(), {.log = [](LogLevel, std::string_view) {}}); });
  require_error(ErrorCode::conflict,
                [&] { open_link(ground.path(), {.random = [] { return std::uint64_t{4}; }}); });
}

TEST_CASE("options that make no sense are invalid") {
  TemporaryFolder folder;
  const std::string path = folder.file("app.holdfast");
  const auto refused = [&](const OpenOptions& options) {
    require_error(ErrorCode::invalid_argument, [&] { open_link(path, options); });
    require_error(ErrorCode::invalid_argument, [&] { engine::OpenFiles::open_in_memory(options); });
  };
  refused({.page_bytes = 0});
  refused({.page_bytes = 256});
  refused({.page_bytes = 5000});
  refused({.page_bytes = 131'072});
  refused({.max_readers = 0});
  refused({.busy_timeout_ms = -1});
  REQUIRE(files_in(folder.path()).empty());
}

TEST_CASE("a new file has the page size that was asked for; an old one keeps its own") {
  TemporaryFolder folder;
  const std::string path = folder.file("app.holdfast");
  const auto page_size = [](const Link& link) {
    return link.read([](test::Connection& db) { return db.integer("PRAGMA page_size"); });
  };
  REQUIRE(page_size(open_link(path, {.page_bytes = 16'384})) == 16'384);
  REQUIRE(page_size(open_link(path, {.page_bytes = 4096})) == 16'384);
}

TEST_CASE("somebody else's descriptor on the file is a conflict") {
  FileGround ground;
  ground.close();
  const int descriptor = ::open(ground.path().c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(descriptor >= 0);
  require_error(ErrorCode::conflict, [&] { open_link(ground.path()); });
  ::close(descriptor);
  REQUIRE(notes(open_link(ground.path())).empty());
}

TEST_CASE("a file that was replaced is not opened beside the one that it replaced") {
  FileGround ground;
  add_note(*ground.link, "old");
  REQUIRE(notes(*ground.link) == Names{"old"});
  SECTION("by nothing") {
    fs::rename(ground.path(), ground.folder.file("away"));
  }
  SECTION("by another file") {
    { const Link other = open_link(ground.folder.file("other")); }
    fs::rename(ground.folder.file("other"), ground.path());
  }
  require_error(ErrorCode::conflict, [&] { open_link(ground.path()); });
  REQUIRE(notes(*ground.link) == Names{"old"});
}

TEST_CASE("many processes may make one new file at once") {
  TemporaryFolder folder;
  const std::string path = folder.file("app.holdfast");
  const auto add = [&](int number) {
    return test::exit_code_of([&] {
      const Link link = open_link(path);
      test::create_notes(link);
      add_note(link, std::to_string(number));
    });
  };
  std::vector<std::unique_ptr<test::ChildProcess>> children;
  constexpr int kChildren = 8;
  for (int i = 0; i < kChildren; ++i)
    children.push_back(std::make_unique<test::ChildProcess>([&add, i] { return add(i); }));
  for (const auto& child : children)
    child->start();
  for (const auto& child : children)
    REQUIRE(test::outcome_of_exit(child->wait()) == "ok");
  REQUIRE(notes(open_link(path)).size() == kChildren);
}
