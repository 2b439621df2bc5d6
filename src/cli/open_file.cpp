#include "cli/open_file.hpp"

#include <filesystem>

namespace holdfast::cli {

CannotOpen::CannotOpen(const std::string& file, const Error& error)
    : std::runtime_error("cannot open '" + file + "': " + error.what()) {}

void reading_file(const std::string& file, const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    const bool missing = error.code() == ErrorCode::not_found && !std::filesystem::exists(file);
    const bool unusable = error.code() == ErrorCode::not_a_database ||
                          error.code() == ErrorCode::schema_too_new ||
                          error.code() == ErrorCode::busy;
    if (missing || unusable) throw CannotOpen(file, error);
    throw;
  }
}

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
