// The chain of hashes through the records of a flat session log.
//
// Shape    each record has `hash` and `prev_hash`, in hex; `prev_hash` of the first is null (or zeros).
//          hash = SHA-256(32 bytes of the previous hash, zeros at first; the record's JSON as it stands,
//          without those two members)
// Threads  one at a time
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::interchange {

class HashChain {
 public:
  // Has a record both members? A log is a chain if its first record has.
  static bool is_link(std::string_view record);

  // What is wrong with the next record; it is then taken as it is, so that one break is reported once.
  std::optional<std::string> check(std::string_view record);

 private:
  std::string previous_;  // 64 hex digits, or empty before the first record
};

}  // namespace holdfast::interchange
