#include "vfs/platform.hpp"

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using holdfast::test::TemporaryFolder;
using namespace holdfast::vfs;

namespace {

void touch(const std::string& path) {
  std::ofstream(path) << "x";
}

}  // namespace

TEST_CASE("a missing file resolves to its folder and its own name") {
  const TemporaryFolder folder;
  const ResolvedPath resolved = resolve(folder.file("app.holdfast"));
  CHECK(resolved.error == 0);
  CHECK(resolved.path == folder.file("app.holdfast"));
  CHECK(resolved.folder == folder.path());
  CHECK(resolved.kind == LastComponent::missing);
  CHECK(resolved.hard_links == 0);
  CHECK(resolved.folder_writable);
  CHECK_FALSE(resolved.file_writable);
}

TEST_CASE("links in the folder are resolved, a link as last component is kept and named") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("real"));
  std::filesystem::create_directory_symlink(folder.file("real"), folder.file("linked"));
  touch(folder.file("real/app"));
  std::filesystem::create_symlink(folder.file("real/app"), folder.file("real/link"));
  std::filesystem::create_symlink(folder.file("nowhere"), folder.file("real/dangling"));

  const ResolvedPath file = resolve(folder.file("linked/../linked/./app"));
  CHECK(file.path == folder.file("real/app"));
  CHECK(file.kind == LastComponent::regular);
  CHECK(file.hard_links == 1);
  CHECK(file.file_writable);

  for (const char* name : {"link", "dangling"}) {
    const ResolvedPath link = resolve(folder.file("linked/") + name);
    CHECK(link.path == folder.file("real/") + name);
    CHECK(link.kind == LastComponent::symlink);
  }
}

TEST_CASE("folders, pipes and hard links are told apart from plain files") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("sub"));
  CHECK(resolve(folder.file("sub")).kind == LastComponent::directory);
  CHECK(resolve(folder.file("sub/")).kind == LastComponent::directory);
  CHECK(resolve(folder.file("sub/.")).kind == LastComponent::directory);
  CHECK(resolve(folder.file("sub/..")).path == folder.path());
  CHECK(resolve("/").kind == LastComponent::directory);
  CHECK(resolve("/").folder == "/");
  CHECK(resolve("..").kind == LastComponent::directory);
  REQUIRE(mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  CHECK(resolve(folder.file("pipe")).kind == LastComponent::other);
  touch(folder.file("one"));
  std::filesystem::create_hard_link(folder.file("one"), folder.file("two"));
  CHECK(resolve(folder.file("two")).hard_links == 2);
}

TEST_CASE("a relative path and one that looks like a URI become absolute") {
  const std::string here = std::filesystem::current_path().string();
  CHECK(resolve("some name").path == here + "/some name");
  CHECK(resolve("file:x?mode=memory").path == here + "/file:x?mode=memory");
  CHECK(resolve(":memory:").path == here + "/:memory:");
  CHECK(resolve("/name").path == "/name");
}

TEST_CASE("a path that cannot be resolved says why") {
  const TemporaryFolder folder;
  touch(folder.file("plain"));
  CHECK(resolve("").error == EINVAL);
  CHECK(resolve(std::string("a\0b", 3)).error == EINVAL);
  CHECK(resolve(folder.file("missing/app")).error == ENOENT);
  CHECK(resolve(folder.file("missing/")).error == ENOENT);
  CHECK(resolve(folder.file("plain/app")).error == ENOTDIR);
  CHECK(resolve(folder.file(std::string(300, 'n'))).error == ENAMETOOLONG);
}

TEST_CASE("a folder and a file without permission are not writable") {
  if (geteuid() == 0) return;  // root may write everywhere
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("sub"));
  touch(folder.file("sub/app"));
  chmod(folder.file("sub/app").c_str(), 0400);
  chmod(folder.file("sub").c_str(), 0500);
  const ResolvedPath resolved = resolve(folder.file("sub/app"));
  CHECK_FALSE(resolved.folder_writable);
  CHECK_FALSE(resolved.file_writable);
  CHECK(create_database_file(folder.file("sub/new")).error == EACCES);
  chmod(folder.file("sub").c_str(), 0700);
}

TEST_CASE("a database file is created empty, for its owner only, and once") {
  const TemporaryFolder folder;
  const std::string path = folder.file("app.holdfast");
  const CreateResult first = create_database_file(path);
  CHECK(first.outcome == CreateOutcome::created);
  CHECK(first.error == 0);
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK(status.st_size == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(create_database_file(path).outcome == CreateOutcome::existed);
}

TEST_CASE("a link, even one to nowhere, is not followed by creation") {
  const TemporaryFolder folder;
  std::filesystem::create_symlink(folder.file("target"), folder.file("link"));
  CHECK(create_database_file(folder.file("link")).outcome == CreateOutcome::existed);
  CHECK_FALSE(std::filesystem::exists(folder.file("target")));
}

TEST_CASE("a creation that fails says why") {
  const TemporaryFolder folder;
  const CreateResult result = create_database_file(folder.file("missing/app"));
  CHECK(result.outcome == CreateOutcome::failed);
  CHECK(result.error == ENOENT);
}

TEST_CASE("file systems are known by Linux's numbers") {
  for (const std::uint64_t network :
       {0x6969U, 0x517BU, 0xFF534D42U, 0xFE534D42U, 0x00C36400U, 0x0BD00BD0U}) {
    CHECK(file_system_from_magic(network) == FileSystemKind::network);
  }
  CHECK(file_system_from_magic(0x65735546U) == FileSystemKind::fuse);
  CHECK(file_system_from_magic(0x01021997U) == FileSystemKind::p9);
  for (const std::uint64_t local : {0xEF53U, 0x58465342U, 0x9123683EU, 0x01021994U, 0x794C7630U}) {
    CHECK(file_system_from_magic(local) == FileSystemKind::local);
  }
}

TEST_CASE("file systems are known by the names of macOS and BSD") {
  CHECK(file_system_from_name("nfs") == FileSystemKind::network);
  CHECK(file_system_from_name("smbfs") == FileSystemKind::network);
  CHECK(file_system_from_name("macfuse") == FileSystemKind::fuse);
  CHECK(file_system_from_name("p9fs") == FileSystemKind::p9);
  CHECK(file_system_from_name("apfs") == FileSystemKind::local);
  CHECK(file_system_from_name("") == FileSystemKind::local);
}

TEST_CASE("the file system of a folder is asked, and one that is not there is unknown") {
  const TemporaryFolder folder;
  CHECK(file_system_of(folder.path()) != FileSystemKind::unknown);
  CHECK(file_system_of(folder.file("missing")) == FileSystemKind::unknown);
}
