#include "interchange/write_queue.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace holdfast::interchange {

namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{4} << 20U;
constexpr std::size_t kMaxWrites = 256;

// Said of the content or the id, not of the database: the next file may well be taken.
bool is_refusal(ErrorCode code) {
  return code == ErrorCode::conflict || code == ErrorCode::already_exists ||
         code == ErrorCode::not_found || code == ErrorCode::invalid_argument ||
         code == ErrorCode::too_large;
}

ImportFinding refusal(const std::string& file, const Error& error) {
  const bool bad =
      error.code() == ErrorCode::invalid_argument || error.code() == ErrorCode::too_large;
  return {
      bad ? ImportFinding::Kind::bad_record : ImportFinding::Kind::conflict, file, 0, error.what()};
}

}  // namespace

void WriteQueue::add(QueuedWrite write) {
  if (refused(write.file)) return;
  bytes_ += write.bytes;
  writes_.push_back(std::move(write));
  if (bytes_ >= kMaxBytes || writes_.size() >= kMaxWrites) commit();
}

void WriteQueue::settle(const std::string& segment) {
  const auto waits = [&](const QueuedWrite& write) { return write.segment == segment; };
  if (std::any_of(writes_.begin(), writes_.end(), waits)) commit();
}

void WriteQueue::commit() {
  if (writes_.empty()) return;
  // An exception leaves the queue empty, too: its writes were not made, and are not made later.
  const std::vector<QueuedWrite> writes = std::exchange(writes_, {});
  bytes_ = 0;
  std::vector<const QueuedWrite*> applied;
  std::vector<ImportFinding> findings;
  const auto apply_all = [&] {
    for (const QueuedWrite& write : writes) {
      if (refused(write.file)) continue;
      const auto finding = apply(write);
      if (finding) refused_file_ = write.file;
      if (finding) findings.push_back(*finding);
      if (!finding) applied.push_back(&write);
    }
  };
  database_.transact(apply_all);
  report_.findings.insert(report_.findings.end(), findings.begin(), findings.end());
  for (const QueuedWrite* write : applied) {
    if (write->counted) write->counted();
  }
}

// In a savepoint of its own: a write that is refused leaves nothing behind, and the others stay.
std::optional<ImportFinding> WriteQueue::apply(const QueuedWrite& write) {
  try {
    database_.transact(write.apply);
    return std::nullopt;
  } catch (const Error& error) {
    if (!is_refusal(error.code())) throw;
    return refusal(write.file, error);
  }
}

}  // namespace holdfast::interchange
