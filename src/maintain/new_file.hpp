// A file that appears under its name whole, or not at all.
//
// It is made under another name in the same folder and gets its own when it is complete. An empty
// or half-written file under the real name would be worse than none: an empty file is a new
// database.
//
// Shape    FOLDER/NAME.partial-UUID, mode 0600; then FOLDER/NAME
// Errors   already_exists, not_found (no such folder), full, io, read_only
// Threads  one
#pragma once

#include "engine/closed_file.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace holdfast::maintain {

class NewFile {
 public:
  // Makes the partial file, empty. `unique` keeps two copies to the same target apart.
  NewFile(const std::string& target, const std::string& unique);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  // Removes what was not published, with the files that SQLite may have put beside it.
  ~NewFile();

  // Absolute, so that SQLite never takes it for a URI.
  std::string partial_path() const { return partial_.string(); }

  // Writes the bytes of a file into the partial one, or into one beside it (`suffix`: "-wal"), and
  // syncs. False: `progress`, which is told how many are there, stopped it.
  bool copy_from(const engine::RawFile& source,
                 const std::string& suffix,
                 const std::function<bool(std::uint64_t done)>& progress);

  // Gives the file its name, and syncs the folder. `already_exists`: somebody else was faster; the
  // file of that name is untouched.
  void publish();

 private:
  std::filesystem::path target_;
  std::filesystem::path partial_;
  std::vector<std::string> to_remove_;  // made early: where memory has run out, no path can be
  bool published_ = false;
};

// For a second name of a file that no database can be asked for yet.
std::string make_unique_name();

}  // namespace holdfast::maintain
