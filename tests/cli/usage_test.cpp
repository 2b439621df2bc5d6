#include "support/catch.hpp"
#include "support/command.hpp"
#include "support/full_database.hpp"
#include "support/temporary_database.hpp"

#include <filesystem>
#include <string>

using namespace holdfast;

TEST_CASE("--help and --version go to standard output, with code 0") {
  const auto help = test::holdfast({"--help"});
  REQUIRE(help.code == 0);
  REQUIRE(help.err.empty());
  for (const char* word : {"info",
                           "ls",
                           "show",
                           "import",
                           "export",
                           "verify",
                           "prune",
                           "backup",
                           "exit codes",
                           "examples"}) {
    INFO(word);
    REQUIRE(help.out.find(word) != std::string::npos);
  }
  const auto version = test::holdfast({"--version"});
  REQUIRE(version.code == 0);
  REQUIRE(version.out.rfind("holdfast ", 0) == 0);
}

TEST_CASE("each subcommand has help with examples") {
  for (const char* name : {"info", "ls", "show", "import", "export", "verify", "prune", "backup"}) {
    const auto help = test::holdfast({name, "--help"});
    INFO(name);
    REQUIRE(help.code == 0);
    REQUIRE(help.out.find(std::string("holdfast ") + name + " app.holdfast") != std::string::npos);
  }
}

TEST_CASE("arguments that make no sense are code 2, say why, and do nothing") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const std::string file = db.file();
  const std::vector<std::vector<std::string>> bad = {
      {},
      {"nonsense"},
      {"info"},
      {"info", file, "more"},
      {"info", file, "--nonsense"},
      {"ls", file, "nonsense"},
      {"ls", file, "leases", "leader"},
      {"ls", file, "traces", "--limit", "0"},
      {"ls", file, "traces", "--limit", "x"},
      {"show", file, "checkpoint"},
      {"show", file, "nonsense", "c1"},
      {"show", file, "checkpoint", "c1", "--tail", "3"},
      {"show", file, "segment", "g1", "--key", "x"},
      {"show", file, "segment", "g1", "--tail", "3", "--from", "1"},
      {"show", file, "segment", "g1", "--tail", "-3"},
      {"show", file, "manifest", "one"},
      {"show", file, "state", "orders", "--raw", "--prefix", "a"},
      {"show", file, "state", "orders", "--partition", "op"},
      {"show", file, "state", "orders", "--partition", "op:1:x"},
      {"import", file},
      {"import", file, "/", "--format", "nonsense"},
      {"export", file},
      {"export", file, "/tmp/x", "--layout", "3"},
      {"export", file, "/tmp/x", "--format", "manifests", "--session", "session-1"},
      {"prune", file, "--keep", "1"},
      {"prune", file, "--trace", "trace-1"},
      {"prune", file, "--trace", "trace-1", "--keep", "-1"},
      {"prune", file, "--trace", "trace-1", "--run", "run-1", "--keep", "1"},
      {"backup", file},
  };
  for (const auto& arguments : bad) {
    const auto result = test::holdfast(arguments);
    std::string line;
    for (const auto& word : arguments)
      line += word + " ";
    INFO(line << "\n" << result.err);
    REQUIRE(result.code == 2);
    REQUIRE(result.out.empty());
    REQUIRE(result.err.find("holdfast: error: ") == 0);
  }
  REQUIRE(db->checkpoints().size() == 4);
}

TEST_CASE("a file that cannot be opened is code 3, and only import makes a missing one") {
  test::TemporaryFolder folder;
  const std::string missing = folder.file("missing");
  const std::vector<std::vector<std::string>> commands = {
      {"info", missing},
      {"ls", missing},
      {"show", missing, "trace", "t"},
      {"export", missing, folder.file("out")},
      {"verify", missing},
      {"prune", missing, "--trace", "t", "--keep", "1", "--yes"},
      {"backup", missing, folder.file("copy")},
  };
  for (const auto& arguments : commands) {
    const auto result = test::holdfast(arguments);
    INFO(arguments[0] << " " << result.err);
    REQUIRE(result.code == 3);
    REQUIRE(result.out.empty());
    REQUIRE(result.err.find("cannot open '" + missing + "'") != std::string::npos);
    REQUIRE(std::filesystem::is_empty(folder.path()));
  }
  test::write_file(folder.file("text"),
                   "this is not a database, and long enough to look at as one\n");
  REQUIRE(test::holdfast({"info", folder.file("text")}).code == 3);
  REQUIRE(test::holdfast({"info", folder.path()}).code == 3);
}

TEST_CASE("what is not in the file is code 5") {
  test::TemporaryDatabase db;
  test::fill(*db);
  const std::string file = db.file();
  const std::vector<std::vector<std::string>> absent = {
      {"ls", file, "traces", "nobody"},
      {"ls", file, "sessions", "nobody"},
      {"ls", file, "runs", "nobody"},
      {"ls", file, "streams", "nobody"},
      {"ls", file, "states", "nobody"},
      {"show", file, "trace", "nobody"},
      {"show", file, "checkpoint", "nobody"},
      {"show", file, "segment", "nobody"},
      {"show", file, "run", "nobody"},
      {"show", file, "snapshot", "nobody"},
      {"show", file, "snapshot", "run-1", "--at", "4"},
      {"show", file, "manifest", "99"},
      {"show", file, "manifest", "3", "--state"},
      {"show", file, "state", "nobody"},
      {"show", file, "state", "orders", "--key", "nothing"},
      {"show", file, "state", "orders", "--at", "99"},
      {"show", file, "pod", "nobody"},
      {"import", file, "/nowhere/at/all"},
      {"export", file, "/tmp/holdfast-nothing", "--session", "nobody"},
  };
  for (const auto& arguments : absent) {
    const auto result = test::holdfast(arguments);
    std::string line;
    for (const auto& word : arguments)
      line += word + " ";
    INFO(line << "\n" << result.err);
    REQUIRE(result.code == 5);
    REQUIRE(result.out.empty());
    REQUIRE(result.err.find("holdfast: error: ") == 0);
  }
}

TEST_CASE("an id with braces and percent signs is text in a message, not a format") {
  test::TemporaryDatabase db;
  const auto result = test::holdfast({"show", db.file(), "run", "{} {0} %s"});
  REQUIRE(result.code == 5);
  REQUIRE(result.err == "holdfast: error: there is no run {} {0} %s\n");
}
