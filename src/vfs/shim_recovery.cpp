// What a recovery of the WAL has dropped is looked at before anybody can write over it: SQLite holds the
// writer and the recovery lock, and the WAL is read through SQLite's own handle.
#include "defect.hpp"
#include "vfs/shim_state.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace holdfast::vfs {

namespace {

constexpr std::size_t kChunkBytes = 65536;

bool read_exactly(ShimFile& file, std::int64_t offset, std::span<std::byte> buffer) {
  return file.pMethods->xRead(&file, buffer.data(), static_cast<int>(buffer.size()), offset) ==
         SQLITE_OK;
}

void append_hex(std::string& text, std::uint32_t value) {
  std::array<char, 8> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), value, 16).ptr;
  text.append(8 - static_cast<std::size_t>(end - digits.begin()), '0');
  text.append(digits.begin(), end);
}

// The same log at the same place has the same name, so that a reader who may not repair it, and comes
// again, makes no second copy. SQLite takes the mode from the file whose name stands before the last '-'.
std::string name_of_copy(ShimFile& database, ShimFile& wal, std::uint32_t frames) {
  WalChecksum sum{.first = frames};
  std::array<std::byte, kChunkBytes> start{};
  sqlite3_int64 size = 0;
  wal.pMethods->xFileSize(&wal, &size);
  const auto bytes = static_cast<std::size_t>(
      std::min<sqlite3_int64>(size, static_cast<sqlite3_int64>(start.size())));
  if (read_exactly(wal, 0, std::span(start).first(bytes))) sum.add(std::span(start).first(bytes));
  std::string name = std::string(database.path) + "-wal_damaged_";
  append_hex(name, sum.first);
  append_hex(name, sum.second);
  return name;
}

// A file that the base opened for us.
class BaseFile {
 public:
  BaseFile(sqlite3_vfs& base, const std::string& name)
      : memory_(std::make_unique<std::max_align_t[]>(  // NOLINT(modernize-avoid-c-arrays)
            static_cast<std::size_t>(base.szOsFile) / sizeof(std::max_align_t) + 1)) {
    // A journal, since those have the mode of their database; EXCLUSIVE is not asked for, see above.
    constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_JOURNAL;
    int out_flags = 0;
    opened_ = base.xOpen(&base, name.c_str(), file(), kFlags, &out_flags) == SQLITE_OK;
  }
  BaseFile(const BaseFile&) = delete;
  BaseFile& operator=(const BaseFile&) = delete;
  ~BaseFile() {
    if (file()->pMethods != nullptr) file()->pMethods->xClose(file());
  }
  bool opened() const { return opened_; }
  sqlite3_file* file() const { return reinterpret_cast<sqlite3_file*>(memory_.get()); }

 private:
  std::unique_ptr<std::max_align_t[]> memory_;  // NOLINT(modernize-avoid-c-arrays)
  bool opened_ = false;
};

bool copy_all(ShimFile& wal, std::int64_t size, sqlite3_file& to) {
  std::vector<std::byte> buffer(kChunkBytes);
  for (std::int64_t done = 0; done < size;) {
    const auto bytes = std::min<std::int64_t>(size - done, kChunkBytes);
    const auto chunk = std::span(buffer).first(static_cast<std::size_t>(bytes));
    if (!read_exactly(wal, done, chunk)) return false;
    if (to.pMethods->xWrite(&to, chunk.data(), static_cast<int>(bytes), done) != SQLITE_OK) {
      return false;
    }
    done += bytes;
  }
  return to.pMethods->xTruncate(&to, size) == SQLITE_OK &&
         to.pMethods->xSync(&to, SQLITE_SYNC_FULL) == SQLITE_OK;
}

// Its name; empty: there is none.
std::string keep_copy(ShimFile& database, ShimFile& wal, std::int64_t size, std::uint32_t frames) {
  sqlite3_vfs& base = *database.shim->base;
  std::string name = name_of_copy(database, wal, frames);
  bool kept = false;
  {
    const BaseFile copy(base, name);
    if (!copy.opened()) return {};
    sqlite3_int64 there = 0;
    copy.file()->pMethods->xFileSize(copy.file(), &there);
    kept = there == size || copy_all(wal, size, *copy.file());
  }
  if (kept) return name;
  base.xDelete(&base, name.c_str(), 0);
  return {};
}

void examine(ShimFile& database, ShimFile& wal) {
  const auto index = read_wal_end(database.region);
  sqlite3_int64 size = 0;
  if (!index || wal.pMethods->xFileSize(&wal, &size) != SQLITE_OK) return;
  const WalBytes bytes{.size = size, .read = [&](std::int64_t offset, std::span<std::byte> buffer) {
                         return read_exactly(wal, offset, buffer);
                       }};
  const WalEnd end{.frames = index->frames,
                   .checksum = {.first = index->checksum[0], .second = index->checksum[1]}};
  WalRecovery recovery{.found = scrub_wal(bytes, end), .kept_frames = end.frames};
  if (recovery.found.tail >= WalTail::uncertain && !planted("damaged_log_not_kept")) {
    recovery.copy = keep_copy(database, wal, size, end.frames);
  }
  database.shim->note_recovery(std::move(recovery));
}

}  // namespace

void examine_recovered_wal(ShimFile& database) noexcept {
  if (database.wal == nullptr || database.region == nullptr) return;
  try {
    examine(database, *database.wal);
  } catch (const std::bad_alloc&) {
    return;  // the recovery itself has succeeded
  }
}

}  // namespace holdfast::vfs
