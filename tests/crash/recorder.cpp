#include "crash/recorder.hpp"

#include <sqlite3.h>

namespace holdfast::test {

using Kind = DiskEvent::Kind;
using vfs::Operation;

Recorder::Recorder(const vfs::MemoryDisk::Image& image) {
  for (const auto& [name, bytes] : image) {
    names_.emplace(name, folder_due_.size());
    folder_due_.push_back(false);
  }
}

void Recorder::acknowledge(std::uint64_t steps) {
  events_.push_back({.kind = Kind::acknowledge, .offset = steps});
}

vfs::Verdict Recorder::before(const vfs::Call& call) {
  if (call.operation == Operation::close) handles_.erase(call.handle);
  return vfs::Verdict::proceed();
}

int Recorder::after(const vfs::Call& call, int result) {
  if (result != SQLITE_OK) return result;
  if (call.operation == Operation::open) opened(call);
  if (call.operation == Operation::remove) removed(call);
  const auto found = handles_.find(call.handle);
  if (found == handles_.end()) return result;
  const auto file = found->second;
  const auto number = static_cast<std::uint64_t>(call.offset);
  switch (call.operation) {
    case Operation::write:
      events_.push_back({Kind::write,
                         file,
                         number,
                         std::string(reinterpret_cast<const char*>(call.data),
                                     static_cast<std::size_t>(call.bytes))});
      break;
    case Operation::truncate:
      events_.push_back({Kind::truncate, file, static_cast<std::uint64_t>(call.bytes)});
      break;
    case Operation::sync:
      events_.push_back({.kind = Kind::sync, .file = file, .with_folder = folder_due_[file]});
      folder_due_[file] = false;
      break;
    default:
      break;
  }
  return result;
}

void Recorder::opened(const vfs::Call& call) {
  if (call.path == nullptr) return;
  const auto [name, is_new] = names_.try_emplace(call.path, folder_due_.size());
  handles_[call.handle] = name->second;
  if (!is_new) return;
  folder_due_.push_back(call.file == vfs::FileKind::wal || call.file == vfs::FileKind::journal);
  events_.push_back({.kind = Kind::create, .file = name->second, .data = call.path});
}

void Recorder::removed(const vfs::Call& call) {
  const auto name = names_.find(call.path);
  if (name == names_.end()) return;
  events_.push_back({.kind = Kind::remove,
                     .file = name->second,
                     .data = call.path,
                     .with_folder = call.flags != 0});
  names_.erase(name);
}

}  // namespace holdfast::test
