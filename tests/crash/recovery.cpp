#include "crash/recovery.hpp"

#include "crash/power_loss.hpp"
#include "harness/ground.hpp"
#include "harness/recovered.hpp"
#include "holdfast/maintain.hpp"
#include "support/source_files.hpp"
#include "support/temporary_folder.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace holdfast::test {

namespace {

constexpr std::size_t kLookEvery = 24;
constexpr std::size_t kInterruptEvery = 3;  // of those that are looked at
constexpr std::size_t kInterruptions = 6;
constexpr std::size_t kFileEvery = 64;

}  // namespace

Recovery::Recovery(const Workload& workload,
                   const Ledger& ledger,
                   OpenOptions options,
                   Random& random)
    : workload_(workload), ledger_(ledger), options_(std::move(options)), random_(random) {}

void Recovery::check(const vfs::MemoryDisk::Image& image, Window window) {
  if (seen_.insert(digest_of(image)).second) check_recovered(image, window, true);
}

void Recovery::check_recovered(const vfs::MemoryDisk::Image& image,
                               Window window,
                               bool may_interrupt) {
  const auto contents = digest_of(recovered(image));
  const auto known = dumped_of_.find(contents);
  if (known != dumped_of_.end() && !random_.one_in(kLookEvery)) {
    step_of(known->second, window, "");
    return;
  }
  const auto step = look(image, window);
  dumped_of_[contents] = ledger_.after(step);
  if (may_interrupt && random_.one_in(kInterruptEvery)) interrupt(image, step, window);
}

std::uint64_t Recovery::step_of(std::uint64_t dumped,
                                Window window,
                                const std::string& text) const {
  if (const auto step = ledger_.find(dumped, window.first, window.last)) return *step;
  const std::string range = std::to_string(window.first) + " to " + std::to_string(window.last);
  if (const auto step = ledger_.find(dumped, 0, ledger_.steps())) {
    throw std::runtime_error("it is after " + std::to_string(*step) + " steps, not " + range);
  }
  throw std::runtime_error("it is after no whole number of steps (" + range + ")\n" +
                           ledger_.difference(window.last, text));
}

// Returns after how many steps it was. Some are opened as a real file, beside whose log no index lies.
std::uint64_t Recovery::look(const vfs::MemoryDisk::Image& image, Window window) {
  ++opened_;
  if (random_.one_in(kFileEvery)) {
    const TemporaryFolder folder;
    for (const auto& [name, bytes] : image)
      write_file(folder.path() + name, std::string(as_text(bytes)));
    return look_at(Database::open(folder.path() + kDiskPath, options_), window);
  }
  vfs::MemoryDisk disk;
  disk.restore(image);
  return look_at(open_on(disk, options_), window);
}

std::uint64_t Recovery::look_at(Database db, Window window) const {
  const auto text = dump(db);
  const auto step = step_of(test::digest_of(text), window, text);
  if (db.statistics().log_recovery.finding == LogRecovery::Finding::damaged) {
    throw std::runtime_error("a loss of power is told as damage to the log");
  }
  const auto report = verify(db);
  if (!report.sound()) {
    throw std::runtime_error("verify: " + report.findings.front().place + ": " +
                             report.findings.front().what);
  }
  workload_.step(db, step);
  const auto later = dump(db);
  try {
    step_of(test::digest_of(later), {step + 1, step + 1}, later);
  } catch (const std::exception& error) {
    throw std::runtime_error("after " + std::to_string(step) + " steps and " +
                             workload_.name_of(step) + ": " + error.what());
  }
  db.close();
  return step;
}

// The power goes again, while the file is recovered, written to, and closed. At normal, the log may hold frames
// of later steps behind a gap; the step that is repeated writes the very bytes that were lost, so it closes that gap.
void Recovery::interrupt(const vfs::MemoryDisk::Image& image, std::uint64_t step, Window window) {
  vfs::MemoryDisk disk;
  disk.restore(image);
  Recorder recorder(image);
  {
    auto db = open_on(disk, options_, &recorder);
    workload_.step(db, step);
    db.close();
  }
  const auto& events = recorder.events();
  if (events.empty()) return;
  for (std::size_t i = 0; i < kInterruptions; ++i) {
    PowerLoss power(image);
    const auto end = random_.below(events.size());
    for (std::size_t event = 0; event <= end; ++event)
      power.apply(events[event]);
    const auto again = power.image(static_cast<Loss>(random_.below(kLosses)), random_);
    if (!seen_.insert(digest_of(again)).second) continue;
    ++interrupted_;
    check_recovered(again, {step, std::max(step + 1, window.last)}, false);
  }
}

}  // namespace holdfast::test
