// The built holdfast command, run as a person or a script runs it.
//
//   const test::CommandResult result = test::holdfast({"info", file, "--json"});
//   REQUIRE(result.code == 0);
#pragma once

#include "support/source_files.hpp"
#include "support/temporary_folder.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace holdfast::test {

struct CommandResult {
  int code = -1;  // of the exit; -1: it was ended by a signal
  std::string out = {};
  std::string err = {};
};

inline std::string command_path() {
  const char* folder = std::getenv("HOLDFAST_BUILD_DIR");
  if (folder == nullptr) throw std::runtime_error("HOLDFAST_BUILD_DIR is not set; use meson test");
  return std::string(folder) + "/src/cli/holdfast";
}

// Runs the command with these descriptors as its output; returns its wait status.
inline int run_command(const std::vector<std::string>& arguments, int out, int err) {
  std::vector<std::string> words = {command_path()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) {
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) throw std::runtime_error("the command is lost");
  return status;
}

// Output goes through files: pipes of both kinds at once could fill up and hang.
inline CommandResult holdfast(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  const auto open_file = [&](const char* name) {
    return ::open(folder.file(name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  };
  const int out = open_file("out");
  const int err = open_file("err");
  const int status = run_command(arguments, out, err);
  ::close(out);
  ::close(err);
  return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .out = read_file(folder.file("out")),
          .err = read_file(folder.file("err"))};
}

}  // namespace holdfast::test
