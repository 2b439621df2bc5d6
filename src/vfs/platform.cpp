#include "vfs/platform.hpp"

#include "defect.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>

#if defined(__linux__)
#include <sys/vfs.h>
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
#include <sys/mount.h>
#include <sys/param.h>
#define HOLDFAST_STATFS_GIVES_NAME
#endif

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::vfs {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  const int number_;
};

struct FreeString {
  void operator()(char* text) const { std::free(text); }
};

// As this process would open it: by the effective user, not the real one.
bool writable(const std::string& path) {
  return faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

// The folder as given, "" for one that is not named, and what follows the last slash.
std::pair<std::string, std::string> split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash + 1), path.substr(slash + 1)};
}

// The canonical path, or "" and errno.
std::string canonical(const std::string& path) {
  const std::unique_ptr<char, FreeString> resolved(realpath(path.c_str(), nullptr));
  return resolved != nullptr ? std::string(resolved.get()) : std::string();
}

std::string join(const std::string& folder, const std::string& name) {
  return folder == "/" ? "/" + name : folder + "/" + name;
}

LastComponent kind_of(const struct stat& status) {
  if (S_ISREG(status.st_mode)) return LastComponent::regular;
  if (S_ISLNK(status.st_mode)) return LastComponent::symlink;
  if (S_ISDIR(status.st_mode)) return LastComponent::directory;
  return LastComponent::other;
}

bool names_directory(const std::string& name) {
  return name.empty() || name == "." || name == "..";
}

// 0, or the errno. A file system that cannot sync folders (EINVAL) promises nothing that could be
// had another way.
int sync_folder(const std::string& folder) {
  const Descriptor descriptor(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.number() < 0) return errno;
  if (::fsync(descriptor.number()) == 0) return 0;
  return errno == EINVAL || errno == ENOTSUP ? 0 : errno;
}

struct Magic {
  std::uint64_t number;
  FileSystemKind kind;
};

// From Linux's linux/magic.h and the file systems' own headers.
constexpr std::array kMagics = {
    Magic{0x00006969, FileSystemKind::network},  // NFS
    Magic{0x0000517B, FileSystemKind::network},  // SMB
    Magic{0xFF534D42, FileSystemKind::network},  // CIFS
    Magic{0xFE534D42, FileSystemKind::network},  // SMB 2 and 3
    Magic{0x5346414F, FileSystemKind::network},  // AFS
    Magic{0x6B414653, FileSystemKind::network},  // the kernel's own AFS
    Magic{0x0000564C, FileSystemKind::network},  // NCP
    Magic{0x73757245, FileSystemKind::network},  // Coda
    Magic{0x00C36400, FileSystemKind::network},  // Ceph
    Magic{0x0BD00BD0, FileSystemKind::network},  // Lustre
    Magic{0x65735546, FileSystemKind::fuse},
    Magic{0x01021997, FileSystemKind::p9},
};

struct Name {
  std::string_view name;
  FileSystemKind kind;
};

constexpr std::array kNames = {
    Name{"nfs", FileSystemKind::network},
    Name{"smbfs", FileSystemKind::network},
    Name{"cifs", FileSystemKind::network},
    Name{"afpfs", FileSystemKind::network},
    Name{"webdav", FileSystemKind::network},
    Name{"fusefs", FileSystemKind::fuse},
    Name{"macfuse", FileSystemKind::fuse},
    Name{"osxfuse", FileSystemKind::fuse},
    Name{"p9fs", FileSystemKind::p9},
    Name{"9p", FileSystemKind::p9},
};

}  // namespace

ResolvedPath resolve(const std::string& path) {
  ResolvedPath resolved;
  if (path.empty() || path.find('\0') != std::string::npos) {
    resolved.error = EINVAL;
    return resolved;
  }
  const auto [given_folder, name] = split(path);
  if (names_directory(name)) {
    resolved.path = canonical(path);
    resolved.folder = split(resolved.path).first;
    if (resolved.folder.size() > 1) resolved.folder.pop_back();
  } else {
    resolved.folder = canonical(given_folder.empty() ? "." : given_folder);
    if (!resolved.folder.empty()) resolved.path = join(resolved.folder, name);
  }
  if (resolved.path.empty()) {
    resolved.error = errno;
    return resolved;
  }
  resolved.folder_writable = writable(resolved.folder);
  struct stat status {};
  if (lstat(resolved.path.c_str(), &status) != 0) {
    if (errno != ENOENT) resolved.error = errno;
    return resolved;
  }
  resolved.kind = kind_of(status);
  resolved.hard_links = static_cast<std::uint64_t>(status.st_nlink);
  resolved.file_writable = writable(resolved.path);
  return resolved;
}

CreateResult create_database_file(const std::string& path) {
  constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;
  const mode_t mode = planted("file_mode_too_open") ? 0644 : kOwnerOnly;
  {
    // Closing it can drop no lock: the inode is new, and nobody of this process has it open.
    const Descriptor created(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (created.number() < 0) {
      if (errno == EEXIST) return {.outcome = CreateOutcome::existed};
      return {.outcome = CreateOutcome::failed, .error = errno};
    }
  }
  const int error = sync_folder(split(path).first);
  if (error != 0) return {.outcome = CreateOutcome::failed, .error = error};
  return {.outcome = CreateOutcome::created};
}

FileSystemKind file_system_of(const std::string& folder) noexcept {
#if defined(__linux__)
  struct statfs status {};
  if (::statfs(folder.c_str(), &status) != 0) return FileSystemKind::unknown;
  // The field is signed, and 32 bits wide on some systems.
  return file_system_from_magic(static_cast<std::uint32_t>(status.f_type));
#elif defined(HOLDFAST_STATFS_GIVES_NAME)
  struct statfs status {};
  if (::statfs(folder.c_str(), &status) != 0) return FileSystemKind::unknown;
  return file_system_from_name(status.f_fstypename);
#else
  static_cast<void>(folder);
  return FileSystemKind::unknown;
#endif
}

FileSystemKind file_system_from_magic(std::uint64_t magic) noexcept {
  for (const Magic& known : kMagics) {
    if (known.number == magic) return known.kind;
  }
  return FileSystemKind::local;
}

FileSystemKind file_system_from_name(std::string_view name) noexcept {
  for (const Name& known : kNames) {
    if (known.name == name) return known.kind;
  }
  return FileSystemKind::local;
}

}  // namespace holdfast::vfs
