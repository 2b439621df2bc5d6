#include "engine/closed_file.hpp"

#include "engine/open_files.hpp"
#include "holdfast/error.hpp"
#include "vfs/page_seal.hpp"

#include <cerrno>
#include <system_error>
#include <utility>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::engine {

static_assert(kReservedPageBytes == vfs::kSealBytes);

namespace {

// Where SQLite has its locks: PENDING, RESERVED and SHARED. Who has the file open holds one of these.
constexpr off_t kFirstLockByte = 0x4000'0000;
constexpr off_t kLockBytes = 512;

std::int64_t changed_at_ns(const struct stat& status) {
  return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

std::optional<RawFile> open_log(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor >= 0) return std::optional<RawFile>(std::in_place, descriptor, path);
  if (errno == ENOENT) return std::nullopt;
  throw Error(ErrorCode::io, "cannot read " + path + ": " + std::generic_category().message(errno));
}

}  // namespace

bool has_broken_seal(BytesView page, std::uint32_t number) {
  return vfs::examine_seal(page.data(), page.size(), number) == vfs::Seal::broken;
}

RawFile::RawFile(int descriptor, std::string path)
    : descriptor_(descriptor), path_(std::move(path)) {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) return;
  size_ = static_cast<std::uint64_t>(status.st_size);
  changed_at_ns_ = changed_at_ns(status);
}

RawFile::RawFile(RawFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      size_(other.size_),
      changed_at_ns_(other.changed_at_ns_) {}

RawFile::~RawFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::size_t RawFile::read(std::uint64_t offset, std::span<std::byte> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto got = ::pread(
        descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return 0;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

bool RawFile::unchanged() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return false;
  return static_cast<std::uint64_t>(status.st_size) == size_ &&
         changed_at_ns(status) == changed_at_ns_;
}

bool RawFile::locked() const {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = kFirstLockByte;
  lock.l_len = kLockBytes;
  return ::fcntl(descriptor_, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

ClosedFile::ClosedFile(const std::string& path)
    : path_(path),
      database_(OpenFiles::instance().open_closed(path), path),
      log_(open_log(path + "-wal")) {
  if (database_.locked()) {
    throw Error(ErrorCode::busy, path + " is open in another process: close it there first");
  }
}

void ClosedFile::require_unchanged() const {
  const bool same_log = log_ ? log_->unchanged() : ::access((path_ + "-wal").c_str(), F_OK) != 0;
  if (database_.unchanged() && same_log && !database_.locked()) return;
  throw Error(ErrorCode::busy, path_ + " was opened or changed by another process meanwhile");
}

}  // namespace holdfast::engine
