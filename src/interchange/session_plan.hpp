// Which files of a folder are session logs, and under which ids they are kept.
//
// Shape    a segment is a log {stem}.jsonl (or .ndjson), a trace {stem}.trace.jsonl beside it, or both. Its id is the
//          stem if that is a UUID, else the log's path. Its session is, in this order:
//            - what the field that the user names says in the first record that has it
//            - in a folder "segments" beside a session.json: the session_id in there
//            - for a log at the top whose records are chained by hashes: the stem
//            - the folder that it lies in, by its path; at the top, the imported folder's own name
// Errors   Unreadable
#pragma once

#include "interchange/file_note.hpp"
#include "interchange/source_folder.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::interchange {

struct SegmentFiles {
  std::string log_path = {};  // also where there is only a trace
  const SourceFile* log = nullptr;
  const SourceFile* trace = nullptr;

  const SourceFile& first() const { return log != nullptr ? *log : *trace; }
};

struct PodFile {
  std::string name = {};
  const SourceFile* file = nullptr;
};

struct SessionPlan {
  std::vector<SegmentFiles> segments = {};
  std::vector<PodFile> pods = {};
  std::uint64_t files = 0;  // that the plan names
  std::uint64_t bytes = 0;
};

SessionPlan plan_sessions(const SourceFolder& folder);

struct SegmentName {
  std::string session = {};
  std::string segment = {};
  std::optional<std::int64_t> created_at_us = std::nullopt;
  std::optional<SessionFileNote> session_file = std::nullopt;
};

class SegmentNames {
 public:
  SegmentNames(const SourceFolder& folder,
               std::string session_field,
               std::uint64_t max_record_bytes,
               std::vector<ImportFinding>& findings)
      : folder_(folder),
        session_field_(std::move(session_field)),
        max_record_bytes_(max_record_bytes),
        findings_(findings) {}

  // Reads as much of the file as it takes to know.
  SegmentName name(const SegmentFiles& files);

 private:
  struct SessionFile {
    std::string session = {};
    SessionFileNote note = {};
  };
  struct Survey {
    std::optional<std::string> session = std::nullopt;  // by the field
    std::optional<std::int64_t> time_us = std::nullopt;
    bool chained = false;
  };

  Survey survey(const SourceFile& file, bool wants_time) const;
  const std::optional<SessionFile>& session_file(const std::string& path);
  std::optional<SessionFile> read_session_file(const SourceFile& file);

  const SourceFolder& folder_;
  std::string session_field_;
  std::uint64_t max_record_bytes_;
  std::vector<ImportFinding>& findings_;
  std::map<std::string, std::optional<SessionFile>> session_files_;
};

}  // namespace holdfast::interchange
