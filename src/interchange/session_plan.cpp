#include "interchange/session_plan.hpp"

#include "holdfast/id.hpp"
#include "holdfast/limits.hpp"
#include "interchange/hash_chain.hpp"
#include "interchange/json_text.hpp"
#include "interchange/record_reader.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <string_view>
#include <utility>

namespace holdfast::interchange {

namespace {

constexpr std::string_view kTraceSuffix = ".trace.jsonl";
constexpr std::array<std::string_view, 2> kLogSuffixes = {".jsonl", ".ndjson"};
constexpr std::string_view kSegments = "segments";
constexpr std::string_view kSessionFile = "session.json";
constexpr std::size_t kMaxKeptSessionFileBytes = std::size_t{8} << 10U;

std::string join(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : std::string(folder) + "/" + std::string(name);
}

bool is_log(std::string_view path) {
  for (const std::string_view suffix : kLogSuffixes) {
    if (path.ends_with(suffix) && name_of(path).size() > suffix.size()) return true;
  }
  return false;
}

// Of a log's path.
std::string_view stem_of(std::string_view path) {
  const std::string_view name = name_of(path);
  return name.substr(0, name.rfind('.'));
}

// The path of the log that the file is the trace of. Other programs may well name a log so: it is a
// trace only where its segment is known by a UUID, or by the log beside it.
std::optional<std::string> traced_log(const SourceFolder& folder, std::string_view path) {
  if (!path.ends_with(kTraceSuffix)) return std::nullopt;
  const std::string_view base = path.substr(0, path.size() - kTraceSuffix.size());
  std::string log = std::string(base) + ".jsonl";
  const bool known = folder.find(log) != nullptr || Uuid::parse(name_of(base)).has_value();
  return known ? std::optional(std::move(log)) : std::nullopt;
}

// pods/{name}/metadata.json
std::optional<std::string> pod_name(std::string_view path) {
  const std::string_view pod = folder_of(path);
  const bool is_pod = name_of(path) == "metadata.json" && folder_of(pod) == "pods" && pod != "pods";
  return is_pod ? std::optional(std::string(name_of(pod))) : std::nullopt;
}

// Beside which session.json a log lies; it need not be there.
std::optional<std::string> session_file_path(std::string_view log_path) {
  const std::string_view folder = folder_of(log_path);
  if (name_of(folder) != kSegments) return std::nullopt;
  return join(folder_of(folder), kSessionFile);
}

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxIdBytes && text.find('\0') == std::string_view::npos;
}

// What a segment can be created at: in the years 1970 to 9999. Zero is what programs write that do not
// know the time.
bool is_time(std::int64_t time_us) {
  constexpr std::int64_t kEndUs = 253'402'300'800'000'000;
  return time_us > 0 && time_us < kEndUs;
}

std::optional<std::int64_t> time_of(const Uuid& uuid) {
  const auto unix_ms = uuid.unix_ms();
  return unix_ms && is_time(*unix_ms * 1000) ? std::optional(*unix_ms * 1000) : std::nullopt;
}

}  // namespace

SessionPlan plan_sessions(const SourceFolder& folder) {
  SessionPlan plan;
  std::map<std::string, SegmentFiles> segments;
  std::map<std::string, const SourceFile*> session_files;
  const auto count = [&](const SourceFile& file) {
    ++plan.files;
    plan.bytes += file.bytes;
  };
  for (const SourceFile& file : folder.files) {
    if (auto log = traced_log(folder, file.path)) {
      segments[*log].trace = &file;
    } else if (is_log(file.path)) {
      segments[file.path].log = &file;
    } else if (auto name = pod_name(file.path)) {
      plan.pods.push_back({std::move(*name), &file});
    } else {
      continue;
    }
    count(file);
  }
  for (auto& [path, files] : segments) {
    files.log_path = path;
    if (auto beside = session_file_path(path)) {
      const SourceFile* file = folder.find(*beside);
      if (file != nullptr && session_files.emplace(*beside, file).second) ++plan.files;
    }
    plan.segments.push_back(std::move(files));
  }
  return plan;
}

SegmentName SegmentNames::name(const SegmentFiles& files) {
  const std::string_view stem = stem_of(files.log_path);
  const std::optional<Uuid> uuid = Uuid::parse(stem);
  SegmentName name;
  name.segment = uuid ? std::string(stem) : files.log_path;
  name.created_at_us = uuid ? time_of(*uuid) : std::nullopt;

  Survey survey = this->survey(files.first(), !name.created_at_us);
  if (!name.created_at_us) name.created_at_us = survey.time_us;
  if (!name.created_at_us && is_time(files.first().modified_us)) {
    name.created_at_us = files.first().modified_us;
  }

  const std::string folder(folder_of(files.log_path));
  if (auto path = session_file_path(files.log_path)) {
    if (const auto& beside = session_file(*path)) {
      name.session = beside->session;
      if (!beside->note.file.empty()) name.session_file = beside->note;
    }
  }
  if (survey.session) name.session = std::move(*survey.session);
  if (name.session.empty() && survey.chained) name.session = stem;
  if (name.session.empty()) name.session = folder.empty() ? folder_.name : folder;
  return name;
}

SegmentNames::Survey SegmentNames::survey(const SourceFile& file, bool wants_time) const {
  Survey survey;
  const bool at_top = folder_of(file.path).empty();
  const bool wants_session = !session_field_.empty();
  if (!at_top && !wants_session && !wants_time) return survey;
  RecordReader reader(folder_.absolute(file), file.path, max_record_bytes_);
  bool is_first = true;
  while (const std::optional<Record> record = reader.next()) {
    if (is_first && at_top) survey.chained = HashChain::is_link(record->text);
    is_first = false;
    const std::optional<std::int64_t> time_us = record->facts.time_us;
    if (!survey.time_us && time_us && is_time(*time_us)) survey.time_us = time_us;
    if (wants_session && !survey.session) {
      survey.session = text_field(record->text, session_field_);
      if (survey.session && !is_id(*survey.session)) survey.session.reset();
    }
    if ((survey.time_us || !wants_time) && (survey.session || !wants_session)) break;
  }
  return survey;
}

const std::optional<SegmentNames::SessionFile>& SegmentNames::session_file(
    const std::string& path) {
  const auto known = session_files_.find(path);
  if (known != session_files_.end()) return known->second;
  const SourceFile* file = folder_.find(path);
  return session_files_.emplace(path, file == nullptr ? std::nullopt : read_session_file(*file))
      .first->second;
}

std::optional<SegmentNames::SessionFile> SegmentNames::read_session_file(const SourceFile& file) {
  const auto report = [&](ImportFinding::Kind kind, std::string reason) {
    findings_.push_back({kind, file.path, 0, std::move(reason)});
    return std::nullopt;
  };
  std::string text;
  try {
    text = read_whole(folder_.absolute(file), max_record_bytes_);
  } catch (const Unreadable& error) {
    return report(ImportFinding::Kind::unreadable, error.what());
  }
  const auto document = nlohmann::json::parse(text, nullptr, false);
  const auto id = document.is_object() ? document.find("session_id") : document.end();
  if (!document.is_object() || id == document.end() || !id->is_string() ||
      !is_id(id->get_ref<const std::string&>())) {
    return report(ImportFinding::Kind::bad_record, "not an object with a session_id");
  }
  SessionFile session{id->get<std::string>(), {}};
  if (text.size() <= kMaxKeptSessionFileBytes) {
    session.note = {file.path, std::move(text)};
  } else {
    report(ImportFinding::Kind::skipped_file, "too large to keep: an export leaves it out");
  }
  return session;
}

}  // namespace holdfast::interchange
