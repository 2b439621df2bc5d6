// How the subcommands open FILE.
#pragma once

#include "cli/commands.hpp"
#include "holdfast/database.hpp"
#include "holdfast/error.hpp"

#include <functional>
#include <stdexcept>
#include <string>

namespace holdfast::cli {

enum class Purpose {
  read,    // never changes the file, and never makes one
  change,  // an existing file
  fill,    // makes the file if it is missing
};

// What Database::open threw: the work has not begun.
class CannotOpen : public std::runtime_error {
 public:
  CannotOpen(const std::string& file, const Error& error);
};

// The file has no such thing, which is no failure of anything.
class NotThere : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The arguments are well-formed, but do not go together.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// For those that read a file without opening it as a database: what `work` throws because of the file
// itself is CannotOpen.
void reading_file(const std::string& file, const std::function<void()>& work);

Database open_file(const std::string& file, Purpose purpose, const Console& console);

}  // namespace holdfast::cli
