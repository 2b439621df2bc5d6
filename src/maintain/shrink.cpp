#include "access.hpp"
#include "content/upload.hpp"
#include "engine/connection.hpp"
#include "engine/statement.hpp"
#include "holdfast/maintain.hpp"

#include <string>

namespace holdfast {

namespace {

// Pages moved in one transaction. At 8 KiB each this is 2 MiB: a writer that waits for it waits for
// milliseconds.
constexpr std::uint64_t kSlicePages = 256;
constexpr const char* kVacuumSlice = "PRAGMA incremental_vacuum(256)";

std::uint64_t free_pages(engine::Connection& db) {
  return static_cast<std::uint64_t>(db.integer("PRAGMA freelist_count"));
}

struct Slice {
  std::uint64_t before = 0;
  std::uint64_t after = 0;
};

}  // namespace

std::uint64_t shrink(const Database& database, const Progress& progress) {
  engine::Access::free_removed(database);
  const engine::Link& link = engine::Access::link(database);
  content::remove_expired_uploads(link);
  std::uint64_t page_bytes = 0;
  std::uint64_t total = 0;
  link.read([&](engine::Connection& db) {
    page_bytes = static_cast<std::uint64_t>(db.integer("PRAGMA page_size"));
    total = free_pages(db);
  });
  std::uint64_t freed = 0;
  while (freed < total) {
    const Slice slice = link.write(
        [](engine::Connection& db) {
          Slice pages{.before = free_pages(db)};
          db.execute(kVacuumSlice);
          pages.after = free_pages(db);
          return pages;
        },
        kSlicePages * page_bytes);
    // Others free pages and use them up meanwhile: only what this slice did counts, and a slice
    // that did nothing is the end.
    if (slice.after >= slice.before) break;
    freed += slice.before - slice.after;
    if (progress && !progress(freed, total)) break;
  }
  return freed * page_bytes;
}

}  // namespace holdfast
