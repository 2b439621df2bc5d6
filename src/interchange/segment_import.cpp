#include "interchange/segment_import.hpp"

#include "holdfast/limits.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace holdfast::interchange {

namespace {

// Of records in memory at a time, unless one alone is larger.
constexpr std::uint64_t kBatchBytes = std::uint64_t{1} << 20U;
constexpr std::size_t kBatchRecords = 4096;

// One write of a file's records, as it stands in the queue; what it found is counted once committed.
struct RecordWrite {
  SegmentName name = {};
  Stream stream = Stream::entries;
  std::vector<std::string> records = {};
  std::uint64_t position = 0;  // how many are stored before it
  bool creates = false;
  FileNote note = {};

  bool new_session = false;

  void apply(Database& database);

 private:
  void append(SessionStore& sessions) const;
};

const char* note_key(Stream stream) {
  return stream == Stream::entries ? kSourceNote : kTraceNote;
}

// The metadata with what is to be remembered of the file. Too much of it is left out: first the blank
// lines, then all; an export then is every record, but not byte for byte.
std::string noted(const std::string& metadata,
                  const SegmentName& name,
                  Stream stream,
                  const FileNote& note) {
  FileNote short_note = note;
  short_note.blanks.clear();
  for (const FileNote* tried : {&note, static_cast<const FileNote*>(&short_note)}) {
    std::string text = with_note(metadata, note_key(stream), *tried).value_or(metadata);
    if (name.session_file) text = with_note(text, *name.session_file).value_or(text);
    if (text.size() <= kMaxSegmentMetadataBytes) return text;
  }
  return metadata;
}

void write_note(SessionStore& sessions,
                const SegmentName& name,
                Stream stream,
                const FileNote& note) {
  const auto info = sessions.info(name.segment);
  if (!info) return;
  const std::string metadata = noted(info->metadata, name, stream, note);
  if (metadata != info->metadata) sessions.set_metadata(name.session, name.segment, metadata);
}

void RecordWrite::apply(Database& database) {
  SessionStore sessions = database.sessions();
  if (creates) {
    new_session = sessions.list_segments(name.session, {.limit = 1}).empty();
    SegmentOptions options;
    options.created_at_us = name.created_at_us;
    options.metadata = noted({}, name, stream, note);
    const bool with_entries = stream == Stream::entries;
    sessions.create_segment(
        name.session, name.segment, with_entries ? PayloadList(records) : PayloadList(), options);
    if (with_entries) return;
  }
  append(sessions);
  if (!creates) write_note(sessions, name, stream, note);
}

void RecordWrite::append(SessionStore& sessions) const {
  if (records.empty()) return;
  AppendOptions options;
  options.expected_count = position;
  if (stream == Stream::entries) {
    sessions.append_all(name.session, name.segment, records, options);
    return;
  }
  for (const std::string& record : records) {
    sessions.append_trace(name.session, name.segment, record, options);
    ++*options.expected_count;
  }
}

}  // namespace

struct SegmentImport::Work {
  const SourceFile& file;
  Stream stream;
  SegmentTarget& target;
  std::uint64_t position = 0;  // records of the file that were looked at
  std::uint64_t stored = 0;    // how many were here before
  bool grew = false;
  std::optional<HashChain> chain = std::nullopt;
  std::vector<ImportFinding> breaks = {};
};

void SegmentImport::run(const SourceFolder& folder,
                        const SourceFile& file,
                        Stream stream,
                        SegmentTarget& target) {
  Work work{file, stream, target};
  work.stored = target.stored.count(stream);
  RecordReader reader(folder.absolute(file), file.path, database_.max_payload_bytes());
  for (bool more = true; more && !queue_.refused(file.path);) {
    Batch batch = gather(reader, work);
    more = !batch.last;
    if (!is_stored(batch, work)) break;
    enqueue(std::move(batch), reader, work);
  }
  report_.findings.insert(
      report_.findings.end(), reader.findings().begin(), reader.findings().end());
  report_.findings.insert(report_.findings.end(), work.breaks.begin(), work.breaks.end());
}

SegmentImport::Batch SegmentImport::gather(RecordReader& reader, Work& work) const {
  Batch batch;
  while (batch.bytes < kBatchBytes && batch.records.size() < kBatchRecords) {
    const std::optional<Record> record = reader.next();
    if (!record) {
      batch.last = true;
      break;
    }
    check_chain(*record, work.position == 0 && batch.records.empty(), work);
    batch.bytes += record->text.size();
    batch.lines.push_back(record->line);
    batch.records.emplace_back(record->text);
  }
  return batch;
}

void SegmentImport::check_chain(const Record& record, bool is_first, Work& work) {
  if (is_first && HashChain::is_link(record.text)) work.chain.emplace();
  if (!work.chain) return;
  auto reason = work.chain->check(record.text);
  if (!reason) return;
  work.breaks.push_back(
      {ImportFinding::Kind::broken_chain, work.file.path, record.line, std::move(*reason)});
}

// Compares what of the batch should be here already. As many entries are read as the batch has records,
// so that no more memory is needed than for the batch itself, unless they differ.
bool SegmentImport::is_stored(const Batch& batch, Work& work) {
  const std::uint64_t left = work.stored - std::min(work.stored, work.position);
  const std::uint64_t wanted = std::min<std::uint64_t>(left, batch.records.size());
  const SegmentName& name = work.target.name;
  if (wanted > 0) {
    const SessionStore sessions = database_.sessions();
    const auto limit = static_cast<std::size_t>(wanted);
    const std::vector<LogEntry> entries =
        work.stream == Stream::entries
            ? sessions.read(name.session, name.segment, work.position, limit)
            : sessions.read_trace(name.session, name.segment, work.position, limit);
    for (std::size_t i = 0; i < limit; ++i) {
      if (i < entries.size() && entries[i].text() == batch.records[i]) continue;
      conflict(work, batch.lines[i], "another record is stored in this place");
      return false;
    }
  }
  if (batch.last && wanted < left) {
    conflict(work, 0, "more records are stored than the file has");
    return false;
  }
  return true;
}

void SegmentImport::enqueue(Batch batch, const RecordReader& reader, Work& work) {
  const std::uint64_t left = work.stored - std::min(work.stored, work.position);
  const auto known = std::min<std::uint64_t>(left, batch.records.size());
  batch.records.erase(batch.records.begin(),
                      batch.records.begin() + static_cast<std::ptrdiff_t>(known));
  std::uint64_t bytes = 0;
  for (const std::string& record : batch.records)
    bytes += record.size();
  work.position += known;
  StoredSegment& stored = work.target.stored;
  // A file without one good record makes a segment only if there is nothing bad in it, either.
  const bool creates = !stored.exists && (!batch.records.empty() || (batch.last && reader.whole()));
  if (batch.records.empty() && !creates) {
    if (batch.last && stored.exists) enqueue_note(reader, work);
    return;
  }
  auto write = std::make_shared<RecordWrite>();
  write->name = work.target.name;
  write->stream = work.stream;
  write->position = work.position;
  write->creates = creates;
  write->note = batch.last ? reader.note() : FileNote{work.file.path};
  write->records = std::move(batch.records);
  work.position += write->records.size();
  work.grew = true;
  (work.stream == Stream::entries ? stored.entry_count : stored.trace_count) = work.position;
  stored.exists = true;
  queue_.add({work.file.path,
              write->name.segment,
              bytes,
              [this, write] { write->apply(database_); },
              [this, write, bytes] {
                const bool entries = write->stream == Stream::entries;
                (entries ? report_.records : report_.trace_records) += write->records.size();
                report_.segments += write->creates ? 1 : 0;
                report_.sessions += write->new_session ? 1 : 0;
                report_.bytes += bytes;
              }});
}

// The end of a file whose records were all here, or all but those that wait in the queue.
void SegmentImport::enqueue_note(const RecordReader& reader, const Work& work) {
  const SegmentTarget& target = work.target;
  const std::string& metadata = target.stored.metadata;
  // Of a file without one good record nothing is noted, whether another one has made its segment or not:
  // or the second import would note what the first one could not.
  const bool silent = work.position == 0 && !reader.whole();
  const bool says_so =
      silent || noted(metadata, target.name, work.stream, reader.note()) == metadata;
  if (!work.grew && target.stored.was_there) ++report_.files_unchanged;
  if (!work.grew && says_so) return;
  queue_.add({work.file.path,
              target.name.segment,
              0,
              [this, name = target.name, stream = work.stream, note = reader.note()] {
                SessionStore sessions = database_.sessions();
                write_note(sessions, name, stream, note);
              },
              nullptr});
}

void SegmentImport::conflict(const Work& work, std::uint64_t line, std::string reason) {
  report_.findings.push_back(
      {ImportFinding::Kind::conflict, work.file.path, line, std::move(reason)});
}

}  // namespace holdfast::interchange
