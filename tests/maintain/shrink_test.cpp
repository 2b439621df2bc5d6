#include "holdfast/maintain.hpp"
#include "support/catch.hpp"
#include "support/full_database.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

using namespace holdfast;

namespace {

// About so many bytes, written and removed again.
void leave_free_pages(const Database& db, int payloads) {
  for (int i = 0; i < payloads; ++i) {
    db.checkpoints().save("gone",
                          {std::to_string(i),
                           to_bytes(test::large_payload(static_cast<std::uint64_t>(i), 500'000)),
                           0,
                           0});
  }
  db.checkpoints().remove_trace("gone");
}

}  // namespace

TEST_CASE("shrink gives back what was freed, and keeps what is there") {
  test::TemporaryDatabase db;
  test::fill(*db);
  leave_free_pages(*db, 10);
  const DatabaseInfo before = info(*db);
  REQUIRE(before.free_pages > 100);
  const std::uint64_t freed = shrink(*db);
  const DatabaseInfo after = info(*db);
  REQUIRE(after.free_pages == 0);
  REQUIRE(freed >= before.free_pages * before.page_bytes);
  REQUIRE(before.page_count - after.page_count == freed / before.page_bytes);
  REQUIRE(verify(*db).findings.empty());
  REQUIRE(shrink(*db) == 0);
  db.close();
  REQUIRE(std::filesystem::file_size(db.file()) == after.page_count * after.page_bytes);
}

TEST_CASE("shrink goes in slices, beside writers, and can be stopped between two") {
  test::TemporaryDatabase db(test::Ground::file, {.page_bytes = 1024});
  leave_free_pages(*db, 10);
  std::atomic<std::uint64_t> written{0};
  std::jthread writer([&](const std::stop_token& stop) {
    while (!stop.stop_requested())
      written = db->runs().append("run", {"{}"});
  });
  std::uint64_t calls = 0;
  const std::uint64_t freed = shrink(*db, [&](std::uint64_t done, std::uint64_t total) {
    CHECK(done > 0);
    CHECK(total > 0);
    const std::uint64_t before = written;
    while (written == before)
      std::this_thread::yield();
    return ++calls < 3;
  });
  writer.request_stop();
  writer.join();
  REQUIRE(calls == 3);
  REQUIRE(freed > 0);
  REQUIRE(info(*db).free_pages > 0);
  REQUIRE(verify(*db).findings.empty());
}

TEST_CASE("shrink of a file that is open for reading only is refused") {
  test::TemporaryDatabase db;
  leave_free_pages(*db, 1);
  db.close();
  const Database reader = Database::open(db.file(), {.read_only = true});
  test::require_error(ErrorCode::read_only, [&] { shrink(reader); });
}
