#include "interchange/hash_chain.hpp"

#include "interchange/json_text.hpp"
#include "interchange/sha256.hpp"

#include <algorithm>
#include <vector>

namespace holdfast::interchange {

namespace {

constexpr std::string_view kHash = "hash";
constexpr std::string_view kPrevious = "prev_hash";
constexpr std::string_view kEntry = "entry";
constexpr std::size_t kHexDigits = 64;

const Member* find(const std::vector<Member>& members, std::string_view name) {
  const auto at = std::find_if(
      members.begin(), members.end(), [&](const Member& member) { return member.name == name; });
  return at == members.end() ? nullptr : &*at;
}

unsigned value_of(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<unsigned>(digit - '0');
  return static_cast<unsigned>(digit - 'a') + 10;
}

bool is_hash(std::string_view text) {
  return text.size() == kHexDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string to_bytes(std::string_view hash) {
  std::string bytes(kHexDigits / 2, '\0');
  for (std::size_t i = 0; i < bytes.size() && !hash.empty(); ++i) {
    bytes[i] = static_cast<char>(value_of(hash[2 * i]) << 4U | value_of(hash[2 * i + 1]));
  }
  return bytes;
}

// The record without the two members, each with one comma beside it; the rest as it stands.
std::string without_hashes(std::string_view record, const std::vector<Member>& members) {
  std::string text = "{";
  std::size_t end_of_last = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i].name == kHash || members[i].name == kPrevious) continue;
    // What stands before a member (the comma, and space if any) is as it was, unless it is the first.
    if (end_of_last != 0)
      text += record.substr(members[i - 1].end, members[i].begin - members[i - 1].end);
    text += record.substr(members[i].begin, members[i].end - members[i].begin);
    end_of_last = members[i].end;
  }
  return text + "}";
}

bool follows(std::string_view hash, std::string_view previous, std::string_view entry) {
  return to_hex(sha256({to_bytes(previous), entry})) == hash;
}

}  // namespace

bool HashChain::is_link(std::string_view record) {
  const std::vector<Member> members = top_level_members(record);
  return find(members, kPrevious) != nullptr && is_hash(plain_string(members, kHash).value_or(""));
}

std::optional<std::string> HashChain::check(std::string_view record) {
  const std::vector<Member> members = top_level_members(record);
  const std::string_view hash = plain_string(members, kHash).value_or("");
  if (!is_hash(hash)) return "the record has no hash: the chain breaks here";

  const std::string_view stated = plain_string(members, kPrevious).value_or("");
  const std::string zeros(kHexDigits, '0');
  const std::string expected = previous_.empty() ? zeros : previous_;
  const bool linked = (stated.empty() ? std::string_view(zeros) : stated) == expected;
  previous_ = std::string(hash);
  if (!linked) return "its prev_hash is not the hash of the record before";

  // Some writers keep the entry in a member of that name instead of beside the hashes.
  const Member* entry = find(members, kEntry);
  if (follows(hash, expected, without_hashes(record, members)) ||
      (entry != nullptr && follows(hash, expected, entry->value))) {
    return std::nullopt;
  }
  return "its hash does not fit its content";
}

}  // namespace holdfast::interchange
