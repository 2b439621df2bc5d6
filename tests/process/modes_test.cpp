// Other users of the machine: no file that holds data can be read by them, at any time of its life, whatever the
// folder and the umask allow.
#include "engine/folder.hpp"
#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"
#include "holdfast/maintain.hpp"
#include "support/full_database.hpp"

#include <fcntl.h>
#include <sys/stat.h>

using namespace holdfast;
using test::ChildProcess;

namespace {

// Everything in it is open to all, unless the file itself is not.
class OpenFolder {
 public:
  OpenFolder() : umask_(umask(0)) {
    std::filesystem::permissions(folder_.path(), std::filesystem::perms::all);
  }
  OpenFolder(const OpenFolder&) = delete;
  OpenFolder& operator=(const OpenFolder&) = delete;
  ~OpenFolder() { umask(umask_); }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  [[nodiscard]] std::string path() const { return folder_.path(); }

 private:
  mode_t umask_;
  test::TemporaryFolder folder_;
};

// Files that another user could open, asked of the kernel where this is root and can become another user.
std::vector<std::string> open_to_others(const std::string& folder) {
  constexpr unsigned kNobody = 65534;
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    struct stat status {};
    const std::string path = entry.path().string();
    if (stat(path.c_str(), &status) != 0) continue;
    bool open = (status.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    if (getuid() == 0) {
      ChildProcess other([&] {
        if (setgid(kNobody) != 0 || setuid(kNobody) != 0) return 2;
        return ::open(path.c_str(), O_RDONLY) >= 0 || ::open(path.c_str(), O_WRONLY) >= 0 ? 1 : 0;
      });
      open = open || other.run_to_end() != 0;
    }
    if (open) found.push_back(path);
  }
  return found;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("other users can open neither the file, nor its log, nor the index of the log") {
  const OpenFolder folder;
  const std::string path = folder.file("app.holdfast");
  {
    auto db = Database::open(path);
    test::fill(db);
    const Names files = test::files_in(folder.path());
    REQUIRE(files == Names{"app.holdfast", "app.holdfast-shm", "app.holdfast-wal"});
    REQUIRE(open_to_others(folder.path()) == Names{});
  }
  REQUIRE(open_to_others(folder.path()) == Names{});
  // Log and index are made anew.
  auto db = Database::open(path);
  db.state("orders").put("again", "1");
  REQUIRE(open_to_others(folder.path()) == Names{});
}

TEST_CASE("other users can open a backup neither while it is made nor afterwards") {
  const OpenFolder folder;
  const test::TemporaryFolder own;
  auto db = Database::open(own.file("app.holdfast"));
  test::fill(db);
  Names found;
  std::size_t looked = 0;
  const auto look = [&](std::uint64_t, std::uint64_t) {
    const Names now = open_to_others(folder.path());
    found.insert(found.end(), now.begin(), now.end());
    ++looked;
    return true;
  };
  REQUIRE(backup(db, folder.file("copy.holdfast"), {.pages_per_step = 64, .progress = look}));
  REQUIRE(looked > 1);
  REQUIRE(found == Names{});
  REQUIRE(test::files_in(folder.path()) == Names{"copy.holdfast"});
  REQUIRE(open_to_others(folder.path()) == Names{});
}

TEST_CASE("other users can open neither what was restored nor what was salvaged") {
  const OpenFolder folder;
  const test::TemporaryFolder own;
  {
    auto db = Database::open(own.file("app.holdfast"));
    test::fill(db);
    REQUIRE(backup(db, own.file("copy.holdfast")));
  }
  REQUIRE(restore(own.file("copy.holdfast"), folder.file("restored.holdfast")));
  salvage(own.file("app.holdfast"), folder.file("salvaged.holdfast"));
  REQUIRE(test::files_in(folder.path()) == Names{"restored.holdfast", "salvaged.holdfast"});
  REQUIRE(open_to_others(folder.path()) == Names{});
}

TEST_CASE("other users can open nothing of an export") {
  const OpenFolder folder;
  const test::TemporaryFolder own;
  auto db = Database::open(own.file("app.holdfast"));
  test::fill(db);
  export_to(db, folder.file("deep/sessions"));
  export_to(db, folder.file("manifests"), {.format = SourceFormat::manifest_directory});
  REQUIRE(test::files_in(folder.path()).empty() == false);
  REQUIRE(open_to_others(folder.path()) == Names{});
}
