// What a segment's metadata remembers of the files that it came from, so that an export can write them
// back byte for byte.
//
// Shape    in the metadata's JSON object, beside what a program keeps there:
//            "source":       {"file": "a/b.jsonl", "records": 12, "unterminated": true,
//                             "byte_order_mark": true, "blanks": [[3, "\n \r\n"]]}
//            "trace_source": the same of the trace file
//            "session_file": {"file": "a/session.json", "text": "..."}
//          `records` is how many the file gave: it says nothing about records that came later. A blank
//          is the text of blank lines before the record of that index. Fields that say nothing are left
//          out; without `records` the import was not finished.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::interchange {

inline constexpr const char* kSourceNote = "source";
inline constexpr const char* kTraceNote = "trace_source";
inline constexpr const char* kSessionFileNote = "session_file";

struct FileNote {
  std::string file = {};
  std::optional<std::uint64_t> records = std::nullopt;
  bool unterminated = false;
  bool byte_order_mark = false;
  std::vector<std::pair<std::uint64_t, std::string>> blanks = {};
};

struct SessionFileNote {
  std::string file = {};
  std::string text = {};
};

// The metadata with the note under `key`. nullopt: it says so already, or it is not an object and so
// not ours to change.
std::optional<std::string> with_note(std::string_view metadata,
                                     const char* key,
                                     const FileNote& note);
std::optional<std::string> with_note(std::string_view metadata, const SessionFileNote& note);

// nullopt: there is none, or none that makes sense.
std::optional<FileNote> file_note(std::string_view metadata, const char* key);
std::optional<SessionFileNote> session_file_note(std::string_view metadata);

}  // namespace holdfast::interchange
