#include "interchange/source_folder.hpp"

#include "holdfast/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::interchange {

namespace {

namespace fs = std::filesystem;

std::string error_text(int number) {
  return std::generic_category().message(number);
}

// A name as a report can show it: bytes that are not UTF-8 as \xNN.
std::string printable(std::string_view name) {
  if (is_utf8(name)) return std::string(name);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return text;
}

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

class Walk {
 public:
  Walk(SourceFolder& folder, std::vector<ImportFinding>& findings)
      : folder_(folder), findings_(findings) {}

  void run() {
    // A stack of our own: how deep the folders nest is not ours to decide.
    pending_.emplace_back();
    while (!pending_.empty()) {
      const std::string path = std::move(pending_.back());
      pending_.pop_back();
      list(path);
    }
    std::sort(folder_.files.begin(),
              folder_.files.end(),
              [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  }

 private:
  // Not std::filesystem's iterator: that of libstdc++ 12 ends the process where memory runs out.
  void list(const std::string& path) {
    const std::unique_ptr<DIR, CloseFolder> folder(opendir((folder_.root + "/" + path).c_str()));
    if (folder == nullptr) {
      report(ImportFinding::Kind::unreadable, path, error_text(errno));
      return;
    }
    for (;;) {
      errno = 0;
      const dirent* entry = readdir(folder.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      std::string entry_path = path;
      if (!path.empty()) entry_path += '/';
      visit(entry_path += name);
    }
    if (errno != 0) report(ImportFinding::Kind::unreadable, path, error_text(errno));
  }

  void visit(std::string path) {
    struct stat status {};
    if (lstat((folder_.root + "/" + path).c_str(), &status) != 0) {
      report(ImportFinding::Kind::unreadable, path, error_text(errno));
    } else if (!is_utf8(path)) {
      report(ImportFinding::Kind::skipped_file, path, "its name is not UTF-8");
    } else if (S_ISDIR(status.st_mode)) {
      pending_.push_back(std::move(path));
    } else if (S_ISLNK(status.st_mode)) {
      report(ImportFinding::Kind::skipped_file, path, "a symbolic link is not followed");
    } else if (S_ISREG(status.st_mode)) {
      constexpr std::int64_t kMicros = 1'000'000;
      folder_.files.push_back({std::move(path),
                               static_cast<std::uint64_t>(status.st_size),
                               status.st_mtim.tv_sec * kMicros + status.st_mtim.tv_nsec / 1000});
    } else {
      report(ImportFinding::Kind::skipped_file, path, "not a regular file");
    }
  }

  void report(ImportFinding::Kind kind, std::string_view path, std::string reason) {
    findings_.push_back({kind, printable(path), 0, std::move(reason)});
  }

  SourceFolder& folder_;
  std::vector<ImportFinding>& findings_;
  std::vector<std::string> pending_;
};

}  // namespace

const SourceFile* SourceFolder::find(std::string_view path) const {
  const auto at = std::lower_bound(
      files.begin(), files.end(), path, [](const SourceFile& file, std::string_view wanted) {
        return file.path < wanted;
      });
  return at != files.end() && at->path == path ? &*at : nullptr;
}

SourceFolder walk(const std::string& source, std::vector<ImportFinding>& findings) {
  if (source.find('\0') != std::string::npos) {
    throw Error(ErrorCode::invalid_argument, "the path of the source holds a NUL");
  }
  std::error_code error;
  fs::path path = fs::canonical(source, error);
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) {
    throw Error(ErrorCode::not_found, "the source is not there");
  }
  if (error) throw Error(ErrorCode::io, "the source cannot be read: " + error.message());

  SourceFolder folder;
  const bool single = fs::is_regular_file(path, error);
  const std::string file_name = path.filename().string();
  if (single) {
    path = path.parent_path();
  } else if (!fs::is_directory(path, error)) {
    throw Error(ErrorCode::invalid_argument, "the source is neither a folder nor a file");
  }
  folder.root = path.string();
  folder.name = path.has_filename() ? path.filename().string() : "root";
  if (!is_utf8(folder.name)) folder.name = printable(folder.name);
  Walk walk(folder, findings);
  if (!single) {
    walk.run();
    return folder;
  }
  struct stat status {};
  if (stat((folder.root + "/" + file_name).c_str(), &status) != 0 || !is_utf8(file_name)) {
    throw Error(ErrorCode::invalid_argument, "the source cannot be looked at");
  }
  folder.files.push_back({file_name, static_cast<std::uint64_t>(status.st_size), 0});
  return folder;
}

// O_NOFOLLOW and O_NONBLOCK: what was a regular file when the folder was listed may be a link or a
// pipe by now.
InputFile::InputFile(const std::string& absolute_path)
    : descriptor_(open(absolute_path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {
  if (descriptor_ < 0) throw Unreadable(error_text(errno));
  struct stat status {};
  const bool regular = fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
  if (regular) return;
  close(descriptor_);
  throw Unreadable("not a regular file");
}

InputFile::~InputFile() {
  close(descriptor_);
}

std::size_t InputFile::read(char* buffer, std::size_t size) {
  for (;;) {
    const ssize_t got = ::read(descriptor_, buffer, size);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) throw Unreadable(error_text(errno));
  }
}

std::string read_whole(const std::string& absolute_path, std::uint64_t limit) {
  InputFile file(absolute_path);
  std::string bytes;
  std::vector<char> buffer(std::size_t{1} << 18U);
  while (const std::size_t got = file.read(buffer.data(), buffer.size())) {
    if (bytes.size() + got > limit) {
      throw Unreadable("larger than the largest payload, " + std::to_string(limit) + " bytes");
    }
    bytes.append(buffer.data(), got);
  }
  return bytes;
}

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool is_utf8(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  std::size_t at = 0;
  while (at < text.size()) {
    const unsigned first = byte(at);
    const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || at + length > text.size()) return false;
    for (std::size_t i = 1; i < length; ++i) {
      if ((byte(at + i) & 0xc0U) != 0x80) return false;
    }
    // Over-long forms, surrogates, and what lies beyond Unicode.
    if (first == 0xe0 && byte(at + 1) < 0xa0) return false;
    if (first == 0xed && byte(at + 1) > 0x9f) return false;
    if (first == 0xf0 && byte(at + 1) < 0x90) return false;
    if (first == 0xf4 && byte(at + 1) > 0x8f) return false;
    at += length;
  }
  return true;
}

}  // namespace holdfast::interchange
