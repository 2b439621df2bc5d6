#include "interchange/export_sessions.hpp"

#include "holdfast/error.hpp"
#include "interchange/file_note.hpp"
#include "interchange/progress_meter.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::interchange {

namespace {

constexpr std::string_view kLogSuffix = ".jsonl";
constexpr std::string_view kTraceSuffix = ".trace.jsonl";
// Of trace entries, which are read in pages; entries come through a visitor.
constexpr std::size_t kTracePage = 64;

struct PlannedLog {
  std::string path = {};
  std::string session = {};
  std::string segment = {};
  bool trace = false;
  FileNote note = {};
  std::uint64_t bytes = 0;  // for progress
};

struct PlannedText {
  std::string path = {};
  std::string text = {};
};

struct ExportPlan {
  std::vector<PlannedLog> logs = {};
  std::vector<PlannedText> texts = {};  // session.json and the pods' metadata
  std::uint64_t bytes = 0;
};

bool is_log_name(std::string_view path) {
  return path.ends_with(kLogSuffix) || path.ends_with(".ndjson");
}

// The name that the file had, if it had one and it is free; else one made of the ids.
std::string claim_path(OutputFolder& output,
                       const std::string& noted,
                       const SegmentInfo& info,
                       std::string_view suffix) {
  if (is_log_name(noted) && output.claim(noted)) return noted;
  std::string name = safe_component(info.id);
  if (name.ends_with(kLogSuffix)) name.resize(name.size() - kLogSuffix.size());
  return output.claim_near(safe_path(info.session) + "/" + name + std::string(suffix));
}

void plan_segment(OutputFolder& output, const SegmentInfo& info, ExportPlan& plan) {
  const std::optional<FileNote> source = file_note(info.metadata, kSourceNote);
  const std::optional<FileNote> trace = file_note(info.metadata, kTraceNote);
  // A segment that is known by its trace alone had no log.
  if (source || !trace || info.entry_count > 0) {
    PlannedLog log{{}, info.session, info.id, false, source.value_or(FileNote{}), info.raw_bytes};
    log.path = claim_path(output, log.note.file, info, kLogSuffix);
    plan.logs.push_back(std::move(log));
  }
  if (trace || info.trace_count > 0) {
    PlannedLog log{{}, info.session, info.id, true, trace.value_or(FileNote{}), 0};
    log.path = claim_path(output, log.note.file, info, kTraceSuffix);
    plan.logs.push_back(std::move(log));
  }
  plan.bytes += info.raw_bytes;
  if (auto beside = session_file_note(info.metadata)) {
    const bool named = beside->file == "session.json" || beside->file.ends_with("/session.json");
    if (named && output.claim(beside->file)) {
      plan.texts.push_back({std::move(beside->file), std::move(beside->text)});
    }
  }
}

ExportPlan plan_export(const SessionStore& sessions,
                       OutputFolder& output,
                       const ExportOptions& options) {
  ExportPlan plan;
  const bool all = options.sessions.empty();
  for (const std::string& session : all ? sessions.list_sessions() : options.sessions) {
    const std::vector<std::string> segments = sessions.list_segments(session);
    if (segments.empty() && !all) {
      throw Error(ErrorCode::not_found, "there is no such session", {.id = session});
    }
    for (const std::string& segment : segments) {
      if (const auto info = sessions.info(segment)) plan_segment(output, *info, plan);
    }
  }
  if (!all) return plan;
  const PodStore pods = sessions.pods();
  for (const std::string& name : pods.list_names()) {
    auto metadata = pods.read_by_name(name);
    if (!metadata) continue;
    const std::string folder = "pods/" + safe_component(name);
    plan.bytes += metadata->size();
    plan.texts.push_back({output.claim_near(folder + "/metadata.json"), std::move(*metadata)});
  }
  return plan;
}

// Writes entries as lines, with what the note says stood around them.
class LogWriter {
 public:
  LogWriter(OutputFile& file, const FileNote& note) : file_(file), note_(note) {
    if (note_.byte_order_mark) file_.write("\xef\xbb\xbf");
  }

  void entry(const LogEntry& entry) {
    if (entry.codec != "json") {
      ++left_out_;
      return;
    }
    if (count_ > 0) file_.write("\n");
    blanks();
    file_.write(entry.text());
    ++count_;
  }

  // The last line is as unterminated as it was, if it is still the one that was last then.
  void finish() {
    const bool as_imported = note_.records == count_;
    if (count_ > 0 && !(as_imported && note_.unterminated)) file_.write("\n");
    blanks();
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t left_out() const { return left_out_; }

 private:
  void blanks() {
    while (next_blank_ < note_.blanks.size() && note_.blanks[next_blank_].first <= count_) {
      file_.write(note_.blanks[next_blank_++].second);
    }
  }

  OutputFile& file_;
  const FileNote& note_;
  std::uint64_t count_ = 0;
  std::uint64_t left_out_ = 0;
  std::size_t next_blank_ = 0;
};

void write_log(const SessionStore& sessions,
               const PlannedLog& log,
               OutputFile& file,
               ExportReport& report) {
  LogWriter writer(file, log.note);
  if (!log.trace) {
    sessions.for_each(
        log.session, log.segment, [&](const LogEntry& entry) { writer.entry(entry); });
  }
  for (std::uint64_t from = 0; log.trace;) {
    const std::vector<LogEntry> page =
        sessions.read_trace(log.session, log.segment, from, kTracePage);
    if (page.empty()) break;
    for (const LogEntry& entry : page)
      writer.entry(entry);
    from += page.size();
  }
  writer.finish();
  report.records += writer.count();
  report.records_left_out += writer.left_out();
}

}  // namespace

ExportReport export_sessions(const Database& database,
                             OutputFolder& output,
                             const ExportOptions& options) {
  const SessionStore sessions = database.sessions();
  const ExportPlan plan = plan_export(sessions, output, options);
  ExportReport report;
  ProgressMeter progress(options.progress, plan.bytes);
  progress.add(0);
  output.open();
  const auto finish = [&](OutputFile& file, std::uint64_t work) {
    file.finish();
    ++report.files;
    report.bytes += file.bytes();
    progress.add(work);
  };
  for (const PlannedLog& log : plan.logs) {
    if (progress.stopped()) break;
    OutputFile file = output.create(log.path);
    write_log(sessions, log, file, report);
    finish(file, log.bytes);
  }
  for (const PlannedText& text : plan.texts) {
    if (progress.stopped()) break;
    OutputFile file = output.create(text.path);
    file.write(text.text);
    finish(file, text.text.size());
  }
  output.sync();
  report.stopped = progress.stopped();
  return report;
}

}  // namespace holdfast::interchange
