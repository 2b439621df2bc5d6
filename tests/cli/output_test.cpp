// Standard output that goes away or is full.

#include "support/catch.hpp"
#include "support/command.hpp"
#include "support/full_database.hpp"
#include "support/temporary_database.hpp"

#include <array>
#include <string>
#include <fcntl.h>
#include <unistd.h>

using namespace holdfast;

namespace {

// Runs the command into a pipe that nobody reads any more.
int code_with_closed_reader(const std::vector<std::string>& arguments, int err) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  ::close(ends[0]);
  const int status = test::run_command(arguments, ends[1], err);
  ::close(ends[1]);
  INFO("status " << status);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("a reader that goes away ends the command in peace") {
  test::TemporaryDatabase db;
  test::fill(*db);
  std::vector<std::string> entries(5000, "{\"text\":\"" + std::string(200, 'x') + "\"}");
  db->sessions().append_all("s", "long", entries);
  const test::TemporaryFolder folder;
  const int err = ::open(folder.file("err").c_str(), O_RDWR | O_CREAT, 0600);
  CHECK(code_with_closed_reader({"show", db.file(), "segment", "long"}, err) == 0);
  CHECK(code_with_closed_reader({"info", db.file()}, err) == 0);
  CHECK(code_with_closed_reader({"ls", db.file(), "segments", "--json"}, err) == 0);
  // What is to be done is done, whoever listens.
  const std::string target = folder.file("copy");
  CHECK(code_with_closed_reader({"backup", db.file(), target}, err) == 0);
  ::close(err);
  CHECK(test::read_file(folder.file("err")).empty());
  CHECK(test::holdfast({"verify", target}).code == 0);
}

TEST_CASE("damage that nobody reads of still gives code 1") {
  test::TemporaryDatabase db;
  test::fill(*db);
  db.damage("UPDATE checkpoint SET graph_hash = 8 WHERE name = 'c1'");
  CHECK(code_with_closed_reader({"verify", db.file()}, STDERR_FILENO) == 1);
}

TEST_CASE("an output that takes no more bytes is a failure that is told") {
  if (::access("/dev/full", W_OK) != 0) return;  // only Linux has it
  test::TemporaryDatabase db;
  test::fill(*db);
  const test::TemporaryFolder folder;
  const int err = ::open(folder.file("err").c_str(), O_RDWR | O_CREAT, 0600);
  const int full = ::open("/dev/full", O_WRONLY);
  const int status = test::run_command({"info", db.file()}, full, err);
  ::close(full);
  ::close(err);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 4);
  CHECK(test::read_file(folder.file("err")) ==
        "holdfast: error: standard output cannot be written\n");
}

TEST_CASE("nothing but errors is told on standard error when it is no terminal") {
  test::TemporaryDatabase db;
  test::fill(*db);
  CHECK(test::holdfast({"verify", db.file()}).err.empty());
  CHECK(test::holdfast({"verify", db.file(), "--quiet"}).err.empty());
}
