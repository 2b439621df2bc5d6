// The records of a JSONL file, in order, and what is to be said about its other lines.
//
// Shape    a record is a line that is one JSON value, kept byte for byte (also its white space and a
//          carriage return). Blank lines do not count. An unterminated last line that is no record is a
//          torn tail; any other line that is none is a bad record.
// Errors   Unreadable
#pragma once

#include "holdfast/interchange.hpp"
#include "holdfast/log_entry.hpp"
#include "interchange/file_note.hpp"
#include "interchange/jsonl_file.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::interchange {

struct Record {
  std::uint64_t line = 0;
  std::string_view text = {};  // until the next call
  EntryFacts facts = {};
};

class RecordReader {
 public:
  // `path` is how findings name the file.
  RecordReader(const std::string& absolute_path, std::string path, std::uint64_t max_record_bytes);

  std::optional<Record> next();

  // Complete once next() returned nullopt.
  const FileNote& note() const { return note_; }
  const std::vector<ImportFinding>& findings() const { return findings_; }
  // Every line was a record or blank, and the note says all that an exact export needs.
  bool whole() const { return findings_.empty(); }

 private:
  void refuse(const JsonlFile::Line& line);
  void add_blank(const JsonlFile::Line& line);
  void report(ImportFinding::Kind kind, std::uint64_t line, std::string reason);

  JsonlFile file_;
  std::uint64_t max_record_bytes_;
  FileNote note_;
  std::uint64_t records_ = 0;
  std::size_t blank_bytes_ = 0;
  bool too_many_blanks_ = false;
  std::uint64_t unlisted_ = 0;
  std::vector<ImportFinding> findings_;
};

}  // namespace holdfast::interchange
