// Another copy of SQLite in this process, as a host brings its own: it does not know of ours, and closing a
// file in it drops the locks that ours has there.
#include "engine/folder.hpp"

#include <sqlite3.h>

#include <dlfcn.h>

using namespace holdfast;
using test::add_note;
using test::FileGround;
using test::Names;
using test::notes;
using test::require_error;

namespace fs = std::filesystem;

namespace {

// The sanitizers refuse RTLD_DEEPBIND, and end the process. clang tells of them by a feature, g++ by a macro.
#if defined(__has_feature)
constexpr bool kCanLoadTwice =
    !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCanLoadTwice = false;
#else
constexpr bool kCanLoadTwice = true;
#endif

// A copy of the library's file is another library to the loader. Nothing of it is there where SQLite is linked
// statically.
class SecondSqlite {
 public:
  SecondSqlite() {
    Dl_info ours{};
    if (!kCanLoadTwice || dladdr(reinterpret_cast<void*>(&sqlite3_libversion), &ours) == 0) return;
    if (std::string(ours.dli_fname).find(".so") == std::string::npos) return;
    const std::string copy = folder_.file("libsecond.so");
    fs::copy_file(ours.dli_fname, copy);
    library_ = dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  }
  bool loaded() const { return library_ != nullptr; }
  template <class Function>
  Function* function(const char* name) const {
    return reinterpret_cast<Function*>(dlsym(library_, name));
  }

 private:
  test::TemporaryFolder folder_;
  void* library_ = nullptr;  // stays loaded: it may have handlers at the end of the process
};

// A connection in that copy.
class SecondConnection {
 public:
  SecondConnection(const SecondSqlite& library, const std::string& path) : library_(library) {
    const auto open = library.function<decltype(sqlite3_open)>("sqlite3_open");
    REQUIRE(open != &sqlite3_open);
    REQUIRE(open(path.c_str(), &db_) == SQLITE_OK);
  }
  SecondConnection(const SecondConnection&) = delete;
  SecondConnection& operator=(const SecondConnection&) = delete;
  ~SecondConnection() { library_.function<decltype(sqlite3_close)>("sqlite3_close")(db_); }

  int run(const char* sql) {
    const auto exec = library_.function<decltype(sqlite3_exec)>("sqlite3_exec");
    return exec(db_, sql, nullptr, nullptr, nullptr);
  }

 private:
  const SecondSqlite& library_;
  sqlite3* db_ = nullptr;
};

}  // namespace

TEST_CASE("a file that a second copy of SQLite in this process has open is a conflict") {
  const SecondSqlite second;
  if (!second.loaded()) {
    WARN("skipped: no second copy of SQLite can be loaded here");
    return;
  }
  FileGround ground;
  add_note(*ground.link, "ours");
  ground.close();
  {
    SecondConnection foreign(second, ground.path());
    REQUIRE(foreign.run("SELECT count(*) FROM note") == SQLITE_OK);
    require_error(ErrorCode::conflict, [&] { test::open_link(ground.path()); });
    REQUIRE(foreign.run("SELECT count(*) FROM note") == SQLITE_OK);
  }
  ground.open();
  REQUIRE(notes(*ground.link) == Names{"ours"});
}

TEST_CASE(
    "a second copy of SQLite that comes later takes our log away, which the next write notices") {
  const SecondSqlite second;
  if (!second.loaded()) {
    WARN("skipped: no second copy of SQLite can be loaded here");
    return;
  }
  FileGround ground;
  add_note(*ground.link, "before");
  {
    SecondConnection foreign(second, ground.path());
    REQUIRE(foreign.run("SELECT count(*) FROM note") == SQLITE_OK);
    add_note(*ground.link, "beside");
  }
  // Our locks mean nothing to it, since a process does not lock itself out: it took itself for the last one.
  require_error(ErrorCode::poisoned, [&] { add_note(*ground.link, "after"); });
  REQUIRE(notes(ground.reopen()) == Names{"before", "beside"});
  REQUIRE(ground.ask("PRAGMA integrity_check") == "ok");
}
