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

#include <filesystem>
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

  // Gives the file its name, and syncs the folder. `already_exists`: somebody else was faster; the
  // file of that name is untouched.
  void publish();

 private:
  std::filesystem::path target_;
  std::filesystem::path partial_;
  std::vector<std::string> to_remove_;  // made early: where memory has run out, no path can be
  bool published_ = false;
};

}  // namespace holdfast::maintain
