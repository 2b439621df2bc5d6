// What lies in a folder, byte for byte; and calls made in another process.
#pragma once

#include "engine/ground.hpp"
#include "support/child_process.hpp"

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <unistd.h>

namespace holdfast::test {

inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Only while nothing of it is open in this process: looking drops locks.
inline std::map<std::string, std::string> contents_of(const std::string& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.is_regular_file()) {
      contents[file.path().filename().string()] = bytes_of(file.path().string());
    }
  }
  return contents;
}

inline std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(folder))
    names.push_back(file.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// How a call ends in another process: 0 is "ok", an ErrorCode its number + 1.
inline int exit_code_of(const std::function<void()>& call) {
  try {
    call();
    return 0;
  } catch (const Error& error) {
    return static_cast<int>(error.code()) + 1;
  }
}

inline std::string outcome_of_exit(int code) {
  if (code == 0) return "ok";
  if (code < 0 || code >= 99) return "died";
  return std::string(to_string(static_cast<ErrorCode>(code - 1)));
}

inline std::string outcome_in_child(const std::function<void()>& call) {
  ChildProcess child([&] { return exit_code_of(call); });
  return outcome_of_exit(child.run_to_end());
}

// As a user to whom the file system's permissions apply.
inline std::string outcome_as_nobody(const std::function<void()>& call) {
  constexpr unsigned kNobody = 65534;
  return outcome_in_child([&] {
    if (getuid() == 0 && (setgid(kNobody) != 0 || setuid(kNobody) != 0)) _exit(99);
    call();
  });
}

}  // namespace holdfast::test
