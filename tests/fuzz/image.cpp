// Databases and logs. An input is a mode, and then either the whole file or changes to a good one:
// records of {page or frame, offset in it (2 bytes), length, bytes}. Changed frames get their checksums, and
// the checksums of changed pages are taken away, unless the mode says to leave them: else no change would get
// behind them.
#include "fuzz/targets.hpp"
#include "fuzz/wal_frames.hpp"
#include "harness/dump.hpp"
#include "holdfast/error.hpp"
#include "holdfast/maintain.hpp"
#include "rot/ground.hpp"
#include "rot/sample.hpp"

#include <cstdio>
#include <cstdlib>
#include <optional>

namespace holdfast::test {

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

namespace {

constexpr std::size_t kPage = 512;
constexpr std::size_t kLongestChange = 32;
constexpr std::size_t kReservedAt = 20;  // how many bytes at the end of each page are not SQLite's

// Bits of the first byte.
constexpr unsigned kWholeFile = 1;
constexpr unsigned kLeaveChecksums = 2;
constexpr unsigned kReadKeys = 4;
constexpr unsigned kVerify = 8;
constexpr unsigned kWrite = 16;

vfs::MemoryDisk::Image make_image() {
  Ground ground;
  Database db = ground.open();
  for (const Step& step : sample_steps())
    step(db);
  db.close();
  return ground.disk.snapshot();
}

const Bytes& good_file() {
  static const Bytes file = make_image().at(kDiskPath);
  return file;
}

// Some of the sample's last steps once more, in a log that was not moved into the file.
const Bytes& good_log() {
  static const Bytes log = [] {
    Ground ground(vfs::MemoryDisk::Image{{kDiskPath, good_file()}});
    Database db = ground.open();
    db.sessions().append("session-a", "g1", "{}");
    db.runs().append("run-a", {"one", "two"});
    write_more(db);
    return ground.disk.snapshot().at(kDiskWal);
  }();
  return log;
}

template <class Function>
void attempt(const Function& function) {
  try {
    function();
  } catch (const Error&) {
    return;  // what a hostile file may end in
  } catch (const std::bad_optional_access&) {
    return;  // of dump(): a list named what is not there
  }
}

void use(Database& db, unsigned mode) {
  attempt([&] { dump(db); });
  if ((mode & kReadKeys) != 0) static_cast<void>(read_sample(db));
  if ((mode & kVerify) != 0) {
    attempt([&] { static_cast<void>(verify(db)); });
    attempt([&] { static_cast<void>(storage_by_owner(db)); });
    attempt([&] { static_cast<void>(info(db)); });
  }
  if ((mode & kWrite) == 0) return;
  attempt([&] { write_more(db); });
  attempt([&] { db.checkpoints().prune("trace-a", 1); });
  attempt([&] { db.sessions().truncate("session-a", "g1", 1); });
  attempt([&] { db.runs().remove("run-a"); });
  attempt([&] { db.manifests("job").prune(1); });
  attempt([&] { db.state("orders").restore(2); });
  attempt([&] { shrink(db); });
  attempt([&] { dump(db); });
}

void open_and_use(vfs::MemoryDisk::Image image, unsigned mode) {
  Ground ground(image);
  attempt([&] {
    Database db = ground.open();
    use(db, mode);
  });
}

// Puts the records' bytes into the pieces of a file, which begin at `first` and are `size` apart.
void change(Bytes& file, std::size_t first, std::size_t size, Input& input, bool forget_checksums) {
  const std::size_t pieces = (file.size() - first) / size;
  while (!input.empty()) {
    const std::size_t begin = first + (input.byte() % pieces) * size;
    const std::size_t offset = input.pair() % size;
    const BytesView bytes = input.take(1 + input.below(kLongestChange));
    const std::size_t fits = std::min(bytes.size(), size - offset);
    std::copy_n(bytes.begin(), fits, file.begin() + static_cast<std::ptrdiff_t>(begin + offset));
    if (!forget_checksums) continue;
    const auto reserved = std::to_integer<std::size_t>(good_file()[kReservedAt]);
    std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(begin + size - reserved),
                reserved,
                std::byte{0});
  }
}

void run_database(BytesView bytes) {
  Input input(bytes);
  const unsigned mode = input.byte();
  Bytes file = good_file();
  if ((mode & kWholeFile) != 0) {
    file = to_bytes(input.all());
  } else {
    change(file, 0, kPage, input, (mode & kLeaveChecksums) == 0);
  }
  open_and_use({{kDiskPath, std::move(file)}}, mode);
}

void run_wal(BytesView bytes) {
  Input input(bytes);
  const unsigned mode = input.byte();
  Bytes log = good_log();
  if ((mode & kWholeFile) != 0) {
    log = to_bytes(input.all());
  } else {
    const bool repair = (mode & kLeaveChecksums) == 0;
    change(log, kWalHeaderBytes, kWalFrameHeaderBytes + kPage, input, repair);
    if (repair) repair_frames(log, kPage);
  }
  open_and_use({{kDiskPath, good_file()}, {kDiskWal, std::move(log)}}, mode);
}

std::string record(unsigned piece, unsigned offset, const std::string& bytes) {
  std::string text;
  text += static_cast<char>(piece);
  text += static_cast<char>(offset);
  text += static_cast<char>(offset >> 8);
  text += static_cast<char>(bytes.size() - 1);
  return text + bytes;
}

std::vector<std::string> image_seeds() {
  const std::string everything(1, static_cast<char>(kReadKeys | kVerify | kWrite));
  return {
      everything,
      everything + record(0, 28, std::string(4, '\0')),  // the size of the file
      everything + record(0, 36, "\x01"),                // the freelist
      everything + record(2, 3, std::string("\x00\xff", 2)),
      everything + record(20, 0, "\x0d"),
      everything + record(40, 100, "\x7f\xff") + record(41, 5, "\xff\xff"),
      std::string(1, static_cast<char>(kLeaveChecksums | kReadKeys)) + record(30, 40, "x"),
      std::string(1, static_cast<char>(kWholeFile)) + "SQLite format 3",
      std::string(1, static_cast<char>(kWholeFile)),
  };
}

}  // namespace

const FuzzTarget kDatabaseTarget{"database", run_database, image_seeds};
const FuzzTarget kWalTarget{"wal", run_wal, image_seeds};

}  // namespace holdfast::test
