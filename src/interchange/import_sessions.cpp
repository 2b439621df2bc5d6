#include "interchange/import_sessions.hpp"

#include "holdfast/error.hpp"
#include "holdfast/limits.hpp"
#include "interchange/progress_meter.hpp"
#include "interchange/segment_import.hpp"
#include "interchange/session_plan.hpp"
#include "interchange/write_queue.hpp"

#include <optional>
#include <string>
#include <utility>

namespace holdfast::interchange {

namespace {

class SessionImport {
 public:
  SessionImport(Database& database,
                const SourceFolder& folder,
                const ImportOptions& options,
                ImportReport& report)
      : database_(database),
        folder_(folder),
        report_(report),
        queue_(database, report),
        names_(folder, options.session_field, database.max_payload_bytes(), report.findings),
        segment_import_(database, queue_, report) {}

  void segment(const SegmentFiles& files) {
    SegmentTarget target;
    const bool known = guarded(files.first(), [&] {
      target.name = names_.name(files);
      return is_addressable(files, target) && look_up(files, target);
    });
    if (!known) return;
    import(files.log, Stream::entries, target);
    import(files.trace, Stream::trace, target);
  }

  void pod(const PodFile& pod) {
    guarded(*pod.file, [&] {
      std::string text = read_whole(folder_.absolute(*pod.file), database_.max_payload_bytes());
      const auto stored = database_.sessions().pods().read_by_name(pod.name);
      if (stored && *stored == text) {
        ++report_.files_unchanged;
        return true;
      }
      if (stored) {
        refuse(*pod.file, ImportFinding::Kind::conflict, "other metadata is stored for this pod");
        return false;
      }
      const std::uint64_t bytes = text.size();
      queue_.add({pod.file->path,
                  {},
                  bytes,
                  [this, name = pod.name, text = std::move(text)] {
                    database_.sessions().pods().write(name, text);
                  },
                  [this, bytes] {
                    ++report_.pods;
                    report_.bytes += bytes;
                  }});
      return true;
    });
  }

  void finish() { queue_.commit(); }

 private:
  void refuse(const SourceFile& file, ImportFinding::Kind kind, std::string reason) {
    report_.findings.push_back({kind, file.path, 0, std::move(reason)});
  }

  // Runs work on one file; what is wrong with the file, or with what is stored for it, stops only that.
  template <class Work>
  bool guarded(const SourceFile& file, Work&& work) {
    try {
      return work();
    } catch (const Unreadable& error) {
      refuse(file, ImportFinding::Kind::unreadable, error.what());
    } catch (const Error& error) {
      if (error.code() != ErrorCode::corrupt && error.code() != ErrorCode::invalid_argument) throw;
      const bool damaged = error.code() == ErrorCode::corrupt;
      refuse(file,
             damaged ? ImportFinding::Kind::conflict : ImportFinding::Kind::bad_record,
             error.what());
    }
    return false;
  }

  bool is_addressable(const SegmentFiles& files, const SegmentTarget& target) {
    if (target.name.session.size() <= kMaxIdBytes && target.name.segment.size() <= kMaxIdBytes) {
      return true;
    }
    const std::string reason =
        "its path is longer than an id can be, " + std::to_string(kMaxIdBytes) + " bytes";
    refuse(files.first(), ImportFinding::Kind::skipped_file, reason);
    return false;
  }

  bool look_up(const SegmentFiles& files, SegmentTarget& target) {
    queue_.settle(target.name.segment);
    const auto info = database_.sessions().info(target.name.segment);
    if (!info) return true;
    if (info->session != target.name.session) {
      refuse(files.first(),
             ImportFinding::Kind::conflict,
             "its segment belongs to the session " + info->session);
      return false;
    }
    target.stored = {true, true, info->entry_count, info->trace_count, info->metadata};
    return true;
  }

  void import(const SourceFile* file, Stream stream, SegmentTarget& target) {
    if (file == nullptr) return;
    guarded(*file, [&] {
      segment_import_.run(folder_, *file, stream, target);
      return true;
    });
  }

  Database& database_;
  const SourceFolder& folder_;
  ImportReport& report_;
  WriteQueue queue_;
  SegmentNames names_;
  SegmentImport segment_import_;
};

}  // namespace

void import_sessions(Database& database,
                     const SourceFolder& folder,
                     const ImportOptions& options,
                     ImportReport& report) {
  const SessionPlan plan = plan_sessions(folder);
  report.files_skipped = folder.files.size() - plan.files;
  ProgressMeter progress(options.progress, plan.bytes);
  progress.add(0);
  SessionImport import(database, folder, options, report);
  for (const SegmentFiles& files : plan.segments) {
    if (progress.stopped()) break;
    import.segment(files);
    report.files += (files.log != nullptr ? 1U : 0U) + (files.trace != nullptr ? 1U : 0U);
    progress.add((files.log != nullptr ? files.log->bytes : 0) +
                 (files.trace != nullptr ? files.trace->bytes : 0));
  }
  for (const PodFile& pod : plan.pods) {
    if (progress.stopped()) break;
    import.pod(pod);
    ++report.files;
    progress.add(pod.file->bytes);
  }
  import.finish();
  report.stopped = progress.stopped();
}

}  // namespace holdfast::interchange
