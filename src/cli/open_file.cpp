#include "cli/open_file.hpp"

namespace holdfast::cli {

CannotOpen::CannotOpen(const std::string& file, const Error& error)
    : std::runtime_error("cannot open '" + file + "': " + error.what()) {}

Database open_file(const std::string& file, Purpose purpose, const Console& console) {
  OpenOptions options;
  options.create = purpose == Purpose::fill;
  options.read_only = purpose == Purpose::read;
  options.log = console.log.function();
  try {
    return Database::open(file, options);
  } catch (const Error& error) {
    throw CannotOpen(file, error);
  }
}

}  // namespace holdfast::cli
