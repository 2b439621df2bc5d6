// Imports one file into one segment: as its entries, or as its trace.
//
// What is stored is compared first, and only a file that begins with all of it is appended from there
// on; so nothing is ever written for a file that turns out to differ, and a killed import goes on where
// it was.
//
// Errors   Unreadable; and what the stores throw, but for refusals of a write (findings)
// Threads  one
#pragma once

#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"
#include "interchange/hash_chain.hpp"
#include "interchange/record_reader.hpp"
#include "interchange/session_plan.hpp"
#include "interchange/source_folder.hpp"
#include "interchange/write_queue.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::interchange {

enum class Stream : std::uint8_t { entries, trace };

// A segment as it is in the database, together with the writes that wait.
struct StoredSegment {
  bool exists = false;
  bool was_there = false;  // before this import
  std::uint64_t entry_count = 0;
  std::uint64_t trace_count = 0;
  std::string metadata = {};

  std::uint64_t count(Stream stream) const {
    return stream == Stream::entries ? entry_count : trace_count;
  }
};

struct SegmentTarget {
  SegmentName name = {};
  StoredSegment stored = {};
};

class SegmentImport {
 public:
  SegmentImport(Database& database, WriteQueue& queue, ImportReport& report)
      : database_(database), queue_(queue), report_(report) {}

  // `target.stored` is afterwards what it is once the queue is committed.
  void run(const SourceFolder& folder,
           const SourceFile& file,
           Stream stream,
           SegmentTarget& target);

 private:
  struct Batch {
    std::vector<std::string> records = {};
    std::vector<std::uint64_t> lines = {};
    std::uint64_t bytes = 0;
    bool last = false;
  };
  struct Work;

  Batch gather(RecordReader& reader, Work& work) const;
  static void check_chain(const Record& record, bool is_first, Work& work);
  bool is_stored(const Batch& batch, Work& work);
  void enqueue(Batch batch, const RecordReader& reader, Work& work);
  void enqueue_note(const RecordReader& reader, const Work& work);
  void conflict(const Work& work, std::uint64_t line, std::string reason);

  Database& database_;
  WriteQueue& queue_;
  ImportReport& report_;
};

}  // namespace holdfast::interchange
