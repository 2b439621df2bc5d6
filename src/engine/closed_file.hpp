// The bytes of a database that nobody has open, for salvage: read, never written, never locked.
//
// POSIX locks belong to a process and an inode, so descriptors of our own are allowed only here, on a
// file that no engine of this process has open. As long as one is open, opening an engine on the file
// is `conflict`.
//
// Errors   not_found, invalid_argument (no regular file), read_only (no permission to read), conflict
//          (this process has it open), busy (another process has it open), io
// Threads  one
#pragma once

#include "holdfast/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace holdfast::engine {

// What SQLite leaves alone at the end of each page of every file of ours.
inline constexpr std::uint32_t kReservedPageBytes = 16;

// Does the page's checksum, which covers what searches go by, fail? False where there is none.
bool has_broken_seal(BytesView page, std::uint32_t number);

class RawFile {
 public:
  // Takes the descriptor.
  RawFile(int descriptor, std::string path);
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;
  RawFile(RawFile&& other) noexcept;
  RawFile& operator=(RawFile&&) = delete;
  ~RawFile();

  // When it was opened.
  std::uint64_t size() const { return size_; }
  // How many bytes there were: fewer at the end of the file, and where the medium gives an error
  // (then none).
  std::size_t read(std::uint64_t offset, std::span<std::byte> bytes) const;
  // Neither its size nor its time of change has moved.
  bool unchanged() const;
  // Does another process hold any of SQLite's locks?
  bool locked() const;

 private:
  int descriptor_;
  std::string path_;
  std::uint64_t size_ = 0;
  std::int64_t changed_at_ns_ = 0;
};

class ClosedFile {
 public:
  explicit ClosedFile(const std::string& path);

  const RawFile& database() const { return database_; }
  const RawFile* log() const { return log_ ? &*log_ : nullptr; }
  // busy: somebody wrote meanwhile, and what was read is of no one instant.
  void require_unchanged() const;

 private:
  std::string path_;
  RawFile database_;
  std::optional<RawFile> log_;
};

}  // namespace holdfast::engine
