// What a command that has made a file says of it.
#pragma once

#include "cli/commands.hpp"

#include <string>

namespace holdfast::cli {

// "copied 1.2 MiB to TARGET", or the same as JSON.
void tell_of_new_file(const Console& console, const std::string& done, const std::string& target);

}  // namespace holdfast::cli
