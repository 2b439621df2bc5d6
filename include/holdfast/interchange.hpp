// Other programs' files, in and out: session folders (JSONL) and manifest directories.
//
// Shape    docs/formats.md. Import recognises by content, takes every record that is good, and reports
//          every one that is not with file and line; importing again adds nothing. Export writes a file
//          that was accepted whole back byte for byte, otherwise every accepted record.
// Errors   not_found (no such folder), invalid_argument (nothing that is recognised), io; bad records
//          are no errors but findings in the report
// Threads  any
// Source   src/interchange/
#pragma once

#include "holdfast/database.hpp"
#include "holdfast/export.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace holdfast {

enum class SourceFormat : std::uint8_t {
  automatic,       // by content
  session_folder,  // {root}/{session}/{segment}.jsonl, pods, and any other folder of JSONL files
  manifest_directory,  // both layouts
};

struct ImportOptions {
  SourceFormat format = SourceFormat::automatic;
  // Session folders of other programs: take the session from this field of the first record that has
  // it, instead of from the folder: a name at the top level, or a JSON pointer ("/message/session").
  std::string session_field = {};
  // Manifest directories: the stream to import into.
  std::string stream = {};
  // Done and total bytes of the source; false stops before the next file.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress = nullptr;
};

struct ImportFinding {
  enum class Kind : std::uint8_t {
    torn_tail,     // a last line without line feed that is no record: a write was cut off
    bad_record,    // no record, or a manifest that is not sound
    broken_chain,  // a record whose hash does not follow from the one before; it is imported
    conflict,      // other content is here under the same id: the file is left out
    skipped_file,  // left out, as the reason says
    unreadable,
  };
  Kind kind = Kind::bad_record;
  std::string file = {};   // relative to the source
  std::uint64_t line = 0;  // from 1; 0: the file as a whole
  std::string reason = {};
};

struct ImportReport {
  SourceFormat format = SourceFormat::automatic;
  std::uint64_t files = 0;            // looked at
  std::uint64_t files_skipped = 0;    // of no kind that belongs to the format
  std::uint64_t files_unchanged = 0;  // equal to what was here already
  std::uint64_t sessions = 0;         // new ones, as are those below
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t trace_records = 0;
  std::uint64_t pods = 0;
  std::uint64_t manifests = 0;
  std::uint64_t states = 0;
  std::uint64_t bytes = 0;
  bool stopped = false;
  std::vector<ImportFinding> findings = {};
};

HOLDFAST_API ImportReport import_from(Database& database,
                                      const std::string& source,
                                      const ImportOptions& options = {});

struct ExportOptions {
  SourceFormat format = SourceFormat::session_folder;
  std::vector<std::string> sessions = {};  // none: all
  std::string stream = {};                 // manifest directories
  int manifest_layout = 2;                 // 1 or 2
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress = nullptr;
};

struct ExportReport {
  std::uint64_t files = 0;
  std::uint64_t records = 0;
  std::uint64_t records_left_out = 0;  // of a codec other than JSON, which these files cannot hold
  std::uint64_t bytes = 0;
  bool stopped = false;
};

// Writes into `folder`, which is made if it is missing; a file that is there already is `already_exists`,
// and nothing is written.
HOLDFAST_API ExportReport export_to(const Database& database,
                                    const std::string& folder,
                                    const ExportOptions& options = {});

}  // namespace holdfast
