// What the figures were measured on: for the header of every program.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace bench {

using Facts = std::vector<std::pair<std::string, std::string>>;

// CPU, memory, kernel, file system of the folder, compiler, libraries.
Facts machine(const std::filesystem::path& folder);

// Of the last minute: other work on the machine shows in the figures.
std::string load_average();

// False: not a folder, or one in memory.
bool on_disk(const std::filesystem::path& folder);

}  // namespace bench
