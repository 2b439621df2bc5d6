#include "rot/sound.hpp"

#include "engine/statement.hpp"

#include <sqlite3.h>

namespace holdfast::test {

vfs::Verdict DamagedReads::before(const vfs::Call& call) {
  if (damage == nullptr || !damage->length || call.file != vfs::FileKind::database ||
      call.operation != vfs::Operation::file_size) {
    return vfs::Verdict::proceed();
  }
  return {.action = vfs::Verdict::Action::skip,
          .bytes = static_cast<std::int64_t>(*damage->length)};
}

int DamagedReads::after(const vfs::Call& call, int result) {
  if (call.file != vfs::FileKind::database || call.operation != vfs::Operation::read) return result;
  const auto offset = static_cast<std::size_t>(call.offset);
  const auto bytes = static_cast<std::size_t>(call.bytes);
  if (pages_read != nullptr && offset / kPageBytes < pages_read->size())
    (*pages_read)[offset / kPageBytes] = true;
  if (damage == nullptr || result != SQLITE_OK) return result;
  return damage->apply(call.buffer, bytes, offset) ? result : SQLITE_IOERR_SHORT_READ;
}

void forget_pages(const Database& database) {
  engine::Access::link(database).read(
      [](engine::Connection& connection) { sqlite3_db_release_memory(connection.handle()); });
}

std::string roots_of(const Database& database) {
  return engine::Access::link(database).read([](engine::Connection& connection) {
    engine::Statement select(connection, "SELECT name, rootpage FROM sqlite_schema");
    std::string roots;
    auto row = select.run();
    while (row.step())
      roots += row.string(0) + " " + std::to_string(row.integer(1)) + "\n";
    return roots;
  });
}

SoundDatabase::SoundDatabase() {
  make();
  find_needs();
}

void SoundDatabase::make() {
  Ground ground;
  for (const Step& step : sample_steps()) {
    Database db = ground.open();
    step(db);
    db.close();
    history_.push_back(ground.disk.snapshot().at(kDiskPath));
  }
  image_ = ground.disk.snapshot();
  Ground copy(image_);
  Database db = copy.open();
  answers_ = read_sample(db).all();
  roots_ = roots_of(db);
  copy.next_day();
  write_more(db);
  later_answers_ = read_sample(db).all();
}

void SoundDatabase::find_needs() {
  Ground ground(image_);
  DamagedReads reads;
  opening_.assign(pages(), false);
  reads.pages_read = &opening_;
  Database db = ground.open(&reads);
  needs_.assign(answers_.size(), std::vector<bool>(pages(), false));
  // Each call begins without cached pages.
  static_cast<void>(read_sample(db, [&](std::size_t call, std::size_t) {
    reads.pages_read = nullptr;
    forget_pages(db);
    reads.pages_read = &needs_[call];
    return true;
  }));
  reads.pages_read = nullptr;
}

}  // namespace holdfast::test
