// The lines of a file, one after the other, in bounded memory.
//
// Shape    a line ends with a line feed, which does not belong to it; the last one may lack it. A byte
//          order mark before the first line does not belong to it either.
// Errors   Unreadable
#pragma once

#include "interchange/source_folder.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::interchange {

class JsonlFile {
 public:
  struct Line {
    std::uint64_t number = 0;    // from 1
    std::string_view text = {};  // until the next call
    bool terminated = false;
    bool too_long = false;  // beyond the limit: `text` is empty
  };

  JsonlFile(const std::string& absolute_path, std::uint64_t max_line_bytes);

  std::optional<Line> next();
  bool has_byte_order_mark() const { return has_byte_order_mark_; }

 private:
  bool fill();
  Line take(std::size_t length, bool terminated);

  InputFile file_;
  std::uint64_t max_line_bytes_;
  std::string buffer_;  // what was read and not taken yet begins at begin_
  std::size_t begin_ = 0;
  std::size_t searched_ = 0;  // no line feed from begin_ to here
  std::uint64_t number_ = 0;
  bool at_end_ = false;
  bool dropping_ = false;  // the line is too long already
  bool has_byte_order_mark_ = false;
};

}  // namespace holdfast::interchange
