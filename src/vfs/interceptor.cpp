#include "vfs/interceptor.hpp"

namespace holdfast::vfs {

const char* to_string(FileKind kind) noexcept {
  switch (kind) {
    case FileKind::database:
      return "database";
    case FileKind::wal:
      return "wal";
    case FileKind::shm:
      return "shm";
    case FileKind::journal:
      return "journal";
    case FileKind::temporary:
      return "temporary";
    case FileKind::other:
      return "other";
  }
  return "unknown";
}

}  // namespace holdfast::vfs
