#include "engine/page_copy.hpp"

#include "engine/failure.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <limits>

namespace holdfast::engine {

PageCopy::PageCopy(Connection& source, Connection& target)
    : backup_(sqlite3_backup_init(target.handle(), "main", source.handle(), "main")) {
  if (!backup_) fail(target.handle(), "beginning a copy");
}

PageCopy::~PageCopy() = default;

bool PageCopy::step(std::uint32_t pages) {
  constexpr std::uint32_t kMost = std::numeric_limits<int>::max();
  const int result =
      sqlite3_backup_step(backup_.get(), static_cast<int>(std::clamp(pages, 1U, kMost)));
  if (result == SQLITE_OK) return true;
  if (result == SQLITE_DONE) return false;
  fail(result, "copying pages");
}

std::uint64_t PageCopy::total_pages() const {
  return static_cast<std::uint64_t>(sqlite3_backup_pagecount(backup_.get()));
}

std::uint64_t PageCopy::copied_pages() const {
  return total_pages() - static_cast<std::uint64_t>(sqlite3_backup_remaining(backup_.get()));
}

void PageCopy::Finish::operator()(sqlite3_backup* backup) const noexcept {
  sqlite3_backup_finish(backup);
}

}  // namespace holdfast::engine
