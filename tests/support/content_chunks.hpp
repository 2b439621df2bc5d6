// Which chunks a content is made of, as SQL: the recipe of schema/0002_content.sql, read a second time.
#pragma once

#include <string>

namespace holdfast::test {

// The chunk_keys of the contents whose keys `contents` selects; to stand in parentheses.
inline std::string chunks_of(const std::string& contents) {
  const std::string digits = "'0123456789ABCDEF'";
  const std::string byte = "((instr(" + digits + ", substr(r, 2 * at + 1, 1)) - 1) * 16 + instr(" +
                           digits + ", substr(r, 2 * at + 2, 1)) - 1)";
  const std::string whole = "(value | (" + byte + " << shift))";
  return "WITH RECURSIVE step(r, at, shift, value, chunk_key, whole) AS ("
         "SELECT hex(recipe), 0, 0, 0, 0, 0 FROM content WHERE content_key IN (" +
         contents + ") UNION ALL SELECT r, at + 1, iif(" + byte + " >= 128, shift + 7, 0), iif(" +
         byte + " >= 128, value | ((" + byte + " & 127) << shift), 0), iif(" + byte +
         " >= 128, chunk_key, chunk_key + iif(" + whole + " & 1, -(" + whole + " >> 1) - 1, " +
         whole + " >> 1)), " + byte +
         " < 128 FROM step WHERE 2 * at < length(r)) SELECT chunk_key FROM step WHERE whole";
}

// Makes the bytes of those chunks zeros.
inline std::string zero_chunks(const std::string& contents) {
  return "UPDATE chunk_data SET bytes = zeroblob(length(bytes)) WHERE chunk_key IN (" +
         chunks_of(contents) + ")";
}

// 1: no chunk has too many users or too few, and all have their bytes.
inline constexpr const char* kChunksAreCounted =
    "SELECT (SELECT ifnull(sum(users), 0) FROM chunk)"
    "     = (SELECT ifnull(sum(chunk_count), 0) FROM content)"
    "   AND (SELECT ifnull(sum(dependants), 0) FROM chunk)"
    "     = (SELECT count(keyframe_key) FROM chunk)"
    "   AND (SELECT count(*) FROM chunk) = (SELECT count(*) FROM chunk_data)"
    "   AND NOT EXISTS (SELECT 1 FROM chunk WHERE users + dependants = 0)";

}  // namespace holdfast::test
