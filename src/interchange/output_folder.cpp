#include "interchange/output_folder.hpp"

#include "holdfast/error.hpp"
#include "interchange/sha256.hpp"
#include "interchange/source_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::interchange {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBufferBytes = std::size_t{1} << 18U;
constexpr std::size_t kMaxNameBytes = 255;
constexpr std::size_t kMaxPathBytes = 3800;  // any safe_path() of two ids fits

[[noreturn]] void fail_output(int number, const std::string& what) {
  ErrorCode code = ErrorCode::io;
  if (number == ENOSPC || number == EDQUOT) code = ErrorCode::full;
  if (number == EROFS || number == EACCES || number == EPERM) code = ErrorCode::read_only;
  if (number == EEXIST) code = ErrorCode::already_exists;
  throw Error(code, what + ": " + std::generic_category().message(number));
}

bool is_safe(std::string_view path) {
  if (path.size() > kMaxPathBytes || path.find('\0') != std::string_view::npos || !is_utf8(path)) {
    return false;
  }
  for (;;) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == ".." || name.size() > kMaxNameBytes) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

// With all that are missing above it. What is exported was private, and stays so: the umask does not decide.
void make_folder(const std::string& path, const std::string& failure) {
  fs::path made;
  for (const fs::path& part : fs::path(path)) {
    made /= part;
    std::error_code ignored;
    if (fs::is_directory(made, ignored)) continue;
    if (::mkdir(made.c_str(), 0700) != 0 && errno != EEXIST) fail_output(errno, failure);
  }
}

// Renames without replacing. Where the file system cannot, the name was free a moment ago.
int rename_to_free_name(const std::string& from, const std::string& to) {
#ifdef RENAME_NOREPLACE
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
#endif
  return std::rename(from.c_str(), to.c_str());
}

void sync_folder(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) fail_output(errno, "the target folder cannot be synced");
  const int outcome = fsync(descriptor);
  const int number = errno;
  close(descriptor);
  // Some file systems do not sync folders, and say so.
  if (outcome != 0 && number != EINVAL) fail_output(number, "the target folder cannot be synced");
}

}  // namespace

OutputFile::OutputFile(std::string temporary_path, std::string final_path)
    : temporary_path_(std::move(temporary_path)),
      final_path_(std::move(final_path)),
      descriptor_(::open(
          temporary_path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)) {
  if (descriptor_ < 0) fail_output(errno, "a file cannot be made in the target folder");
}

OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  unlink(temporary_path_.c_str());
}

void OutputFile::write(std::string_view bytes) {
  bytes_ += bytes.size();
  buffer_ += bytes;
  if (buffer_.size() >= kBufferBytes) flush();
}

void OutputFile::flush() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t written = ::write(descriptor_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_output(errno, "a file in the target folder cannot be written");
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  buffer_.clear();
}

void OutputFile::finish() {
  flush();
  if (fsync(descriptor_) != 0) fail_output(errno, "a file in the target folder cannot be synced");
  if (rename_to_free_name(temporary_path_, final_path_) != 0) {
    fail_output(errno, "a file in the target folder cannot be named");
  }
  close(std::exchange(descriptor_, -1));
}

bool OutputFolder::claim(const std::string& path) {
  if (!is_safe(path) || files_.contains(path) || folders_.contains(path)) return false;
  for (std::string_view folder = folder_of(path); !folder.empty(); folder = folder_of(folder)) {
    if (files_.contains(std::string(folder))) return false;
  }
  for (std::string_view folder = folder_of(path); !folder.empty(); folder = folder_of(folder)) {
    folders_.insert(std::string(folder));
  }
  files_.insert(path);
  return true;
}

std::string OutputFolder::claim_near(const std::string& path) {
  const std::string folder(folder_of(path));
  const std::string_view name = name_of(path);
  const std::size_t dot = std::min(name.find('.', 1), name.size());
  std::string candidate = path;
  for (std::uint64_t number = 2; !claim(candidate); ++number) {
    candidate = folder + (folder.empty() ? "" : "/") + std::string(name.substr(0, dot)) + "~" +
                std::to_string(number) + std::string(name.substr(dot));
  }
  return candidate;
}

void OutputFolder::open() {
  std::error_code error;
  const fs::file_status status = fs::status(root_, error);
  if (fs::exists(status) && !fs::is_directory(status)) {
    throw Error(ErrorCode::already_exists, "the target is not a folder");
  }
  for (const std::string& path : files_)
    require_vacant(path);
  make_folder(root_, "the target folder cannot be made");
}

// A link in place of a folder would lead out of the target.
void OutputFolder::require_vacant(const std::string& path) const {
  struct stat status {};
  if (lstat((root_ + "/" + path).c_str(), &status) == 0) {
    throw Error(ErrorCode::already_exists, "the target holds a file of this name", {.id = path});
  }
  for (std::string_view folder = folder_of(path); !folder.empty(); folder = folder_of(folder)) {
    const std::string absolute = root_ + "/" + std::string(folder);
    if (lstat(absolute.c_str(), &status) == 0 && !S_ISDIR(status.st_mode)) {
      throw Error(ErrorCode::already_exists,
                  "the target holds something else where a folder is to be",
                  {.id = std::string(folder)});
    }
  }
}

OutputFile OutputFolder::create(const std::string& path) {
  const std::string folder(folder_of(path));
  const std::string absolute = folder.empty() ? root_ : root_ + "/" + folder;
  make_folder(absolute, "a folder cannot be made in the target folder");
  for (std::string_view made = folder; !made.empty(); made = folder_of(made)) {
    made_.insert(std::string(made));
  }
  const std::string temporary =
      absolute + "/.holdfast-" + std::to_string(getpid()) + "-" + std::to_string(++created_);
  return OutputFile(temporary, root_ + "/" + path);
}

void OutputFolder::sync() const {
  sync_folder(root_);
  for (const std::string& folder : made_)
    sync_folder(root_ + "/" + folder);
}

std::string safe_component(std::string_view id) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kEncoded = "/%\\:*?\"<>|";
  constexpr std::size_t kMaxBytes = 200;  // leaves room for a suffix
  constexpr std::size_t kKeptBytes = 128;
  constexpr std::size_t kDigestDigits = 16;
  std::string name;
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    const bool leading_dot = c == '.' && name.empty();
    if (byte >= 0x20 && byte != 0x7f && !leading_dot &&
        kEncoded.find(c) == std::string_view::npos) {
      name += c;
    } else {
      name += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  if (name.empty()) return "%";
  if (name.size() <= kMaxBytes) return name;
  std::size_t kept = kKeptBytes;
  while (kept > 0 && !is_utf8(std::string_view(name).substr(0, kept)))
    --kept;
  return name.substr(0, kept) + "~" + to_hex(sha256({id})).substr(0, kDigestDigits);
}

std::string safe_path(std::string_view id) {
  std::string path;
  for (;;) {
    const std::size_t slash = id.find('/');
    path += safe_component(id.substr(0, slash));
    if (slash == std::string_view::npos) return path;
    path += '/';
    id.remove_prefix(slash + 1);
  }
}

}  // namespace holdfast::interchange
