#include "engine/open_files.hpp"

#include "defect.hpp"
#include "holdfast/error.hpp"
#include "vfs/platform.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <tuple>
#include <utility>
#include <fcntl.h>
#include <sys/stat.h>

namespace holdfast::engine {

namespace {

std::string describe(int error) {
  return std::system_category().message(error);
}

void check_options(const OpenOptions& options) {
  const auto page = options.page_bytes;
  if (page < 512 || page > 65'536 || (page & (page - 1)) != 0) {
    throw Error(ErrorCode::invalid_argument, "page_bytes is not a power of two from 512 to 65,536");
  }
  if (options.max_readers == 0) {
    throw Error(ErrorCode::invalid_argument, "max_readers is 0");
  }
  if (options.busy_timeout_ms < 0) {
    throw Error(ErrorCode::invalid_argument, "busy_timeout_ms is negative");
  }
}

// All but the functions, and what only an opening itself asks for.
auto comparable(const OpenOptions& o) {
  return std::tie(o.durability,
                  o.read_only,
                  o.busy_timeout_ms,
                  o.max_payload_bytes,
                  o.page_bytes,
                  o.cache_bytes,
                  o.max_readers,
                  o.wal_checkpoint_bytes,
                  o.wal_soft_limit_bytes,
                  o.wal_hard_limit_bytes,
                  o.committer_thread);
}

// Functions cannot be compared: those of the first opening stay in use. One of another kind would be
// dropped in silence, and so it is refused; the same lambda or class is taken to mean the same.
template <class Function>
bool stays_in_use(const Function& first, const Function& second) {
  return !second || (first && first.target_type() == second.target_type());
}

bool can_share(const OpenOptions& first, const OpenOptions& second) {
  return comparable(first) == comparable(second) && stays_in_use(first.log, second.log) &&
         stays_in_use(first.clock, second.clock) && stays_in_use(first.random, second.random);
}

void check_file_kind(const vfs::ResolvedPath& resolved, const std::string& path) {
  switch (resolved.kind) {
    case vfs::LastComponent::symlink:
      throw Error(ErrorCode::invalid_argument,
                  "the last component of " + path + " is a symbolic link: name the file itself");
    case vfs::LastComponent::directory:
      throw Error(ErrorCode::invalid_argument, path + " is a directory");
    case vfs::LastComponent::other:
      throw Error(ErrorCode::invalid_argument, path + " is not a regular file");
    case vfs::LastComponent::missing:
    case vfs::LastComponent::regular:
      break;
  }
  if (resolved.hard_links > 1) {
    throw Error(ErrorCode::invalid_argument,
                path + " has several hard links: each name would have a log of its own");
  }
}

void check_file_system(const vfs::ResolvedPath& resolved, const OpenOptions& options) {
  switch (vfs::file_system_of(resolved.folder)) {
    case vfs::FileSystemKind::network:
      if (options.allow_network_file_system) return;
      throw Error(ErrorCode::unsupported,
                  "the folder is on a network file system, whose locks and shared memory do not "
                  "hold between machines; OpenOptions::allow_network_file_system overrides");
    case vfs::FileSystemKind::fuse:
    case vfs::FileSystemKind::p9:
      if (options.log) {
        options.log(LogLevel::warning,
                    "the folder is on a file system of a user-space program or a virtual machine's "
                    "host, whose syncs and locks may not be real");
      }
      return;
    case vfs::FileSystemKind::local:
    case vfs::FileSystemKind::unknown:
      return;
  }
}

void check_access(const vfs::ResolvedPath& resolved,
                  const OpenOptions& options,
                  const std::string& path) {
  const bool missing = resolved.kind == vfs::LastComponent::missing;
  if (options.read_only) {
    if (missing) throw Error(ErrorCode::not_found, path + " does not exist");
    // While somebody has the file open, the log and its index are there already.
    if (resolved.folder_writable || vfs::identity_of(resolved.path + "-shm")) return;
    throw Error(ErrorCode::read_only,
                "the folder of " + path +
                    " cannot be written, and the index of the log must lie beside the file: copy "
                    "the file elsewhere, or export it");
  }
  if (missing && !options.create) throw Error(ErrorCode::not_found, path + " does not exist");
  if (!resolved.folder_writable) {
    throw Error(ErrorCode::read_only,
                "the folder of " + path + " cannot be written, and the log lies beside the file");
  }
  if (!missing && !resolved.file_writable) {
    throw Error(ErrorCode::read_only, path + " cannot be written");
  }
}

void create_if_missing(const vfs::ResolvedPath& resolved) {
  if (resolved.kind != vfs::LastComponent::missing) return;
  const auto created = vfs::create_database_file(resolved.path);
  if (created.outcome != vfs::CreateOutcome::failed) return;
  const bool full = created.error == ENOSPC || created.error == EDQUOT;
  throw Error(full ? ErrorCode::full : ErrorCode::io,
              "creating " + resolved.path + ": " + describe(created.error));
}

// On an inode that no engine of ours has open.
void refuse_foreign_descriptor(const vfs::FileIdentity& identity, const std::string& path) {
  const auto scan = vfs::find_descriptors(identity);
  if (scan.descriptors.empty() || planted("second_sqlite_not_noticed")) return;
  throw Error(ErrorCode::conflict,
              "this process has " + path + " open already, as descriptor " +
                  std::to_string(scan.descriptors.front()) +
                  ": closing that would drop the database's locks");
}

}  // namespace

OpenFiles& OpenFiles::instance() {
  static auto* files = new OpenFiles;  // never destroyed: databases may outlive main()
  return *files;
}

std::shared_ptr<Opening> OpenFiles::open(const std::string& path, const OpenOptions& options) {
  check_options(options);
  const auto resolved = vfs::resolve(path);
  if (resolved.error != 0) {
    const bool missing = resolved.error == ENOENT || resolved.error == ENOTDIR;
    throw Error(missing ? ErrorCode::not_found : ErrorCode::invalid_argument,
                "the folder of " + path + ": " + describe(resolved.error));
  }
  check_file_kind(resolved, path);
  check_file_system(resolved, options);
  check_access(resolved, options, path);

  const std::scoped_lock lock(mutex_);
  refuse_replacement(resolved.path);
  create_if_missing(resolved);
  const auto identity = vfs::identity_of(resolved.path);
  if (!identity) throw Error(ErrorCode::io, path + " has vanished while it was opened");
  if (Entry* entry = find(*identity)) return share(*entry, options);
  refuse_foreign_descriptor(*identity, path);
  entries_.reserve(entries_.size() + 1);  // so that what is made here is listed, too
  auto engine = std::make_shared<Engine>(resolved.path, options);
  auto opening = Opening::make(engine);
  entries_.push_back({*identity, std::move(engine), 1});
  return opening;
}

std::shared_ptr<Opening> OpenFiles::open_in_memory(const OpenOptions& options) {
  check_options(options);
  return Opening::make(std::make_shared<Engine>(options));
}

int OpenFiles::open_closed(const std::string& path) {
  const auto resolved = vfs::resolve(path);
  if (resolved.error != 0 || resolved.kind == vfs::LastComponent::missing) {
    throw Error(ErrorCode::not_found, path + " does not exist");
  }
  check_file_kind(resolved, path);
  const std::scoped_lock lock(mutex_);
  const auto identity = vfs::identity_of(resolved.path);
  if (!identity) throw Error(ErrorCode::not_found, path + " does not exist");
  if (find(*identity) != nullptr) {
    throw Error(ErrorCode::conflict, path + " is open in this process: close it first");
  }
  refuse_foreign_descriptor(*identity, path);
  const int descriptor = ::open(resolved.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor >= 0) return descriptor;
  const bool denied = errno == EACCES || errno == EPERM;
  throw Error(denied ? ErrorCode::read_only : ErrorCode::io,
              "cannot read " + path + ": " + describe(errno));
}

void OpenFiles::release(Engine& engine) {
  const std::scoped_lock lock(mutex_);
  const auto entry = std::find_if(
      entries_.begin(), entries_.end(), [&](const Entry& e) { return e.engine.get() == &engine; });
  if (entry == entries_.end()) return engine.shut_down();  // in memory: never listed
  if (--entry->openings > 0) return;
  engine.shut_down();
  entries_.erase(entry);
}

OpenFiles::Entry* OpenFiles::find(const vfs::FileIdentity& identity) {
  const auto entry = std::find_if(
      entries_.begin(), entries_.end(), [&](const Entry& e) { return e.identity == identity; });
  return entry == entries_.end() ? nullptr : &*entry;
}

// The log beside a file that was replaced still belongs to the old one, which we have open: SQLite
// would take it for the new one's, and copy it there.
void OpenFiles::refuse_replacement(const std::string& path) const {
  for (const Entry& entry : entries_) {
    if (entry.engine->path() != path || vfs::identity_of(path) == entry.identity) continue;
    throw Error(ErrorCode::conflict,
                path + " was replaced or removed while this process has it open: close it first");
  }
}

std::shared_ptr<Opening> OpenFiles::share(Entry& entry, const OpenOptions& options) {
  if (entry.engine->forked()) {
    throw Error(ErrorCode::forked,
                "this process inherited the open file through fork(): open it after exec");
  }
  if (!can_share(entry.engine->options(), options)) {
    throw Error(ErrorCode::conflict, "the file is open in this process with other options");
  }
  auto opening = Opening::make(entry.engine);
  ++entry.openings;
  return opening;
}

}  // namespace holdfast::engine
