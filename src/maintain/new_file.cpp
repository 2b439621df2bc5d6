#include "maintain/new_file.hpp"

#include "defect.hpp"
#include "holdfast/error.hpp"
#include "holdfast/id.hpp"

#include <cerrno>
#include <chrono>
#include <random>
#include <system_error>
#include <fcntl.h>
#include <unistd.h>

namespace holdfast::maintain {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCopyBytes = 1 << 20;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void fail(int error, const std::string& what, const fs::path& path) {
  ErrorCode code = ErrorCode::io;
  if (error == EEXIST) code = ErrorCode::already_exists;
  if (error == ENOENT || error == ENOTDIR) code = ErrorCode::not_found;
  if (error == ENOSPC || error == EDQUOT) code = ErrorCode::full;
  if (error == EROFS || error == EACCES || error == EPERM) code = ErrorCode::read_only;
  throw Error(code,
              what + " " + path.string() + ": " + std::generic_category().message(error),
              {.id = path.string()});
}

// link() fails where the name is taken, also by a dangling link, in one step. File systems without
// hard links (FAT) leave only a look and a rename.
int move_to_free_name(const fs::path& from, const fs::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) {
    ::unlink(from.c_str());
    return 0;
  }
  if (errno != EPERM && errno != ENOTSUP && errno != ENOSYS) return errno;
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(to, ignored))) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

void write_all(int descriptor, BytesView bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(errno, "cannot write", path);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

// Some file systems cannot sync folders, and promise nothing that could be had another way.
bool cannot_sync(int error) {
  return error == EINVAL || error == ENOTSUP;
}

}  // namespace

NewFile::NewFile(const std::string& target, const std::string& unique) {
  if (target.empty() || target.find('\0') != std::string::npos) {
    throw Error(ErrorCode::invalid_argument, "the target has no name that a file can have");
  }
  target_ = fs::absolute(target);
  if (!target_.has_filename() || target_.filename() == "." || target_.filename() == "..") {
    throw Error(ErrorCode::invalid_argument, "the target names a folder, not a file");
  }
  // Said at once, not after an hour of copying; publish() makes sure.
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(target_, ignored))) fail(EEXIST, "cannot make", target_);
  partial_ = target_;
  partial_ += ".partial-" + unique;
  for (const char* ending : {"", "-wal", "-shm", "-journal"})
    to_remove_.push_back(partial_.string() + ending);
  const mode_t mode = planted("copy_mode_too_open") ? 0644 : 0600;
  const Descriptor created(
      ::open(partial_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (created.number() < 0) fail(errno, "cannot make", target_);
}

NewFile::~NewFile() {
  if (published_) return;
  for (const std::string& path : to_remove_)
    ::unlink(path.c_str());
}

bool NewFile::copy_from(const engine::RawFile& source,
                        const std::string& suffix,
                        const std::function<bool(std::uint64_t done)>& progress) {
  const fs::path path = partial_.string() + suffix;
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.number() < 0) fail(errno, "cannot write", path);
  Bytes bytes(kCopyBytes);
  for (std::uint64_t done = 0; done < source.size();) {
    const std::size_t got = source.read(done, bytes);
    if (got == 0) throw Error(ErrorCode::io, "a file that is to be copied cannot be read");
    write_all(file.number(), BytesView(bytes).first(got), path);
    done += got;
    if (!progress(done)) return false;
  }
  if (::fsync(file.number()) != 0) fail(errno, "cannot sync", path);
  return true;
}

void NewFile::publish() {
  const int error = move_to_free_name(partial_, target_);
  if (error != 0) fail(error, "cannot make", target_);
  published_ = true;
  if (planted("name_of_copy_not_synced")) return;
  const Descriptor folder(
      ::open(target_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const bool synced = folder.number() >= 0 && ::fsync(folder.number()) == 0;
  if (!synced && !cannot_sync(errno)) fail(errno, "cannot sync the folder of", target_);
}

std::string make_unique_name() {
  std::random_device device;
  const auto random = [&] { return std::uint64_t{device()} << 32 | device(); };
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  return Uuid::make_v7(now_ms, random(), random()).to_string();
}

}  // namespace holdfast::maintain
