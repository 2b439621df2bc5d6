#include "interchange/record_reader.hpp"

#include "defect.hpp"
#include "interchange/json_text.hpp"

#include <utility>

namespace holdfast::interchange {

namespace {

constexpr std::string_view kLineSpace = " \t\r";
// A file that is no JSONL at all may have any number of bad lines.
constexpr std::size_t kMaxListedLines = 10'000;
// Nor may a file that is mostly blank use up the metadata of its segment.
constexpr std::size_t kMaxBlankBytes = std::size_t{8} << 10U;
constexpr std::size_t kPlaceBytes = 8;  // what a new place among the records costs, roughly

}  // namespace

RecordReader::RecordReader(const std::string& absolute_path,
                           std::string path,
                           std::uint64_t max_record_bytes)
    : file_(absolute_path, max_record_bytes), max_record_bytes_(max_record_bytes) {
  note_.file = std::move(path);
  note_.byte_order_mark = file_.has_byte_order_mark();
}

std::optional<Record> RecordReader::next() {
  while (const std::optional<JsonlFile::Line> line = file_.next()) {
    if (!line->too_long && line->text.find_first_not_of(kLineSpace) == std::string_view::npos) {
      add_blank(*line);
      continue;
    }
    std::optional<EntryFacts> facts;
    if (!line->too_long) facts = entry_facts(line->text);
    if (!facts) {
      refuse(*line);
      if (planted("bad_line_ends_the_file")) break;
      continue;
    }
    note_.unterminated = !line->terminated;
    note_.records = ++records_;
    return Record{line->number, line->text, std::move(*facts)};
  }
  note_.records = records_;
  if (unlisted_ > 0) {
    const std::string count = std::to_string(std::exchange(unlisted_, 0));
    findings_.push_back({ImportFinding::Kind::bad_record,
                         note_.file,
                         0,
                         count + " more lines that are no records"});
  }
  return std::nullopt;
}

void RecordReader::refuse(const JsonlFile::Line& line) {
  if (!line.terminated && !line.too_long) {
    report(ImportFinding::Kind::torn_tail,
           line.number,
           "the last line has no end: " + why_not_json(line.text));
  } else if (findings_.size() >= kMaxListedLines) {
    ++unlisted_;
  } else if (line.too_long) {
    report(ImportFinding::Kind::bad_record,
           line.number,
           "larger than the largest payload, " + std::to_string(max_record_bytes_) + " bytes");
  } else {
    report(ImportFinding::Kind::bad_record, line.number, why_not_json(line.text));
  }
}

void RecordReader::add_blank(const JsonlFile::Line& line) {
  if (too_many_blanks_) return;
  const bool new_place = note_.blanks.empty() || note_.blanks.back().first != records_;
  blank_bytes_ += line.text.size() + 1 + (new_place ? kPlaceBytes : 0);
  too_many_blanks_ = blank_bytes_ > kMaxBlankBytes;
  if (too_many_blanks_) {
    report(ImportFinding::Kind::bad_record,
           line.number,
           "too many blank lines to remember: an export leaves them out from here on");
    return;
  }
  if (new_place) note_.blanks.emplace_back(records_, "");
  note_.blanks.back().second += line.text;
  if (line.terminated) note_.blanks.back().second += '\n';
}

void RecordReader::report(ImportFinding::Kind kind, std::uint64_t line, std::string reason) {
  findings_.push_back({kind, note_.file, line, std::move(reason)});
}

}  // namespace holdfast::interchange
